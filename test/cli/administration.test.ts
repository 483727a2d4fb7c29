import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { temporaryFolder } from '../support/run.ts';
import { realmward, realmwardHost, replay, script, type Shell } from '../support/transcript.ts';

const CONFIG = `realm: REALM1.EXAMPLE
data: data
listen: { kdc: ["127.0.0.1:10088"] }
users:
  - { name: alice, right: Administrator, password: { env: ALICE_PASSWORD } }
services:
  - { name: host/device1.example }
`;
const PASSWORD = 'Geheim-4711';

const cli = realmwardHost(t);

/** A shell in a folder with a configuration. */
function shellWithConfig(t: Test): Shell {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'realm.yaml'), CONFIG);
  return { cwd, env: { REALMWARD_CONFIG: 'realm.yaml', ALICE_PASSWORD: PASSWORD } };
}

async function plays(t: Test, shell: Shell, text: string): Promise<void> {
  const expected = script(text);
  t.equal(await replay(cli, shell, expected), expected);
}

await t.test(
  'init makes what is missing, says what that was, and changes nothing the second time',
  async (t) => {
    const shell = shellWithConfig(t);
    const without = { ...shell, env: { REALMWARD_CONFIG: 'realm.yaml' } };
    await plays(
      t,
      without,
      `
    $ realmward init
    realmward: realm.yaml:5: users[0].password: the environment variable ALICE_PASSWORD is not set
    Set it: export ALICE_PASSWORD=…
    [exit 5]
  `,
    );
    await plays(
      t,
      { ...shellWithConfig(t), env: { ...shell.env, ALICE_PASSWORD: 'Alice' } },
      `
    $ realmward init
    realmward: the user alice of the configuration cannot be made: the password has 5 characters, and at least 8 are wanted
    Choose a longer one; several words are a good one.
    [exit 2]
  `,
    );
    await plays(
      t,
      shell,
      `
    $ realmward init
    Created for the realm REALM1.EXAMPLE (SID):
      the realm's own principals, krbtgt/REALM1.EXAMPLE and kadmin/changepw
      the user alice
      the service host/device1.example
    $ realmward init
    The realm REALM1.EXAMPLE (SID) is complete: nothing was missing, nothing was changed.
  `,
    );
    await plays(
      t,
      without,
      `
    $ realmward init
    The realm REALM1.EXAMPLE (SID) is complete: nothing was missing, nothing was changed.
  `,
    );
    t.equal(statSync(join(shell.cwd, 'data')).mode & 0o777, 0o700, 'the data folder is for its owner alone');
    for (const file of readdirSync(join(shell.cwd, 'data'))) {
      t.equal(statSync(join(shell.cwd, 'data', file)).mode & 0o077, 0, `${file} is for its owner alone`);
    }
  },
);

await t.test('init can write a configuration to begin with, never over another file', async (t) => {
  const shell = { cwd: temporaryFolder(t) };
  await plays(
    t,
    shell,
    `
    $ realmward init --realm FLEET.EXAMPLE --out realm.yaml --data store --listen 127.0.0.1:10099
    Wrote realm.yaml. Look it over, then:

      export REALMWARD_CONFIG=realm.yaml
      npx realmward init
      npx realmward user add admin --right Administrator
      npx realmward serve
    $ realmward init --realm FLEET.EXAMPLE --out realm.yaml
    realmward: realm.yaml exists already
    Name another file, or remove this one first.
    [exit 4]
    $ realmward config check --config realm.yaml
    realm.yaml is right: it configures the realm FLEET.EXAMPLE.
    $ realmward init --config realm.yaml
    Created for the realm FLEET.EXAMPLE (SID):
      the store in DIR/store
      the realm's own principals, krbtgt/FLEET.EXAMPLE and kadmin/changepw
    $ realmward init --realm FLEET.EXAMPLE
    realmward: --realm and --out belong together
    [exit 2]
  `,
  );
});

