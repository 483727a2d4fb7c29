import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { fromCcache, showPrincipal } from '../../src/client/index.ts';
import { exchangeTcp } from '../../src/client/node-tcp.ts';
import { readCcache } from '../../src/codec/ccache.ts';
import { makeCa } from '../support/certificates.ts';
import { startTestProxy } from '../support/kdc-proxy.ts';
import { requirePeer } from '../support/peers.ts';
import { startRealmwardKdc } from '../support/realmward-kdc.ts';
import { temporaryFolder } from '../support/run.ts';
import { realmwardHost, replay, script, type Shell } from '../support/transcript.ts';

const PASSWORD = 'Alice.pass1';
const DEVICE = 'host/device1';

const cli = realmwardHost(t);
const kdc = await startRealmwardKdc(t, {
  users: [
    { name: 'alice', password: PASSWORD, right: 'Administrator' },
    { name: 'bob', password: 'Bob.pass1' },
  ],
  services: [{ name: DEVICE }],
});
const server = `127.0.0.1:${kdc.port}`;
const cwd = temporaryFolder(t);
writeFileSync(join(cwd, 'password'), `${PASSWORD}\n`);
/** Someone at the server, and someone elsewhere. */
const operator: Shell = { cwd, env: { REALMWARD_CONFIG: join(kdc.dir, 'realmward.yaml') } };
const stranger: Shell = { cwd };

/** Plays a transcript; times, versions of the machine and what is asked of the network are replaced. */
async function plays(t: Test, shell: Shell, text: string): Promise<void> {
  const expected = script(text);
  const shown = (await replay(cli, shell, expected))
    .replaceAll(/\d+\.\d ms/g, 'MS')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'TIME');
  t.equal(shown, expected);
}

await t.test('an operator sees what a login comes to, up to the right on a device', async (t) => {
  await plays(
    t,
    operator,
    `
    $ realmward login test alice --device device1 --password-file password --ccache cc
    ok      servers  configuration: ${server}.
    ok      clock    The clock of REALM1.EXAMPLE agrees with ours.
    ok      login    alice@REALM1.EXAMPLE has a ticket for krbtgt/REALM1.EXAMPLE@REALM1.EXAMPLE. Its key is of aes256-cts-hmac-sha384-192, with the salt REALM1.EXAMPLEalice. [MS, UDP ${server}, UDP ${server}]
    ok      service  A ticket for host/device1@REALM1.EXAMPLE, made with aes256-cts-hmac-sha384-192, key version 1. [MS, UDP ${server} (answer too big), TCP ${server}]
    ok      key      It opens with the device's key of aes256-cts-hmac-sha384-192, version 1.
    ok      right    The ticket states Administrator.

    krbtgt/REALM1.EXAMPLE@REALM1.EXAMPLE
      client:      alice@REALM1.EXAMPLE
      session key: aes256-cts-hmac-sha384-192
      made with:   aes256-cts-hmac-sha384-192, key version 1
      flags:       initial, pre-authent, enc-pa-rep
      valid:       TIME to TIME
    host/device1@REALM1.EXAMPLE
      client:      alice@REALM1.EXAMPLE
      session key: aes256-cts-hmac-sha384-192
      made with:   aes256-cts-hmac-sha384-192, key version 1
      flags:       pre-authent, transited-policy-checked
      valid:       TIME to TIME

    right: Administrator

    The tickets are in cc: KRB5CCNAME=FILE:cc

    The login works, at device1, too.
    $ realmward login test 'REALM1.EXAMPLE\\bob' --password-stdin < 'wrong'
    ok      servers  configuration: ${server}.
    ok      clock    The clock of REALM1.EXAMPLE agrees with ours.
    FAILED  login    The password of bob@REALM1.EXAMPLE is wrong (KDC_ERR_PREAUTH_FAILED). [MS, UDP ${server}, UDP ${server}]
                     cause: wrong-password
                     fix: Check the name, the realm and the keyboard layout.

    The login does not work: see the failed step.
    [exit 1]
    $ realmward login test alice@realm1.example --password-file password
    realmward: there is no realm "realm1.example" here
    Our realm is called REALM1.EXAMPLE: write it exactly so.
    [exit 3]
  `,
  );
  const file = join(cwd, 'cc');
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.strictSame(
    fromCcache(readCcache(readFileSync(file))).map((one) => showPrincipal(one.server)),
    [`krbtgt/${kdc.realm}@${kdc.realm}`, `${DEVICE}@${kdc.realm}`],
  );
});

