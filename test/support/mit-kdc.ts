import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KdcConfig, TestKdc } from './kdc.ts';
import { krb5Conf } from './krb5-conf.ts';
import { onFreePort, startDaemon, untilListening } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { passwordServer } from './loopback.ts';
import { CLEAN_ENV, runOk, temporaryFolder } from './run.ts';
import type { Env, Scope } from './run.ts';

/**
 * MIT's krb5kdc with a database of its own in a temporary folder, at its fastest setting (no lockout and last-success writes), one worker.
 * Of `config` it understands what MIT has too; rights, `clockSkew` and `revealUnknownClients` mean nothing to it.
 */
export async function startMitKdc(scope: Scope, config: KdcConfig = {}): Promise<TestKdc> {
  const realm = config.realm ?? 'REALM1.EXAMPLE';
  const dir = temporaryFolder(scope);
  const krb5conf = join(dir, 'krb5.conf');
  const env: Env = { ...CLEAN_ENV, HOME: dir, KRB5_CONFIG: krb5conf };
  const kdcEnv: Env = { ...env, KRB5_KDC_PROFILE: join(dir, 'kdc.conf') };

  const administer = async (commands: readonly string[]): Promise<void> => {
    const { output } = await runOk('kadmin.local', ['-r', realm], {
      env: kdcEnv,
      input: commands.join('\n') + '\n',
    });
    const problem = output.split('\n').find((line) => /^\w+: .*(while|Invalid|usage)/i.test(line));
    if (problem !== undefined) throw new Error(`kadmin.local: ${problem}`);
  };
  const serve = async (port: number): Promise<Daemon> => {
    const daemon = startDaemon(scope, 'krb5kdc', ['-n', '-r', realm], {
      env: kdcEnv,
      log: join(dir, 'output'),
    });
    await untilListening(daemon, port);
    return daemon;
  };
  const listenOn = async (port: number): Promise<Daemon> => {
    const realmOptions = config.kpasswd === true ? { kpasswd_server: passwordServer(port) } : {};
    writeFileSync(krb5conf, krb5Conf({ realm, port, realmOptions }));
    writeFileSync(join(dir, 'kdc.conf'), kdcConf(realm, port, dir, config));
    // kadmind does what this file allows: administrators set the passwords of others.
    const administrators = (config.users ?? []).filter(({ right }) => right === 'Administrator');
    writeFileSync(join(dir, 'acl'), administrators.map(({ name }) => `${name}@${realm} c\n`).join(''));
    if (!existsSync(join(dir, 'principal'))) {
      await runOk('kdb5_util', ['-r', realm, 'create', '-s', '-P', 'master'], { env: kdcEnv });
      await administer([
        ...(config.users ?? []).map(
          ({ name, password }) => `addprinc -pw "${password}" +requires_preauth ${name}`,
        ),
        ...(config.services ?? []).map(({ name }) => `addprinc -randkey ${name}`),
        ...(config.trusts ?? []).flatMap(({ direction, secret, enctypes, ...trust }) => {
          const add = `addprinc ${enctypes === undefined ? '' : `-e ${enctypes.map((name) => `${name}:normal`).join(',')} `}-pw "${secret}"`;
          return [
            ...(direction === 'outbound' ? [] : [`${add} krbtgt/${realm}@${trust.realm}`]),
            ...(direction === 'inbound' ? [] : [`${add} krbtgt/${trust.realm}@${realm}`]),
          ];
        }),
      ]);
    }
    const daemon = await serve(port);
    if (config.kpasswd === true) await servePasswords(port);
    return daemon;
  };
  const servePasswords = async (port: number): Promise<void> => {
    const kadmind = startDaemon(scope, 'kadmind', ['-nofork', '-r', realm], {
      env: kdcEnv,
      log: join(dir, 'output-of-kadmind'),
    });
    await untilListening(kadmind, port, '127.0.0.3');
  };

  const started = await onFreePort(listenOn);
  const { port } = started;
  let { daemon } = started;
  let keytabs = 0;
  const exportKeytab = async (...principals: string[]): Promise<string> => {
    const path = join(dir, `${++keytabs}.keytab`);
    await administer([`ktadd -norandkey -k ${path} ${principals.join(' ')}`]);
    return path;
  };
  return {
    implementation: 'mit',
    realm,
    address: '127.0.0.1',
    port,
    kpasswd: config.kpasswd === true ? passwordServer(port) : undefined,
    dir,
    krb5conf,
    get pid() {
      return daemon.pid;
    },
    env,
    log: () => readFileSync(join(dir, 'kdc.log'), 'utf8') + daemon.log(),
    exportKeytab,
    exportRealmKey: () => exportKeytab(`krbtgt/${realm}`),
    disable: (user) => administer([`modprinc -allow_tix ${user}`]),
    expirePassword: (user) => administer([`modprinc -pwexpire yesterday ${user}`]),
    rotateRealmKey: () => administer([`cpw -randkey -keepold krbtgt/${realm}`]),
    cli: (args) => Promise.reject(new Error(`MIT's KDC has no "realmward ${args.join(' ')}"`)),
    stop: () => daemon.stop(),
    restart: async () => {
      await daemon.stop();
      const from = performance.now();
      daemon = await serve(port);
      return performance.now() - from;
    },
  };
}

function kdcConf(realm: string, port: number, dir: string, { policy = {} }: KdcConfig): string {
  return `
[kdcdefaults]
  kdc_listen = 127.0.0.1:${port}
  kdc_tcp_listen = 127.0.0.1:${port}
  ${policy.udpReplyLimit === undefined ? '' : `kdc_max_dgram_reply_size = ${policy.udpReplyLimit}`}
[realms]
  ${realm} = {
    database_module = local
    key_stash_file = ${dir}/stash
    acl_file = ${dir}/acl
    kpasswd_listen = ${passwordServer(port)}
    kadmind_listen = 127.0.0.4:${port}
    max_life = ${policy.maxLife ?? '10h'}
    max_renewable_life = ${policy.maxRenew ?? '7d'}
    supported_enctypes = ${(policy.etypes ?? MIT_ENCTYPES).map((name) => `${name}:normal`).join(' ')}
    default_principal_flags = +proxiable +forwardable +renewable +postdateable
  }
[dbmodules]
  local = {
    db_library = db2
    database_name = ${dir}/principal
    disable_last_success = true
    disable_lockout = true
  }
[logging]
  kdc = FILE:${dir}/kdc.log
`;
}

const MIT_ENCTYPES = [
  'aes256-cts-hmac-sha1-96',
  'aes128-cts-hmac-sha1-96',
  'aes256-cts-hmac-sha384-192',
  'aes128-cts-hmac-sha256-128',
];
