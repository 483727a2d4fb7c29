import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { KdcConfig, TestKdc } from './kdc.ts';
import { krb5Conf } from './krb5-conf.ts';
import { onFreePort, startDaemon, untilListening } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { passwordServer } from './loopback.ts';
import { CLEAN_ENV, run, temporaryFolder } from './run.ts';
import type { Env, RunResult, Scope } from './run.ts';

const BIN = fileURLToPath(new URL('../../bin/realmward.js', import.meta.url));

/** realmward as an operator runs it: the command `realmward serve` with a configuration file and a store of its own. */
export async function startRealmwardKdc(
  scope: Scope,
  { kpasswd: changesPasswords = false, ...config }: KdcConfig = {},
): Promise<TestKdc> {
  const realm = config.realm ?? 'REALM1.EXAMPLE';
  const dir = temporaryFolder(scope);
  const krb5conf = join(dir, 'krb5.conf');
  const env: Env = { ...CLEAN_ENV, HOME: dir, KRB5_CONFIG: krb5conf };
  const file = join(dir, 'realmward.yaml');

  const cli = (args: readonly string[], input?: string): Promise<RunResult> =>
    run(process.execPath, [BIN, ...args, '--config', file], {
      env,
      ...(input === undefined ? {} : { input }),
    });
  const cliOk = async (...args: string[]): Promise<RunResult> => {
    const result = await cli(args);
    if (result.code !== 0)
      throw new Error(`realmward ${args.join(' ')} ended with ${result.code}:\n${result.output}`);
    return result;
  };
  const serve = async (port: number): Promise<Daemon> => {
    const daemon = startDaemon(scope, process.execPath, [BIN, 'serve', '--config', file], {
      env,
      log: join(dir, 'log'),
    });
    await untilListening(daemon, port);
    if (config.https !== undefined) await untilListening(daemon, port, '127.0.0.2');
    return daemon;
  };
  const started = await onFreePort((port) => {
    const listen = {
      kdc: [`127.0.0.1:${port}`],
      ...(config.https === undefined ? {} : { https: [`127.0.0.2:${port}`] }),
      ...(changesPasswords ? { kpasswd: [passwordServer(port)] } : {}),
    };
    const realmOptions = changesPasswords ? { kpasswd_server: passwordServer(port) } : {};
    writeFileSync(krb5conf, krb5Conf({ realm, port, realmOptions }));
    writeFileSync(file, stringify({ ...config, realm, data: join(dir, 'data'), store: 'sqlite', listen }));
    return serve(port);
  });
  const { port } = started;
  let { daemon } = started;
  // What another process changes, the server knows within one second.
  const change = async (...args: string[]): Promise<void> => {
    await cliOk(...args);
    await sleep(1000);
  };
  let keytabs = 0;
  return {
    implementation: 'realmward',
    realm,
    address: '127.0.0.1',
    port,
    kpasswd: changesPasswords ? passwordServer(port) : undefined,
    dir,
    krb5conf,
    get pid() {
      return daemon.pid;
    },
    env,
    log: () => daemon.log(),
    exportKeytab: async (...principals) => {
      const path = join(dir, `${++keytabs}.keytab`);
      await cliOk('keytab', 'export', ...principals, '--out', path);
      return path;
    },
    exportRealmKey: async () => {
      const path = join(dir, `${++keytabs}.keytab`);
      const { writeRealmKey } = await import('./realm-key.ts');
      await writeRealmKey(file, path);
      return path;
    },
    disable: (user) => change('user', 'disable', user),
    expirePassword: (user) => change('user', 'set', user, '--must-change'),
    rotateRealmKey: () => change('krbtgt', 'rotate'),
    cli,
    stop: () => daemon.stop(),
    restart: async () => {
      await daemon.stop();
      const from = performance.now();
      daemon = await serve(port);
      return performance.now() - from;
    },
  };
}
