import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { decode } from '../../src/codec/der/type.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { ErrorCode } from '../../src/spec/error-codes.ts';
import { type Daemon, onFreePort, startDaemon, untilListening } from '../support/daemon.ts';
import { asReq, body, encTimestamp, name } from '../support/requests.ts';
import { CLEAN_ENV, temporaryFolder } from '../support/run.ts';
import { realmward, realmwardHost, type Shell } from '../support/transcript.ts';
import { udpClient } from '../support/udp-client.ts';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, 'bin/realmward.js');
/** Half of the time that a start takes is compiling; this file starts many servers. */
const NODE_COMPILE_CACHE = temporaryFolder(t);
const REALM = 'REALM1.EXAMPLE';

/** Starts `realmward serve` in the shell's folder; `config` writes the configuration for a port. */
async function serve(
  t: Test,
  shell: Shell,
  file: string,
  config: (port: number) => string,
  ...args: string[]
): Promise<{ daemon: Daemon; port: number }> {
  return onFreePort(async (port) => {
    writeFileSync(join(shell.cwd, file), config(port));
    const daemon = start(t, shell, file, ...args);
    await untilListening(daemon, port);
    return daemon;
  });
}

function start(t: Test, { cwd }: Shell, file: string, ...args: string[]): Daemon {
  const env = { ...CLEAN_ENV, HOME: cwd, NODE_COMPILE_CACHE };
  return startDaemon(t, process.execPath, [BIN, 'serve', '--config', file, ...args], {
    cwd,
    env,
    log: join(cwd, 'terminal.txt'),
  });
}

const config = (port: number, more = '') => `realm: ${REALM}
data: data
listen: { kdc: ["127.0.0.1:${port}"] }
users:
  - { name: alice, right: Administrator, password: Geheim-4711 }
${more}`;

const {
  KDC_ERR_CLIENT_REVOKED,
  KDC_ERR_KEY_EXPIRED,
  KDC_ERR_NAME_EXP,
  KDC_ERR_PREAUTH_FAILED,
  KDC_ERR_C_PRINCIPAL_UNKNOWN,
  KRB_AP_ERR_SKEW,
  KRB_ERR_RESPONSE_TOO_BIG,
} = ErrorCode;

/** Logs in over UDP as kinit does, by password, with a clock that is so many seconds ahead; resolves to `ticket` or the error code of the answer. */
async function logIn(
  t: Test,
  port: number,
  user: string,
  password: string,
  { ahead = 0 } = {},
): Promise<'ticket' | number> {
  const now = Math.floor(Date.now() / 1000);
  const key = await nodeCrypto.stringToKey(20, password, `${REALM}${user}`);
  const request = asReq(body({ seconds: now } as Parameters<typeof body>[0], { cname: name(user) }), [
    encTimestamp(key, now + ahead),
  ]);
  const client = await udpClient(t);
  client.send(request, port);
  const [reply = Buffer.alloc(0)] = await client.until(1);
  return reply[0] === 0x6b ? 'ticket' : decode(KrbError, reply).errorCode;
}

/** The lines of a log, as objects. */
function lines(log: string): Record<string, unknown>[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !condition(); tries++) await sleep(10);
  if (!condition()) throw new Error(`never: ${condition.toString()}`);
}