await t.test(
  'users are added, changed, listed and removed, and every refusal has its exit code',
  async (t) => {
    const shell = shellWithConfig(t);
    await plays(
      t,
      shell,
      `
    $ realmward user list
    The realm has no users. "realmward user add NAME" creates one.
    $ realmward user add bob --right Viewer --password-stdin < 'Geheim-4711'
    Created the user bob@REALM1.EXAMPLE with the right Viewer.
    $ realmward user add carol@REALM1.EXAMPLE --password-stdin < 'Geheim-4711'
    Created the user carol@REALM1.EXAMPLE without a right: it can log in, and may do nothing.
    $ realmward user add bob --password-stdin < 'Geheim-4711'
    realmward: "bob" exists already
    Change it, or remove it first.
    [exit 4]
    $ realmward user add dora --password-stdin < 'short'
    realmward: the password has 5 characters, and at least 8 are wanted
    Choose a longer one; several words are a good one.
    [exit 2]
    $ realmward user add krbtgt/X --password-stdin < 'Geheim-4711'
    realmward: "krbtgt/X" cannot be an account: names that begin with "krbtgt" are reserved for the realm
    Choose another name.
    [exit 6]
    $ realmward user add dora --right admin --password-stdin < 'Geheim-4711'
    realmward: option '--right <right>' argument 'admin' is invalid. Allowed choices are Administrator, Viewer, Join-Realm.
    --help behind any verb explains it.
    [exit 2]
    $ realmward user add dora --expires soon --password-stdin < 'Geheim-4711'
    realmward: "soon" is not a time
    Write a date such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, a duration from now such as 30d, now, or never.
    [exit 2]
    $ realmward user set bob --right Administrator --expires 2030-06-01 --max-life 8h
    bob@REALM1.EXAMPLE now:
    user:             bob@REALM1.EXAMPLE
    state:            can log in
    right:            Administrator
    RID:              2000
    expires:          TIME
    password set:     TIME
    password expires: never
    longest ticket:   8h
    keys:             version 1: aes256-cts-hmac-sha384-192, aes128-cts-hmac-sha256-128, aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96
    last login:       never
    last failure:     never
    $ realmward user set bob --no-right --expires never --max-life realm --must-change
    bob@REALM1.EXAMPLE now:
    user:             bob@REALM1.EXAMPLE
    state:            must change its password first
    right:            none
    RID:              2000
    expires:          never
    password set:     TIME
    password expires: must be changed now
    keys:             version 1: aes256-cts-hmac-sha384-192, aes128-cts-hmac-sha256-128, aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96
    last login:       never
    last failure:     never
    $ realmward user set bob
    realmward: "user set" needs to know what to set
    It takes --right, --no-right, --expires, --must-change, --max-life and --max-renew.
    [exit 2]
    $ realmward user password bob --password-stdin < 'Geheim-4712'
    bob@REALM1.EXAMPLE has a new password. Its keys have version 2; keytabs with older ones no longer work.
    $ realmward user disable bob
    bob@REALM1.EXAMPLE is disabled: it gets no tickets any more. Those for services stay valid until they end.
    $ realmward user list
    NAME   RIGHT  STATE     EXPIRES  PASSWORD SET      LAST LOGIN
    bob    -      disabled  never    TIME  -
    carol  -      ok        never    TIME  -
    $ realmward user enable bob
    bob@REALM1.EXAMPLE is enabled.
    $ realmward user enable bob
    bob@REALM1.EXAMPLE was neither disabled nor locked.
    $ realmward user remove bob
    Removed bob@REALM1.EXAMPLE. Its RID is never given again, so nobody inherits its rights.
    $ realmward user show bob
    realmward: the realm has no principal "bob"
    Names are case-sensitive; "realmward user list" and "realmward service list" show those that exist.
    [exit 3]
    $ realmward user show carol@OTHER.EXAMPLE
    realmward: "carol@OTHER.EXAMPLE" is not a principal name: it belongs to the realm "OTHER.EXAMPLE", and this realm is "REALM1.EXAMPLE" (realm names are case-sensitive)
    Names look like alice or host/device1.example.
    [exit 2]
  `,
    );
  },
);