await t.test(
  'without a configuration any realm can be asked, and a device opens its own ticket',
  async (t) => {
    const own = await kdc.exportKeytab('alice');
    const device = await kdc.exportKeytab(DEVICE);
    const login = ['login', 'test', `alice@${kdc.realm}`, '--server', server, '--json'];
    const asked = async (...more: string[]) => {
      const { stdout, code } = await cli(stranger, [...login, ...more]);
      return { code, ...(JSON.parse(stdout) as Record<string, unknown>) };
    };
    t.match(
      await asked('--keytab', own, '--device', 'device1', '--device-keytab', device, '--ccache', 'FILE:cc2'),
      {
        code: 0,
        ok: true,
        right: ['Administrator'],
        ccache: 'FILE:cc2',
        tickets: [{ flags: ['initial'] }, { server: `${DEVICE}@${kdc.realm}`, kvno: 1, renewTill: null }],
      },
    );
    t.ok(statSync(join(cwd, 'cc2')).size > 0);
    t.match(await asked('--keytab', own, '--device', `${DEVICE}@${kdc.realm}`), {
      code: 0,
      ok: true,
      right: null,
    });
    t.match(await asked('--keytab', own, '--device', 'device1', '--device-keytab', own), {
      code: 1,
      steps: [{}, {}, {}, {}, { name: 'key', ok: false, cause: 'wrong-device-key' }],
    });
    t.match(await asked('--keytab', device), {
      code: 1,
      steps: [{ name: 'login', text: /has none for alice/ }],
    });
    const silent = await cli(stranger, [
      'login',
      'test',
      'alice@R',
      '--server',
      'R=127.0.0.1:9',
      '--keytab',
      own,
    ]);
    t.match(silent, { code: 1, stdout: /keytab has none for alice@R/ });
    const closed = ['login', 'test', 'alice@R', '--server', '127.0.0.1:9', '--password-file', 'password'];
    t.match(await cli(stranger, closed), {
      code: 7,
      stdout: /FAILED {2}login .*ECONNREFUSED[^]*cause: no-answer/,
    });
  },
);

await t.test('mistakes are told before a password is asked for, and a password is never shown', async (t) => {
  const outputs: string[] = [];
  const refused = async (code: number, message: RegExp, ...args: string[]): Promise<void> => {
    const result = await cli(stranger, ['login', 'test', ...args], PASSWORD);
    outputs.push(result.output);
    t.match(result, { code, output: message }, args.join(' '));
  };
  const who = `alice@${kdc.realm}`;
  await refused(2, /"alice" is not the name of a principal/, 'alice', '--server', server);
  await refused(2, /is not the address of a server[^]*https:\/\/proxy/, who, '--server', 'http://x/KdcProxy');
  await refused(2, /fingerprint of a certificate/, who, '--server', server, '--fingerprint', 'ab');
  await refused(2, /no certificate in PEM/, who, '--server', server, '--ca', 'password');
  await refused(3, /no such file/, who, '--server', server, '--ca', 'nothing');
  await refused(3, /no such file/, who, '--server', server, '--keytab', 'nothing');
  await refused(
    1,
    /a keytab with 0502/,
    who,
    '--server',
    server,
    '--device',
    'd',
    '--device-keytab',
    'password',
  );
  await refused(2, /instead|in the place of a password/, who, '--keytab', 'x', '--password-stdin');
  await refused(2, /a password is never an argument/, who, PASSWORD);
  await refused(2, /a password is needed, and there is no terminal/, who, '--server', server);
  t.notMatch(outputs.join(''), PASSWORD);
});

await t.test('a KDC proxy is asked where its certificate is vouched for', async (t) => {
  if (!requirePeer(t, 'openssl')) return;
  const ca = await makeCa(t);
  const proxy = await startTestProxy(t, await ca.issue(['localhost']), (message) =>
    exchangeTcp({ address: '127.0.0.1', port: kdc.port }, message, AbortSignal.timeout(10_000)),
  );
  writeFileSync(join(cwd, 'ca.pem'), ca.cert);
  const login = ['login', 'test', `alice@${kdc.realm}`, '--server', proxy.url, '--password-file', 'password'];
  const refused = await cli(stranger, login);
  t.match(refused, {
    code: 1,
    stdout:
      /FAILED {2}login .*That of localhost is signed by nobody who is trusted here[^]*cause: certificate\n +fix: Name the CA/,
  });
  t.strictSame(proxy.asked, []);
  const trusted = await cli(stranger, [...login, '--ca', 'ca.pem']);
  t.equal(trusted.code, 0, trusted.output);
  t.match(trusted.stdout, `servers  configuration: ${proxy.url}.`);
  t.match(trusted.stdout, `HTTPS localhost:${proxy.port}]`);
  t.equal(
    (await cli(stranger, [...login, '--fingerprint', ca.fingerprint])).code,
    1,
    'which must be sent along',
  );
});