await t.test('the demo that npm start runs serves its realm, and says what to do next', async (t) => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  t.equal(manifest.scripts['start'], 'node bin/realmward.js serve --config realm-config/demo.yaml');
  const shell = { cwd: temporaryFolder(t) };
  mkdirSync(join(shell.cwd, 'realm-config'));
  const demo = readFileSync(join(ROOT, 'realm-config/demo.yaml'), 'utf8');
  t.match(demo, "'127.0.0.1:10088'", 'it is served on loopback');
  const file = 'realm-config/demo.yaml';
  const { daemon, port } = await serve(t, shell, file, (port) =>
    demo
      .replace('10088', String(port))
      .replace('127.0.0.1:10464', `127.0.0.2:${port}`)
      .replace('127.0.0.1:10443', `127.0.0.3:${port}`),
  );
  const data = join(shell.cwd, 'var/demo');
  await until(() => daemon.log().includes('Ctrl-C'));

  const said = daemon.log();
  t.match(said, /realmward \d+\.\d+\.\d+ serves the realm REALM1\.EXAMPLE, ready after [\d.]+ seconds\./);
  t.match(said, `  export KRB5_CONFIG=${data}/krb5.conf\n`);
  t.match(said, `  export REALMWARD_CONFIG=${shell.cwd}/realm-config/demo.yaml\n`);
  t.match(said, /^ {2}kinit alice@REALM1\.EXAMPLE +# its password: see users in /m);
  t.match(
    said,
    / {2}npx realmward join --server https:\/\/localhost:\d+ --ca \S+\/ca\.pem --user stage --host phone1 --keytab phone1\.keytab\n/,
  );
  t.match(said, `${data}/log/realmward.log`);
  t.match(said, /S-1-5-21-\d+-\d+-\d+/);
  t.match(said, 'alice, bob, stage, host/device1.realm1.example, HTTP/device1.realm1.example');
  t.notMatch(said, /demo-password/, 'passwords are not said');
  t.match(readFileSync(join(data, 'krb5.conf'), 'utf8'), `    kdc = 127.0.0.1:${port}\n`);

  t.equal(await logIn(t, port, 'alice', 'demo-password-of-alice'), 'ticket');
  t.equal(await logIn(t, port, 'alice', 'wrong'), KDC_ERR_PREAUTH_FAILED);
  const pong = await realmward(shell, ['ping', '--config', file, '--json']);
  t.match(
    { code: pong.code, pongs: JSON.parse(pong.stdout) },
    {
      code: 0,
      pongs: [
        { transport: 'udp', ok: true },
        { transport: 'tcp', ok: true },
      ],
    },
  );

  await daemon.stop();
  t.equal(daemon.ended(), 0, 'SIGTERM ends it well');
  const log = readFileSync(join(data, 'log/realmward.log'), 'utf8');
  t.match(
    lines(log).find(({ outcome }) => outcome === 'issued'),
    {
      level: 30,
      exchange: 'AS',
      client: 'alice@REALM1.EXAMPLE',
      server: 'krbtgt/REALM1.EXAMPLE@REALM1.EXAMPLE',
      transport: 'udp',
      address: '127.0.0.1',
      offered: [20, 19, 18, 17],
      ticketEtype: 'aes256-cts-hmac-sha384-192',
    },
  );
  t.match(
    lines(log).find(({ outcome }) => outcome === 'refused'),
    { reason: 'wrong-password', client: 'alice@REALM1.EXAMPLE' },
  );
  t.notMatch(log + daemon.log(), /demo-password/);
  t.equal(statSync(join(data, 'log/realmward.log')).mode & 0o777, 0o600);
  t.equal((await realmward(shell, ['ping', '--config', file])).code, 7, 'then nobody answers a ping');
});

await t.test('without a log file, standard output is the log alone, one JSON line each', async (t) => {
  const shell = { cwd: temporaryFolder(t) };
  const { daemon } = await serve(t, shell, 'realm.yaml', (port) => config(port, 'log: { level: debug }\n'));
  await until(() => daemon.log().includes('"serving"'));
  await daemon.stop();
  t.equal(daemon.log().trimEnd().split('\n').length, lines(daemon.log()).length, daemon.log());
  t.match(
    lines(daemon.log()).map(({ msg }) => msg),
    ['serving', 'ready, counted from the start of the process', 'stopping'],
  );
});

await t.test('--pretty prints the log for people, beside the file', async (t) => {
  const shell = { cwd: temporaryFolder(t) };
  const log = 'log: { file: realmward.log }\n';
  const { daemon, port } = await serve(t, shell, 'realm.yaml', (port) => config(port, log), '--pretty');
  t.equal(await logIn(t, port, 'alice', 'Geheim-4711'), 'ticket');
  await until(() => daemon.log().includes('A ticket was issued'));
  await daemon.stop();
  t.match(daemon.log(), /INFO.*: A ticket was issued\..*alice@REALM1\.EXAMPLE/);
  t.match(lines(readFileSync(join(shell.cwd, 'realmward.log'), 'utf8')), [
    { msg: 'serving' },
    { outcome: 'issued' },
    { msg: 'stopping' },
  ]);
});

await t.test('a second server is told who has the data folder, or the port', async (t) => {
  const shell = { cwd: temporaryFolder(t) };
  const { daemon, port } = await serve(t, shell, 'realm.yaml', (port) => config(port));
  writeFileSync(join(shell.cwd, 'same-data.yaml'), config(port + 1));
  const sameData = await realmward(shell, ['serve', '--config', 'same-data.yaml']);
  t.match(sameData, {
    code: 4,
    stderr: new RegExp(
      `^realmward: another realmward server uses the data folder .*: process ${daemon.pid} on `,
    ),
  });
  writeFileSync(join(shell.cwd, 'same-port.yaml'), config(port).replace('data: data', 'data: other'));
  const samePort = await realmward(shell, ['serve', '--config', 'same-port.yaml']);
  t.match(samePort, {
    code: 4,
    stderr: new RegExp(
      `^realmward: cannot listen on (TCP|UDP) 127\\.0\\.0\\.1:${port}: .*process ${daemon.pid}`,
    ),
  });
  t.equal(await logIn(t, port, 'alice', 'Geheim-4711'), 'ticket', 'the first one goes on serving');
  await daemon.stop();
  t.equal(daemon.ended(), 0);
});