await t.test('services have random keys, which keytabs are made of and which rekey replaces', async (t) => {
  const shell = shellWithConfig(t);
  await plays(
    t,
    shell,
    `
    $ realmward service add host/a.example HTTP/a.example --etypes aes256-sha1,aes128-sha2
    Created the service host/a.example@REALM1.EXAMPLE. Its keys: realmward keytab export host/a.example --out FILE
    Created the service HTTP/a.example@REALM1.EXAMPLE. Its keys: realmward keytab export HTTP/a.example --out FILE
    $ realmward service add host/a.example
    realmward: "host/a.example" exists already
    Change it, or remove it first.
    [exit 4]
    $ realmward service add host/b.example --etypes aes512
    realmward: "aes512" is no encryption type
    Write for instance aes256-cts-hmac-sha384-192 or aes256-cts-hmac-sha1-96, or for short aes256-sha2 or aes256-sha1.
    [exit 2]
    $ realmward keytab export host/a.example --out a.keytab --etypes aes256-sha1
    host/a.example@REALM1.EXAMPLE: key version 1, aes256-cts-hmac-sha1-96, written to a.keytab.
    $ realmward service rekey host/a.example
    host/a.example@REALM1.EXAMPLE has new keys, version 2. Add them to its keytab now, beside the old ones: new tickets need them.
    realmward keytab export host/a.example --out FILE
    $ realmward keytab export host/a.example HTTP/a.example --out a.keytab
    host/a.example@REALM1.EXAMPLE: key version 2, aes128-cts-hmac-sha256-128, written to a.keytab.
    host/a.example@REALM1.EXAMPLE: key version 2, aes256-cts-hmac-sha1-96, written to a.keytab.
    HTTP/a.example@REALM1.EXAMPLE: key version 1, aes128-cts-hmac-sha256-128, written to a.keytab.
    HTTP/a.example@REALM1.EXAMPLE: key version 1, aes256-cts-hmac-sha1-96, written to a.keytab.
    $ realmward keytab list a.keytab
    PRINCIPAL                      KEY VERSION  ENCRYPTION TYPE             WRITTEN
    host/a.example@REALM1.EXAMPLE  1            aes256-cts-hmac-sha1-96     TIME
    host/a.example@REALM1.EXAMPLE  2            aes128-cts-hmac-sha256-128  TIME
    host/a.example@REALM1.EXAMPLE  2            aes256-cts-hmac-sha1-96     TIME
    HTTP/a.example@REALM1.EXAMPLE  1            aes128-cts-hmac-sha256-128  TIME
    HTTP/a.example@REALM1.EXAMPLE  1            aes256-cts-hmac-sha1-96     TIME
    $ realmward service remove HTTP/a.example
    Removed HTTP/a.example@REALM1.EXAMPLE. Its keytabs are worthless for new tickets.
    $ realmward service list
    NAME            STATE  KEY VERSION  KEYS MADE         ENCRYPTION TYPES
    host/a.example  ok     2            TIME  aes128-cts-hmac-sha256-128, aes256-cts-hmac-sha1-96
    $ realmward service enable host/a.example
    host/a.example@REALM1.EXAMPLE was not disabled.
    $ realmward service disable host/a.example
    host/a.example@REALM1.EXAMPLE is disabled: nobody gets a ticket for it, nor it one itself. Its keys stay.
    $ realmward service list
    NAME            STATE     KEY VERSION  KEYS MADE         ENCRYPTION TYPES
    host/a.example  disabled  2            TIME  aes128-cts-hmac-sha256-128, aes256-cts-hmac-sha1-96
    $ realmward service enable host/a.example
    host/a.example@REALM1.EXAMPLE is enabled.
    $ realmward keytab export host/a.example host/none --out b.keytab
    realmward: the realm has no principal "host/none"
    Names are case-sensitive; "realmward user list" and "realmward service list" show those that exist.
    [exit 3]
    $ realmward keytab export krbtgt/REALM1.EXAMPLE --out b.keytab
    realmward: the realm has no principal "krbtgt/REALM1.EXAMPLE"
    Names are case-sensitive; "realmward user list" and "realmward service list" show those that exist.
    [exit 3]
    $ realmward user password host/a.example --password-stdin < 'Geheim-4711'
    realmward: "host/a.example" is a service, with random keys
    Give it new keys instead, or remove it.
    [exit 6]
    $ realmward keytab list b.keytab
    realmward: b.keytab: there is no such file or folder
    [exit 3]
    $ realmward keytab list realm.yaml
    realmward: the file begins with 7265, a keytab with 0502 (at byte 0)
    Is this a keytab? \`klist -k FILE\` of MIT krb5 reads the same format (0x0502).
    [exit 1]
  `,
  );
  const keytab = join(shell.cwd, 'a.keytab');
  t.equal(statSync(keytab).mode & 0o777, 0o600, 'a new keytab is for its owner alone');
  t.same(
    readdirSync(shell.cwd).filter((name) => name.endsWith('.new')),
    [],
    'nothing is left behind',
  );

  // As a web server has it: readable for its group, in another folder.
  chmodSync(keytab, 0o640);
  symlinkSync(keytab, join(shell.cwd, 'link.keytab'));
  await plays(
    t,
    shell,
    `
    $ realmward keytab export host/a.example --out link.keytab --etypes aes256-sha1
    host/a.example@REALM1.EXAMPLE: key version 2, aes256-cts-hmac-sha1-96, written to link.keytab.
    realmward: warning: others may read link.keytab, and with it act as its principals: chmod 600 link.keytab
  `,
  );
  t.equal(statSync(keytab).mode & 0o777, 0o640, 'an existing one keeps its mode');
  const before = readFileSync(keytab);
  writeFileSync(join(shell.cwd, 'no.keytab'), 'something else');
  const refused = await cli(shell, ['keytab', 'export', 'host/a.example', '--out', 'no.keytab']);
  t.match(refused, { code: 1, stderr: /a keytab with 0502/ });
  t.equal(
    readFileSync(join(shell.cwd, 'no.keytab'), 'utf8'),
    'something else',
    'what is no keytab stays as it is',
  );
  t.same(readFileSync(keytab), before);
});

