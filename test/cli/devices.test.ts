import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { joinDevice } from '../../src/accounts/devices.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { openStore } from '../../src/store/open.ts';
import { capturedLog } from '../support/captured-log.ts';
import { temporaryFolder } from '../support/run.ts';
import { realmwardHost, replay, script, type Shell } from '../support/transcript.ts';

const CONFIG = `realm: REALM1.EXAMPLE
data: data
listen: { kdc: ["127.0.0.1:10088"] }
`;
const cli = realmwardHost(t);

await t.test('devices and join tokens on the command line', async (t) => {
  const cwd = temporaryFolder(t);
  const shell: Shell = { cwd, env: { REALMWARD_CONFIG: 'realm.yaml' } };
  writeFileSync(join(cwd, 'realm.yaml'), CONFIG);
  const plays = async (t: Test, text: string): Promise<void> => {
    const expected = script(text);
    t.equal(await replay(cli, shell, expected), expected);
  };

  await t.test('there are none at first', async (t) => {
    await plays(
      t,
      `
    $ realmward device list
    No device has joined. "realmward join" joins one; docs/joining.md says how else.
    $ realmward token list
    There are no join tokens. "realmward token create" makes one.
    $ realmward device show phone1
    realmward: no device "phone1" has joined
    "realmward device list" shows those that have.
    [exit 3]
    $ realmward device remove 'phone 1'
    realmward: this is no host name for a device: its parts may have 63 letters (a to z), digits, "-" and "_", and begin and end with a letter or digit
    Names look like sn-0042 or phone1.example.
    [exit 2]
    `,
    );
  });

  await t.test(
    'a device is listed with who joined it from where, switched off and on, and removed',
    async () => {
      const store = await openStore({
        data: join(cwd, 'data'),
        realm: 'REALM1.EXAMPLE',
        environment: {},
        log: capturedLog(),
      });
      const accounts = {
        realm: 'REALM1.EXAMPLE',
        principals: store.principals,
        devices: store.devices,
        crypto: nodeCrypto,
        clock: { microseconds: () => 1_800_000_000_000_000 },
        etypes: [20, 18],
        passwordLength: 8,
        reservedHosts: [],
        maxTicketLife: 3600,
      };
      const by = { kind: 'join-account', name: 'stage@REALM1.EXAMPLE' } as const;
      const request = { host: 'Phone1', serial: 'SN 1', model: 'phone', http: true, from: '192.0.2.7' };
      await joinDevice(accounts, by, request);
      await store.close();
      await plays(
        t,
        `
    $ realmward device list
    HOST    STATE  LAST SEEN  JOINED            JOINED BY             JOINED FROM  MODEL
    phone1  ok     -          TIME  stage@REALM1.EXAMPLE  192.0.2.7    phone
    $ realmward device show PHONE1
    device:     phone1
    state:      takes part
    principals: host/phone1@REALM1.EXAMPLE, HTTP/phone1@REALM1.EXAMPLE
    serial:     SN 1
    model:      phone
    joined:     TIME by stage@REALM1.EXAMPLE from 192.0.2.7
    last seen:  never
    keys:       version 1 of TIME: aes256-cts-hmac-sha384-192, aes256-cts-hmac-sha1-96
    $ realmward device disable host/phone1@REALM1.EXAMPLE
    Disabled phone1: its key, tickets and token count for nothing.
    $ realmward device list
    HOST    STATE     LAST SEEN  JOINED            JOINED BY             JOINED FROM  MODEL
    phone1  disabled  -          TIME  stage@REALM1.EXAMPLE  192.0.2.7    phone
    $ realmward device enable phone1
    Enabled phone1.
    $ realmward device remove phone1
    Removed phone1. Its key, tickets and token are worthless.
    $ realmward service list
    The realm has no services. "realmward service add NAME" creates one.
    $ realmward device enable phone1
    realmward: no device "phone1" has joined
    "realmward device list" shows those that have.
    [exit 3]
    `,
      );
    },
  );

  await t.test('a join token is shown once, or written where its owner alone can read it', async (t) => {
    const { stdout, stderr } = await cli(shell, ['token', 'create', '--uses', '300', '--ttl', '8h']);
    t.match(stdout, /^rwj_[\w-]{43}\n$/, 'nothing else, for scripts');
    const [, id = ''] = /^The join token (\w{8}) is good for 300 devices until /.exec(stderr) ?? [];
    const listed = await cli(shell, ['token', 'list', '--json']);
    t.match(JSON.parse(listed.stdout), [{ id, state: 'ok', uses: 300, used: 0 }]);
    t.notOk(listed.stdout.includes(stdout.trim()));
    const file = join(cwd, 'token');
    const written = await cli(shell, ['token', 'create', '--out', 'token', '--json']);
    t.match(JSON.parse(written.stdout), { file: 'token', uses: 1, token: undefined });
    t.match(readFileSync(file, 'utf8'), /^rwj_[\w-]{43}\n$/);
    t.equal(statSync(file).mode & 0o777, 0o600);
    t.equal((await cli(shell, ['token', 'create', '--out', 'token'])).code, 4);
    t.equal(
      (JSON.parse((await cli(shell, ['token', 'list', '--json'])).stdout) as []).length,
      2,
      'what nobody has seen is gone',
    );
    t.equal((await cli(shell, ['token', 'revoke', id])).stdout, `Revoked the join token ${id}.\n`);
    t.equal((await cli(shell, ['token', 'revoke', id])).code, 3);
    for (const wrong of [
      ['--uses', '0'],
      ['--uses', 'x'],
      ['--uses', '-1'],
      ['--ttl', '0s'],
      ['--ttl', '2000d'],
    ])
      t.equal((await cli(shell, ['token', 'create', ...wrong])).code, 2, wrong.join(' '));
  });
});