await t.test('what commands change takes effect at once, while the server runs', async (t) => {
  const shell = { cwd: temporaryFolder(t), env: { REALMWARD_CONFIG: 'realm.yaml' } };
  const { port } = await serve(t, shell, 'realm.yaml', (port) => config(port));
  const cli = realmwardHost(t);
  /** A command, then bob's password, and what the server answers to it from then on. */
  const steps: readonly [args: string[], password: string, answer: 'ticket' | number][] = [
    [['user', 'add', 'bob', '--password-stdin'], 'Geheim-1', 'ticket'],
    [['user', 'password', 'bob', '--password-stdin'], 'Geheim-2', 'ticket'],
    [['user', 'disable', 'bob'], 'Geheim-2', KDC_ERR_CLIENT_REVOKED],
    [['user', 'enable', 'bob'], 'Geheim-2', 'ticket'],
    [['user', 'set', 'bob', '--must-change'], 'Geheim-2', KDC_ERR_KEY_EXPIRED],
    [['user', 'set', 'bob', '--no-must-change', '--expires', '2020-01-01'], 'Geheim-2', KDC_ERR_NAME_EXP],
    [['user', 'set', 'bob', '--expires', 'never'], 'Geheim-2', 'ticket'],
    [['user', 'remove', 'bob'], 'Geheim-2', KDC_ERR_PREAUTH_FAILED],
  ];
  t.equal(await logIn(t, port, 'bob', 'Geheim-1'), KDC_ERR_PREAUTH_FAILED, 'there is no bob yet');
  for (const [args, password, answer] of steps) {
    const { code, output } = await cli(shell, args, password);
    t.equal(code, 0, output);
    // Within a second in every process; a slow machine may take longer.
    for (let tries = 0; tries < 50 && (await logIn(t, port, 'bob', password)) !== answer; tries++)
      await sleep(100);
    t.equal(await logIn(t, port, 'bob', password), answer, `realmward ${args.join(' ')}`);
  }
  for (const args of [
    ['krbtgt', 'rotate'],
    ['master-key', 'rotate'],
  ]) {
    const { code, output } = await cli(shell, args);
    t.equal(code, 0, output);
    t.equal(await logIn(t, port, 'alice', 'Geheim-4711'), 'ticket', `realmward ${args.join(' ')}`);
  }
});

await t.test('each option of the policy does what it says', async (t) => {
  const shell = { cwd: temporaryFolder(t), env: { REALMWARD_CONFIG: 'realm.yaml' } };
  const policy = `policy:
  revealUnknownClients: true
  clockSkew: 1m
  etypes: [aes256-sha2]
  lockout: { maxFailures: 3, window: 10m, duration: 1d }
log: { level: warn }
`;
  const { daemon, port } = await serve(t, shell, 'realm.yaml', (port) => config(port, policy));
  const cli = realmwardHost(t);
  const show = async (user: string): Promise<unknown> =>
    JSON.parse((await cli(shell, ['user', 'show', user, '--json'])).stdout);
  t.equal(await logIn(t, port, 'alice', 'Geheim-4711'), 'ticket');
  t.equal(await logIn(t, port, 'nobody', 'Geheim-4711'), KDC_ERR_C_PRINCIPAL_UNKNOWN, 'revealUnknownClients');
  t.equal(await logIn(t, port, 'alice', 'Geheim-4711', { ahead: 50 }), 'ticket', 'clockSkew');
  t.equal(await logIn(t, port, 'alice', 'Geheim-4711', { ahead: 90 }), KRB_AP_ERR_SKEW, 'clockSkew');
  t.match(await show('alice'), { etypes: ['aes256-cts-hmac-sha384-192'], state: 'ok' }, 'etypes');
  for (let tries = 0; tries < 3; tries++)
    t.equal(await logIn(t, port, 'alice', 'wrong'), KDC_ERR_PREAUTH_FAILED);
  // Failures are written in the background, and a right password in between would forgive them: so it waits.
  const state = async (): Promise<unknown> => ((await show('alice')) as { state: string }).state;
  for (let tries = 0; tries < 50 && (await state()) !== 'locked'; tries++) await sleep(100);
  t.match(await show('alice'), { state: 'locked', failures: 3, lockedUntil: /Z$/ }, 'lockout');
  const locked = async () => (await logIn(t, port, 'alice', 'Geheim-4711')) === KDC_ERR_CLIENT_REVOKED;
  t.ok(await locked(), 'lockout');
  t.match(await cli(shell, ['user', 'enable', 'alice']), { code: 0, stdout: /is enabled/ });
  for (let tries = 0; tries < 50 && (await locked()); tries++) await sleep(100);
  t.equal(await logIn(t, port, 'alice', 'Geheim-4711'), 'ticket');
  await daemon.stop();
  t.match(lines(daemon.log()).map(({ level, reason }) => ({ level, reason }))[0], {
    level: 40,
    reason: 'client-locked',
  });
  t.notOk(
    lines(daemon.log()).some(({ level }) => level !== 40),
    'log.level',
  );
});