await t.test("the realm's keys and the master key are rotated", async (t) => {
  const shell = shellWithConfig(t);
  await plays(
    t,
    shell,
    `
    $ realmward krbtgt rotate
    realmward: the realm has no principal "krbtgt/REALM1.EXAMPLE"
    Names are case-sensitive; a listing shows those that exist.
    [exit 3]
    $ realmward init
    Created for the realm REALM1.EXAMPLE (SID):
      the realm's own principals, krbtgt/REALM1.EXAMPLE and kadmin/changepw
      the user alice
      the service host/device1.example
    $ realmward krbtgt rotate
    krbtgt/REALM1.EXAMPLE has new keys, version 2. Tickets under version 1 stay valid until they end, at the latest 10h5m after their key was replaced.
  `,
  );
  const masterKey = join(shell.cwd, 'data/master.key');
  const before = readFileSync(masterKey, 'utf8');
  await plays(
    t,
    shell,
    `
    $ realmward master-key rotate
    The keys of 4 principals are sealed with the new master key ID. Save a copy of it apart from the backups of the store.
    $ realmward keytab export alice --out alice.keytab --etypes aes256-sha1
    alice@REALM1.EXAMPLE: key version 1, aes256-cts-hmac-sha1-96, written to alice.keytab.
  `,
  );
  t.not(readFileSync(masterKey, 'utf8'), before);
  t.equal(statSync(masterKey).mode & 0o777, 0o600);
});

