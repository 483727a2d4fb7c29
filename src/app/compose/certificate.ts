import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { RealmwardError } from '../../base/errors.ts';
import { type Clock, type Logger, nowSeconds, type Seconds } from '../../base/ports.ts';
import type { TlsMaterial } from '../../http/tls.ts';
import { type CertificateFiles, checkCertificate } from '../../pki/configured.ts';
import type { HttpsConfig } from '../config/https.ts';
import { type LocalAuthority, openLocalAuthority } from './authority.ts';

/** The certificate that the HTTPS server shows, and who stands behind it. */
export interface ServerCertificate {
  readonly tls: TlsMaterial;
  /** PEM of the CA, where the server has it. */
  readonly ca: string | undefined;
  /** SHA-256 of the CA's certificate, or of the server's own where there is none. */
  readonly fingerprint: string;
  /** Where the CA's certificate can be copied from; `undefined`: it is not the realm's own. */
  readonly caFile: string | undefined;
  readonly until: Seconds;
}

/** Keeps the server's certificate valid. */
export interface CertificateKeeper {
  readonly current: ServerCertificate;
  /** DER of the certificates that connections of now may have begun with: the current one and the one before it. The list changes when they do. */
  readonly shown: readonly Uint8Array[];
  /** Takes what the configuration says now: other names, or files with a new certificate. Throws as `keepCertificate`, and keeps what it had. */
  reload(https: HttpsConfig): Promise<void>;
  /** Issues a new certificate when the time has come; warns about one that we cannot issue. To be called every hour or so. */
  check(): Promise<void>;
}

export interface KeeperOptions {
  readonly realm: string;
  readonly data: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told each certificate but the first. */
  readonly changed: (tls: TlsMaterial) => void;
}

const DAY = 86_400;
/** A certificate of ours is good for 90 days: so many before its end there is a new one. */
const RENEW_BEFORE = 30 * DAY;
/** An operator's own, and our CA's, are spoken of so long before their end. */
const WARN_BEFORE = 21 * DAY;
const WARN_BEFORE_CA = 365 * DAY;

/** Throws `RealmwardError` `bad-https-certificate`, `bad-ca`, `ca-expired`, `exposed-ca-key`. */
export async function keepCertificate(
  https: HttpsConfig,
  options: KeeperOptions,
): Promise<CertificateKeeper> {
  const { log, clock, changed } = options;
  let config = https;
  let current = await obtain(config, options);
  let shown = [leafOf(current)];

  const take = (next: ServerCertificate): void => {
    current = next;
    shown = [leafOf(next), ...shown.slice(0, 1)];
    changed(next.tls);
    log.info({ until: isoDay(next.until), fingerprint: next.fingerprint }, 'HTTPS has a new certificate');
  };

  return {
    get current() {
      return current;
    },
    get shown() {
      return shown;
    },

    async reload(next) {
      const sameNames = next.names.join() === config.names.join();
      if (sameNames && next.files === undefined && config.files === undefined) return;
      const obtained = await obtain(next, options);
      config = next;
      if (obtained.tls.certificate !== current.tls.certificate) take(obtained);
    },

    async check() {
      const left = current.until - nowSeconds(clock);
      if (config.files === undefined) {
        if (left < RENEW_BEFORE) take(await obtain(config, options));
      } else if (left < WARN_BEFORE) {
        const days = Math.max(0, Math.floor(left / DAY));
        log.warn(
          { certificate: config.files.certificate, days },
          'the certificate of HTTPS ends soon: put a new one there, then send SIGHUP',
        );
      }
    },
  };
}

async function obtain({ names, files }: HttpsConfig, options: KeeperOptions): Promise<ServerCertificate> {
  const { realm, data, clock, log } = options;
  if (files !== undefined) return configured(files, names, options);
  const { authority, file }: LocalAuthority = await openLocalAuthority(data, realm, clock);
  const days = Math.floor((authority.until - nowSeconds(clock)) / DAY);
  if (days * DAY < WARN_BEFORE_CA)
    log.warn(
      { days },
      `the CA of the realm ends soon: move ca.key out of ${data} to have a new one made, and give devices its certificate`,
    );
  const { certificate, key, until } = await authority.issueServer(names);
  return {
    // The CA is sent along: whoever has nothing but its fingerprint finds it there, and checks the server by it.
    tls: { certificate: certificate + authority.certificate, key },
    ca: authority.certificate,
    fingerprint: authority.fingerprint,
    caFile: file,
    until,
  };
}

function configured(
  files: NonNullable<HttpsConfig['files']>,
  names: readonly string[],
  { clock, log }: KeeperOptions,
): ServerCertificate {
  const read = (path: string): CertificateFiles['key'] => ({ path, text: readText(path) });
  const checked = checkCertificate(
    { certificate: read(files.certificate), key: read(files.key) },
    names,
    clock,
  );
  if ((statSync(files.key).mode & 0o007) !== 0)
    log.warn({ key: files.key }, 'everybody on this machine may read the private key of HTTPS: chmod o-rwx');
  if (checked.missingNames.length > 0)
    log.warn(
      { certificate: files.certificate, names: checked.missingNames.join(' ') },
      'the certificate of HTTPS is not for all names of https.names: clients that use the others refuse it',
    );
  const { certificate, key, root, fingerprint, until } = checked;
  return { tls: { certificate, key }, ca: root, fingerprint, caFile: undefined, until };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new RealmwardError(
      'bad-https-certificate',
      `${path} cannot be used for HTTPS: ${(error as Error).message}`,
      {
        hint: 'It must exist, and be readable for the user whom realmward runs as.',
        cause: error,
      },
    );
  }
}

function leafOf({ tls }: ServerCertificate): Uint8Array {
  return new X509Certificate(tls.certificate).raw;
}

function isoDay(at: Seconds): string {
  return new Date(at * 1000).toISOString().slice(0, 10);
}
