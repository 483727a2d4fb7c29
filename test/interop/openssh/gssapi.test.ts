/** OpenSSH with GSSAPIAuthentication: a login without password or key, by ticket alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Daemon } from '../../support/daemon.ts';
import { onFreePort, startDaemon, untilListening } from '../../support/daemon.ts';
import type { TestKdc } from '../../support/kdc.ts';
import { requireKdc, startKdc } from '../../support/kdc.ts';
import { krb5Conf } from '../../support/krb5-conf.ts';
import { findProgram, requirePeer } from '../../support/peers.ts';
import type { Scope } from '../../support/run.ts';
import { runOk } from '../../support/run.ts';
import type { Session, TracedRun } from '../../support/session.ts';
import { newSession } from '../../support/session.ts';

/** The account that the tests run as: the only one that an sshd without root can log in to. */
const ME = userInfo().username;

await t.test('OpenSSH with GSSAPIAuthentication', async (t) => {
  if (!requirePeer(t, 'openssh', 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    users: [
      { name: 'alice', password: 'Alice.pass1', right: 'Administrator' },
      { name: 'mallory', password: 'Mallory.pass1', right: 'Viewer' },
    ],
    services: [{ name: 'host/localhost' }],
  });
  const keytab = await kdc.exportKeytab('host/localhost');
  const sshd = await startSshd(t, kdc, keytab);

  await t.test('logs alice in by her ticket', async (t) => {
    const alice = newSession(kdc);
    await alice.kinit(['alice'], 'Alice.pass1');
    const { code, output } = await ssh(alice, sshd, [], 'echo you are $USER');
    t.equal(code, 0, output);
    t.match(output, `you are ${ME}`);
    t.ok((await alice.klist()).ticket('host/localhost'));
  });

  await t.test('takes her forwarded TGT along when she delegates', async (t) => {
    const alice = newSession(kdc);
    await alice.kinit(['-f', 'alice'], 'Alice.pass1');
    const { code, output } = await ssh(alice, sshd, ['-o', 'GSSAPIDelegateCredentials=yes'], 'klist -f');
    t.equal(code, 0, output);
    t.match(output, `Default principal: alice@${kdc.realm}`);
    t.match(output, /krbtgt\/.*\n.*Flags: \w*Ff/, 'forwardable and forwarded');
  });

  await t.test('keeps out a user of the realm whom the host does not map to the account', async (t) => {
    const mallory = newSession(kdc);
    await mallory.kinit(['mallory'], 'Mallory.pass1');
    const { code, output } = await ssh(mallory, sshd, [], 'true');
    t.equal(code, 255);
    t.match(output, /Permission denied/);
    t.ok((await mallory.klist()).ticket('host/localhost'), 'although she got a ticket');
  });

  await t.test('keeps out whoever has no ticket', async (t) => {
    const { code, output } = await ssh(newSession(kdc), sshd, [], 'true');
    t.equal(code, 255);
    t.match(output, /Permission denied/);
  });
});

interface Sshd {
  readonly port: number;
  readonly knownHosts: string;
}

function ssh(
  session: Session,
  { port, knownHosts }: Sshd,
  options: readonly string[],
  command: string,
): Promise<TracedRun> {
  return session.run('ssh', [
    ...['-F', 'none', '-p', String(port), '-l', ME],
    ...[
      '-o',
      `UserKnownHostsFile=${knownHosts}`,
      '-o',
      'GlobalKnownHostsFile=none',
      '-o',
      'StrictHostKeyChecking=yes',
    ],
    ...['-o', 'BatchMode=yes', '-o', 'IdentityAgent=none', '-o', 'LogLevel=ERROR'],
    ...['-o', 'GSSAPIAuthentication=yes', '-o', 'PreferredAuthentications=gssapi-with-mic'],
    ...options,
    'localhost',
    command,
  ]);
}

/** An sshd of its own on a free port, which maps alice, and nobody else, to the account that runs the tests. */
async function startSshd(t: Scope, kdc: TestKdc, keytab: string): Promise<Sshd> {
  const dir = join(kdc.dir, 'sshd');
  mkdirSync(dir);
  const hostKey = join(dir, 'host_key');
  const { stdout: publicKey } = await runOk('sh', [
    '-c',
    `ssh-keygen -q -t ed25519 -N '' -f ${hostKey} && cut -d' ' -f1,2 ${hostKey}.pub`,
  ]);
  // The rule stands in the server's own krb5.conf, so that no .k5login of the account is read or written.
  const krb5conf = join(dir, 'krb5.conf');
  writeFileSync(
    krb5conf,
    krb5Conf({
      realm: kdc.realm,
      port: kdc.port,
      libdefaults: { k5login_directory: join(dir, 'none'), k5login_authoritative: false },
      realmOptions: { auth_to_local: `RULE:[1:$1@$0](^alice@${kdc.realm}$)s/.*/${ME}/` },
    }),
  );
  const env = { ...kdc.env, KRB5_CONFIG: krb5conf, KRB5_KTNAME: `FILE:${keytab}`, KRB5RCACHENAME: 'none:' };
  // An sshd that root runs insists on this folder; where the system's own sshd never ran, it is missing.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const conf = join(dir, 'sshd_config');
  const { port } = await onFreePort(async (port): Promise<Daemon> => {
    writeFileSync(conf, sshdConfig(port, dir));
    // sshd starts itself anew for each connection and wants its full path for that.
    const daemon = startDaemon(t, findProgram('sshd') ?? 'sshd', ['-D', '-e', '-f', conf], {
      env,
      log: join(dir, 'output'),
    });
    await untilListening(daemon, port);
    return daemon;
  });
  const knownHosts = join(dir, 'known_hosts');
  writeFileSync(knownHosts, `[localhost]:${port} ${publicKey}`);
  return { port, knownHosts };
}

function sshdConfig(port: number, dir: string): string {
  return `
Port ${port}
ListenAddress 127.0.0.1
HostKey ${dir}/host_key
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
GSSAPIAuthentication yes
GSSAPIStrictAcceptorCheck no
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication no
AuthorizedKeysFile none
PrintMotd no
LogLevel VERBOSE
`;
}