await t.test('a list of users is imported, again and again, and a wrong line is named', async (t) => {
  const shell = shellWithConfig(t);
  const key = '0123456789abcdef'.repeat(4);
  const write = (name: string, text: string) => writeFileSync(join(shell.cwd, name), text);
  write(
    'users.csv',
    `name,right,password,keys\nanna,Administrator,"${PASSWORD}, and more",\nben,Viewer,,18:${key}\n"cem",,,\n`,
  );
  write('wrong-heading.csv', 'name,rihgt\nanna,Viewer\n');
  write('wrong-right.csv', 'name,right\ndan,Viewer\neve,Admin\n');
  write('wrong-key.csv', `name,keys\nfay,18:${key}00\n`);
  write('wrong-quotes.csv', `name,password\n"gus,${PASSWORD}\n`);
  write('wrong-columns.csv', `name,password\ngus,${PASSWORD},Viewer\n`);
  await plays(
    t,
    shell,
    `
    $ realmward import --users users.csv
    3 users were added, in N seconds.
    $ realmward import --users users.csv
    0 users were added, 3 existed and were left as they are, in N seconds.
    $ realmward user list
    NAME  RIGHT          STATE  EXPIRES  PASSWORD SET      LAST LOGIN
    anna  Administrator  ok     never    TIME  -
    ben   Viewer         ok     never    TIME  -
    cem   -              ok     never    TIME  -
    $ realmward import --users wrong-heading.csv
    realmward: line 1: "rihgt" is no column of a list of users
    Write "right".
    [exit 1]
    $ realmward import --users wrong-right.csv
    realmward: line 3 ("eve"): "Admin" is no right
    Rights are Administrator, Viewer, Join-Realm. The rows before it are in the store (1 added, 0 existed). Correct the line and import the list again: users that exist are skipped.
    [exit 1]
    $ realmward import --users wrong-key.csv
    realmward: line 2 ("fay"): the keys cannot be used: the one of aes256-cts-hmac-sha1-96 is not 32 bytes in hexadecimal
    Keys look like 18:<64 hexadecimal digits> 17:<32 hexadecimal digits>. The rows before it are in the store (0 added, 0 existed). Correct the line and import the list again: users that exist are skipped.
    [exit 1]
    $ realmward import --users wrong-quotes.csv
    realmward: line 2: it has a double quote that is not closed
    A double quote in a value is written twice, in a value with double quotes around it.
    [exit 1]
    $ realmward import --users wrong-columns.csv
    realmward: line 2: it has another number of columns than the first line
    A comma in a value wants double quotes around the value.
    [exit 1]
    $ realmward import --users none.csv
    realmward: none.csv: there is no such file or folder
    [exit 3]
    $ realmward keytab export ben --out ben.keytab
    ben@REALM1.EXAMPLE: key version 1, aes256-cts-hmac-sha1-96, written to ben.keytab.
  `,
  );
  t.match(readFileSync(join(shell.cwd, 'ben.keytab')).toString('hex'), key, 'the key is the one of the list');
});

await t.test('scripts get JSON, and what is for people goes to standard error', async (t) => {
  const shell = shellWithConfig(t);
  const json = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await cli(shell, [...args, '--json'])).stdout);
  t.match(await json('init'), {
    realm: 'REALM1.EXAMPLE',
    sid: /^S-1-5-21-/,
    created: { realmPrincipals: 2, users: ['alice'] },
  });
  t.match(await json('user', 'list'), [
    {
      name: 'alice',
      principal: 'alice@REALM1.EXAMPLE',
      right: 'Administrator',
      state: 'ok',
      rid: 2002,
      expires: null,
    },
  ]);
  t.match(await json('user', 'set', 'alice', '--expires', '2030-06-01T12:00:00Z', '--max-renew', '2d'), {
    expires: '2030-06-01T12:00:00Z',
    maxRenew: 172_800,
  });
  t.match(await json('user', 'disable', 'alice'), { state: 'disabled', disabled: true });
  t.match(await json('service', 'list'), [{ name: 'host/device1.example', kvno: 1, etypes: { length: 4 } }]);
  t.match(await json('keytab', 'export', 'alice', '--out', 'k'), { file: 'k', entries: { length: 4 } });
  t.match(await json('keytab', 'list', 'k'), [
    { principal: 'alice@REALM1.EXAMPLE', kvno: 1, etype: 'aes256-cts-hmac-sha384-192', written: /Z$/ },
  ]);
  t.match(await json('krbtgt', 'rotate'), { kvno: 2, kept: [1] });
  t.match(await json('master-key', 'rotate'), { id: /^[0-9a-f]{8}$/, resealed: 4, resumed: false });
  t.match(await json('config', 'check'), { ok: true, mistakes: [] });
  t.match(await json('events', 'wrong-password'), { code: 'wrong-password', level: 'info' });
  const { stdout, stderr, code } = await cli(shell, ['user', 'show', 'nobody', '--json']);
  t.match(
    { stdout, stderr, code },
    { stdout: '', stderr: /^realmward: the realm has no principal "nobody"/, code: 3 },
  );
});

