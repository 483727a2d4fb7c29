import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sid } from '../../base/sid.ts';
import { nodeCrypto } from '../../crypto/node.ts';
import { createKdc, requestTooLong } from '../../kdc/kdc.ts';
import type { KdcOptions } from '../../kdc/realm.ts';
import { createLog } from '../../ops/log.ts';
import { startTimeSync } from '../../ops/time-sync.ts';
import { ensureDataDir } from '../../store/data-dir.ts';
import { lockDataDir } from '../../store/lock.ts';
import type { Endpoint } from '../../transport/endpoint.ts';
import { formatEndpoint } from '../../transport/endpoint.ts';
import { startTransports } from '../../transport/listen.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { clientKrb5Conf } from '../krb5-conf.ts';
import { logJoinEvent, logKdcEvent, logKpasswdEvent, logLoginEvent, logWebEvent } from '../log-event.ts';
import { trustWarningsOf } from '../trusts.ts';
import {
  type Environment,
  openRealm,
  type Prepared,
  prepareRealm,
  systemClock,
  trustCrypto,
} from './realm.ts';
import { startPasswordServer } from './kpasswd.ts';
import type { WebServer } from './web.ts';

export interface ServerOptions {
  readonly environment: Environment;
  /** Log lines for people on standard output, too. */
  readonly pretty: boolean;
}

/** A server that serves. */
export interface Server {
  readonly sid: Sid;
  /** What was made at this start. */
  readonly prepared: Prepared;
  /** Where the KDC listens, with real ports. */
  readonly listening: readonly Endpoint[];
  /** Where passwords are changed; nowhere, or on these addresses. */
  readonly kpasswd: readonly Endpoint[];
  /** The HTTPS server; `undefined`: there is none. */
  readonly web: Pick<WebServer, 'listening' | 'urls' | 'fingerprint' | 'caFile'> | undefined;
  /** Path of a krb5.conf for clients on this machine. */
  readonly krb5conf: string;
  /** Opens the log file anew, after log rotation has renamed it, and takes the names and the certificate of HTTPS anew. Errors are logged. */
  reload(): Promise<void>;
  /** Answers what is in work, writes what waits to be written, lets go of ports and data folder. A second call waits for the first. */
  stop(): Promise<void>;
}

/**
 * Starts the server of a configuration; it serves when the promise resolves. Where something fails on the way, everything that was opened is
 * closed again. Throws `RealmwardError`, among others `data-in-use` and `port-in-use` with who is there already.
 */
export async function startServer(config: Config, options: ServerOptions): Promise<Server> {
  await using opened = new AsyncDisposableStack();
  const log = createLog({
    level: config.log.level,
    pretty: options.pretty,
    ...(config.log.file === undefined ? {} : { file: config.log.file }),
  });
  opened.defer(() => log.close());
  const { logger } = log;

  ensureDataDir(config.data, logger);
  const lock = lockDataDir(config.data, systemClock);
  opened.defer(() => lock.release());
  const realm = await openRealm(config, { environment: options.environment, log: logger });
  opened.defer(() => realm.close());
  const prepared = await prepareRealm(realm, options.environment);
  for (const trust of prepared.changedTrusts)
    logger.info({ trust }, 'the trust was changed to what the configuration says');
  for (const warning of await trustWarningsOf(realm)) logger.warn(warning);

  const kdcOptions: KdcOptions = {
    realm: config.realm,
    sid: prepared.sid,
    crypto: nodeCrypto,
    trustCrypto,
    clock: systemClock,
    directory: realm.store.directory,
    logins: realm.store.recorder,
    policy: config.policy,
    trusts: realm.store.trustDirectory,
    observe: (event) => logKdcEvent(log, event),
  };
  const kdc = createKdc(kdcOptions);
  const transports = await startTransports({
    listen: config.listen.kdc,
    handler: kdc,
    log: logger,
    udpReplyLimit: config.udpReplyLimit,
    // This reason has an error code, so there is an answer.
    fieldTooLong: () => requestTooLong(kdcOptions) as Uint8Array,
  });
  opened.defer(() => transports.close());
  const passwords = await startPasswordServer(realm, {
    log: logger,
    observe: (event) => logKpasswdEvent(log, event),
  });
  opened.defer(() => passwords.close());
  const krb5conf = writeKrb5Conf(config, { kdc: transports.addresses, kpasswd: passwords.listening });
  // Loaded when the KDC serves already, and only where there is HTTPS: its libraries take as long as all the rest.
  const web =
    config.https &&
    (await (
      await import('./web.ts')
    ).startWebServer({
      https: config.https,
      realm,
      sid: prepared.sid,
      kdc,
      kdcListening: transports.addresses,
      passwords,
      log: logger,
      observe: (event) => logWebEvent(log, event),
      observeJoin: (event) => logJoinEvent(log, event),
      observeLogin: (event) => logLoginEvent(log, event),
    }));
  opened.defer(() => web?.close());
  if (config.time !== undefined) {
    const { servers, interval } = config.time;
    const { clockSkew } = config.policy;
    const clock = startTimeSync({ servers, interval: interval * 1000, clockSkew, log: logger });
    opened.defer(() => clock.stop());
  }

  logger.info(
    {
      realm: config.realm,
      sid: prepared.sid,
      listen: transports.addresses.map(formatEndpoint),
      kpasswd: passwords.listening.map(formatEndpoint),
      https: web?.urls,
      caFingerprint: web?.fingerprint,
      data: config.data,
    },
    'serving',
  );
  logger.debug(
    { milliseconds: Math.round(performance.now()) },
    'ready, counted from the start of the process',
  );
  const resources = opened.move();
  let stopping: Promise<void> | undefined;
  return {
    sid: prepared.sid,
    prepared,
    listening: transports.addresses,
    kpasswd: passwords.listening,
    web,
    krb5conf,
    async reload() {
      log.reopen();
      logger.info('log opened anew');
      try {
        const { https } = loadConfig(config.file);
        if (web !== undefined && https !== undefined) await web.reload(https);
      } catch (error) {
        logger.error(
          { err: error },
          'the configuration of HTTPS could not be taken anew; what was there before still counts',
        );
      }
    },
    stop() {
      if (stopping === undefined) logger.info('stopping');
      return (stopping ??= resources.disposeAsync());
    },
  };
}

function writeKrb5Conf(config: Config, listening: Parameters<typeof clientKrb5Conf>[1]): string {
  const file = join(config.data, 'krb5.conf');
  writeFileSync(file, clientKrb5Conf(config.realm, listening));
  return file;
}
