import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { KdcConfig, TestKdc } from './kdc.ts';
import { krb5Conf } from './krb5-conf.ts';
import { onFreePort, startDaemon, untilListening } from './daemon.ts';
import { CLEAN_ENV, run, temporaryFolder } from './run.ts';
import type { Env, RunResult, Scope } from './run.ts';

const BIN = fileURLToPath(new URL('../../bin/realmward.js', import.meta.url));

/** realmward as an operator runs it: the command `realmward serve` with a configuration file and a store of its own. */
export async function startRealmwardKdc(scope: Scope, config: KdcConfig = {}): Promise<TestKdc> {
  const realm = config.realm ?? 'REALM1.EXAMPLE';
  const dir = temporaryFolder(scope);
  const krb5conf = join(dir, 'krb5.conf');
  const env: Env = { ...CLEAN_ENV, HOME: dir, KRB5_CONFIG: krb5conf };
  const file = join(dir, 'realmward.yaml');
  mkdirSync(join(dir, 'data'), { mode: 0o700 });

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
  const { daemon, port } = await onFreePort(async (port) => {
    writeFileSync(krb5conf, krb5Conf({ realm, port }));
    writeFileSync(
      file,
      stringify({
        ...config,
        realm,
        data: join(dir, 'data'),
        store: 'sqlite',
        listen: { kdc: [`127.0.0.1:${port}`] },
      }),
    );
    const daemon = startDaemon(scope, process.execPath, [BIN, 'serve', '--config', file], { env });
    await untilListening(daemon, port);
    return daemon;
  });
  let keytabs = 0;
  return {
    implementation: 'realmward',
    realm,
    address: '127.0.0.1',
    port,
    dir,
    krb5conf,
    pid: daemon.pid,
    env,
    log: daemon.log,
    exportKeytab: async (...principals) => {
      const path = join(dir, `${++keytabs}.keytab`);
      await cliOk('keytab', 'export', ...principals, '--out', path);
      return path;
    },
    disable: async (user) => void (await cliOk('user', 'disable', user)),
    expirePassword: async (user) => void (await cliOk('user', 'password', user, '--must-change')),
    rotateRealmKey: async () => void (await cliOk('krbtgt', 'rotate')),
    cli,
    stop: daemon.stop,
  };
}