await t.test('decode prints messages as trees, whatever form they come in', async (t) => {
  const message = readFileSync(new URL('../../fixtures/krb5/java-login-as-req.der', import.meta.url));
  const shell = { cwd: temporaryFolder(t) };
  writeFileSync(join(shell.cwd, 'as-req.der'), message);
  await plays(
    t,
    shell,
    `
    $ realmward decode as-req.der
    AS-REQ [APPLICATION 10]
      pvno: 5
      msg-type: 10 (AS-REQ)
      req-body
        kdc-options: 0x00000000
        cname: alice (NT-PRINCIPAL)
        realm: REALM1.EXAMPLE
        sname: krbtgt/REALM1.EXAMPLE (NT-SRV-INST)
        till: 1970-01-01T00:00:00Z
        nonce: 1614647631
        etype: 18 (aes256-cts-hmac-sha1-96), 17 (aes128-cts-hmac-sha1-96), 20 (aes256-cts-hmac-sha384-192), 19 (aes128-cts-hmac-sha256-128)
  `,
  );
  const drawn = (await cli(shell, ['decode', 'as-req.der'])).stdout;
  t.equal((await cli(shell, ['decode', '-'], message.toString('hex'))).stdout, drawn);
  t.equal((await cli(shell, ['decode', '-'], message.toString('base64'))).stdout, drawn);
  t.match(JSON.parse((await cli(shell, ['decode', 'as-req.der', '--json'])).stdout), { label: /^AS-REQ/ });
  const cut = await cli(shell, ['decode', '-'], message.subarray(0, 50).toString('hex'));
  t.match(cut, { code: 1, stdout: '', stderr: /^realmward: this is no DER/ });
});

await t.test('a mistake in the command line is explained, and ends with 2', async (t) => {
  const shell = shellWithConfig(t);
  await plays(
    t,
    shell,
    `
    $ realmward usr list
    realmward: unknown command 'usr'
    (Did you mean user?)
    --help behind any verb explains it.
    [exit 2]
    $ realmward user
    realmward: a verb is missing
    --help behind any verb explains it.
    [exit 2]
    $ realmward keytab export alice
    realmward: required option '--out <file>' not specified
    --help behind any verb explains it.
    [exit 2]
    $ realmward events no-such-reason
    realmward: there is no reason "no-such-reason"
    "realmward events" lists them.
    [exit 3]
  `,
  );
  const lost = await cli({ cwd: shell.cwd }, ['user', 'list']);
  t.match(lost, { code: 5, stderr: /^realmward: no configuration was named\nName one with --config FILE/ });
  const wrong = { ...shell, env: { REALMWARD_CONFIG: 'wrong.yaml' } };
  writeFileSync(
    join(shell.cwd, 'wrong.yaml'),
    CONFIG.replace('listen', 'lissten').replace('alice, right', 'alice, rigth'),
  );
  await plays(
    t,
    wrong,
    `
    $ realmward config check
    wrong.yaml:3:1: lissten: found an unknown key, expected "listen"
    wrong.yaml:5:20: users[0].rigth: found an unknown key, expected "right"
    wrong.yaml is not right.
    [exit 5]
    $ realmward user list
    realmward: the configuration has 2 mistakes:
    wrong.yaml:3:1: lissten: found an unknown key, expected "listen"
    wrong.yaml:5:20: users[0].rigth: found an unknown key, expected "right"
    docs/configuration.md explains every key; "realmward config check" shows whether the file is right.
    [exit 5]
  `,
  );
  t.notOk(existsSync(join(shell.cwd, 'data')), 'and nothing was made');
});

