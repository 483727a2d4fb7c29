import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onFreePort, startDaemon, untilListening, type Daemon } from './daemon.ts';
import type { KdcConfig, TestKdc } from './kdc.ts';
import { HEIMDAL_ROOT, heimdalLibraryPath } from './peers.ts';
import { CLEAN_ENV, type Env, runOk, type Scope, temporaryFolder } from './run.ts';

/** What of a `TestKdc` Heimdal's is asked for. */
export type HeimdalKdc = Omit<
  TestKdc,
  | 'implementation'
  | 'kpasswd'
  | 'pid'
  | 'exportRealmKey'
  | 'disable'
  | 'expirePassword'
  | 'rotateRealmKey'
  | 'cli'
  | 'restart'
>;

/**
 * Heimdal's kdc (the peer `heimdal-kdc`) with a database of its own in a temporary folder. Of `config` it takes realm, users, services and
 * encryption types.
 */
export async function startHeimdalKdc(scope: Scope, config: KdcConfig = {}): Promise<HeimdalKdc> {
  const realm = config.realm ?? 'REALM1.EXAMPLE';
  const dir = temporaryFolder(scope);
  const krb5conf = join(dir, 'krb5.conf');
  const kdcEnv: Env = { ...CLEAN_ENV, LD_LIBRARY_PATH: heimdalLibraryPath(), KRB5_CONFIG: krb5conf };
  const kadmin = (...args: string[]) =>
    runOk(join(HEIMDAL_ROOT, 'usr/bin/kadmin.heimdal'), ['-l', '-r', realm, ...args], { env: kdcEnv });

  const serve = async (port: number): Promise<Daemon> => {
    writeFileSync(krb5conf, krb5Conf(realm, port, dir, config));
    if (!existsSync(join(dir, 'made'))) {
      await kadmin('init', '--realm-max-ticket-life=10h', '--realm-max-renewable-life=7d', realm);
      writeFileSync(join(dir, 'made'), '');
      for (const { name, password } of config.users ?? [])
        await kadmin('add', '--use-defaults', `--password=${password}`, name);
      for (const { name } of config.services ?? [])
        await kadmin('add', '--use-defaults', '--random-key', name);
    }
    const daemon = startDaemon(
      scope,
      join(HEIMDAL_ROOT, 'usr/lib/heimdal-servers/kdc'),
      ['--addresses=127.0.0.1', `--ports=${port}/udp ${port}/tcp`, `--config-file=${krb5conf}`],
      { env: kdcEnv, log: join(dir, 'output') },
    );
    await untilListening(daemon, port);
    return daemon;
  };
  const { daemon, port } = await onFreePort(serve);
  let keytabs = 0;
  return {
    realm,
    address: '127.0.0.1',
    port,
    dir,
    krb5conf,
    env: { ...CLEAN_ENV, HOME: dir, KRB5_CONFIG: krb5conf },
    log: () => readFileSync(join(dir, 'kdc.log'), 'utf8'),
    exportKeytab: async (...principals) => {
      const path = join(dir, `${++keytabs}.keytab`);
      await kadmin('ext_keytab', '-k', path, ...principals);
      return path;
    },
    stop: () => daemon.stop(),
  };
}

function krb5Conf(realm: string, port: number, dir: string, { policy = {} }: KdcConfig): string {
  const keys = (policy.etypes ?? ETYPES).map((name) => `${name}:pw-salt`).join(' ');
  return `
[libdefaults]
  default_realm = ${realm}
  dns_lookup_kdc = false
[realms]
  ${realm} = {
    kdc = 127.0.0.1:${port}
  }
[kdc]
  database = {
    dbname = ${dir}/heimdal
    realm = ${realm}
    mkey_file = ${dir}/m-key
    acl_file = ${dir}/none.acl
    log_file = ${dir}/changes
  }
[kadmin]
  default_keys = ${keys}
[logging]
  kdc = FILE:${dir}/kdc.log
  default = FILE:${dir}/default.log
`;
}

const ETYPES = [
  'aes256-cts-hmac-sha384-192',
  'aes128-cts-hmac-sha256-128',
  'aes256-cts-hmac-sha1-96',
  'aes128-cts-hmac-sha1-96',
];