await t.test(
  'replies longer than udpReplyLimit send clients to TCP, and time servers are asked',
  async (t) => {
    const shell = { cwd: temporaryFolder(t) };
    const closed = await udpClient(t);
    const more = `policy: { udpReplyLimit: 600 }\ntime: { servers: ["127.0.0.1:${closed.port}"], interval: 10s }\n`;
    const { daemon, port } = await serve(t, shell, 'realm.yaml', (port) => config(port, more));
    t.equal(await logIn(t, port, 'alice', 'Geheim-4711'), KRB_ERR_RESPONSE_TOO_BIG);
    const [request = Buffer.alloc(0)] = await closed.until(1);
    t.equal(request.length, 48, 'an NTP request came');
    await daemon.stop();
    t.equal(daemon.ended(), 0);
  },
);

await t.test('SIGHUP opens the log file anew, SIGINT stops the server', async (t) => {
  const shell = { cwd: temporaryFolder(t) };
  const { daemon, port } = await serve(t, shell, 'realm.yaml', (port) =>
    config(port, 'log: { file: realmward.log }\n'),
  );
  const log = join(shell.cwd, 'realmward.log');
  await until(() => readFileSync(log, 'utf8').includes('serving'));
  renameSync(log, `${log}.1`);
  process.kill(daemon.pid, 'SIGHUP');
  await until(() => existsSync(log));
  t.equal(await logIn(t, port, 'alice', 'Geheim-4711'), 'ticket');
  process.kill(daemon.pid, 'SIGINT');
  await until(() => daemon.ended() !== undefined);
  t.equal(daemon.ended(), 0);
  t.match(lines(readFileSync(`${log}.1`, 'utf8')), [{ msg: 'serving' }]);
  t.match(lines(readFileSync(log, 'utf8')), [
    { msg: 'log opened anew' },
    { outcome: 'issued' },
    { msg: 'stopping' },
  ]);
});

await t.test(
  'a server that cannot start says why, and leaves nothing behind that hinders the next one',
  async (t) => {
    const shell = { cwd: temporaryFolder(t) };
    const write = (text: string) => writeFileSync(join(shell.cwd, 'realm.yaml'), text);
    const cli = realmwardHost(t);
    const attempt = () => cli(shell, ['serve', '--config', 'realm.yaml']);
    write(config(88).replace('127.0.0.1:88', '192.0.2.1:10088'));
    t.match(await attempt(), {
      code: 5,
      stderr:
        /^realmward: cannot listen on (TCP|UDP) 192\.0\.2\.1:10088: this machine does not have that address\n/,
    });
    write(config(10_088).replace('Geheim-4711', '{ env: NOT_SET }').replace('alice', 'bob'));
    t.match(await attempt(), {
      code: 5,
      stderr:
        /^realmward: realm\.yaml:5: users\[0\]\.password: the environment variable NOT_SET is not set\n/,
    });
    write(config(10_088).replace(REALM, 'OTHER.EXAMPLE'));
    t.match(await attempt(), {
      code: 4,
      stderr: /belongs to the realm "REALM1\.EXAMPLE", not to "OTHER\.EXAMPLE"/,
    });
    write(config(10_088, 'sid: S-1-5-21-1-2-3\n'));
    t.match(await attempt(), {
      code: 4,
      stderr: /belongs to the realm's SID S-1-5-21-\d+-\d+-\d+, and the configuration says S-1-5-21-1-2-3/,
    });
    const { daemon, port } = await serve(t, shell, 'realm.yaml', (port) => config(port));
    t.equal(await logIn(t, port, 'alice', 'Geheim-4711'), 'ticket');
    await daemon.stop();
  },
);