await t.test('a password is never an argument, and never shown', async (t) => {
  const shell = shellWithConfig(t);
  await cli(shell, ['init']);
  for (const args of [
    ['user', 'add', 'bob', PASSWORD],
    ['user', 'add', 'bob', '--password', PASSWORD],
    ['user', 'add', 'bob', `--password=${PASSWORD}`],
    ['user', 'add', 'bob', '-p', PASSWORD],
    ['user', 'password', 'alice', PASSWORD],
  ]) {
    const { code, output } = await cli(shell, args);
    t.equal(code, 2, args.join(' '));
    t.match(output, /a password is never an argument: .*\n.*--password-stdin or --password-file FILE\./);
    t.notMatch(output, PASSWORD);
  }
  const misspelt = await realmward(shell, ['user', 'add', 'bob', `--passwort=${PASSWORD}`, '--debug']);
  t.equal(misspelt.code, 2);
  t.notMatch(misspelt.output, PASSWORD);

  await plays(
    t,
    shell,
    `
    $ realmward user add bob
    realmward: a password is needed, and there is no terminal to ask for it
    Use --password-stdin or --password-file FILE.
    [exit 2]
    $ realmward user add bob --password-stdin < ''
    realmward: no password came from standard input: it is empty
    [exit 2]
    $ realmward user add bob --password-file none
    realmward: none: there is no such file or folder
    [exit 3]
  `,
  );
  const twoLines = await realmward(
    shell,
    ['user', 'add', 'bob', '--password-stdin'],
    `${PASSWORD}\n${PASSWORD}\n`,
  );
  t.match(twoLines, { code: 2, stderr: /standard input has more than one line/ });
  writeFileSync(join(shell.cwd, 'password'), `${PASSWORD}\n`);
  const added = await cli(shell, ['user', 'add', 'bob', '--password-file', 'password', '--debug']);
  t.equal(added.code, 0, added.output);
  const outputs = [twoLines, added, await cli(shell, ['user', 'show', 'bob', '--json'])].map(
    ({ output }) => output,
  );
  t.notMatch(outputs.join(''), PASSWORD);
});

await t.test('docs/cli.md has every verb and every exit code, docs/events.md every reason', async (t) => {
  const shell = { cwd: temporaryFolder(t) };
  const verbsIn = (help: string): string[] =>
    Array.from(
      /\nCommands:\n([^]*?)\n\n/.exec(`${help}\n\n`)?.[1]?.matchAll(/^ {2}([a-z-]+)/gm) ?? [],
      ([, verb]) => verb as string,
    );
  const help = async (...verb: string[]): Promise<string> => (await cli(shell, [...verb, '--help'])).stdout;
  const verbs: string[] = [];
  for (const verb of verbsIn(await help()).filter((verb) => verb !== 'help')) {
    const inner = verbsIn(await help(verb)).filter((verb) => verb !== 'help');
    verbs.push(...(inner.length === 0 ? [verb] : inner.map((one) => `${verb} ${one}`)));
  }
  t.ok(verbs.includes('user add') && verbs.includes('serve'), verbs.join(', '));
  const documentation = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  for (const verb of verbs) t.match(documentation, new RegExp(`^\\| \`${verb}[ \`]`, 'm'), verb);
  for (const { code, meaning } of Object.values(EXIT)) {
    t.match(
      documentation,
      new RegExp(`^\\| ${code} +\\| ${meaning.replaceAll(/[()]/g, '.')} *\\|$`, 'm'),
      meaning,
    );
    t.match(await help(), `  ${code}  ${meaning}\n`);
  }
  const events = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
  t.equal(
    events,
    (await cli(shell, ['events', '--markdown'])).stdout,
    'npx realmward events --markdown > docs/events.md',
  );
});

await t.test('a stack is shown with --debug and never without', async (t) => {
  const shell = shellWithConfig(t);
  const plain = await cli(shell, ['user', 'show', 'nobody']);
  const debug = await cli(shell, ['user', 'show', 'nobody', '--debug']);
  t.notMatch(plain.output, /\bat .*\.ts:\d+/);
  t.match(debug.output, /\bat .*\.ts:\d+/);
});
