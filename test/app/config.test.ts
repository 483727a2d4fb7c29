import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import t from 'tap';
import { loadConfig, parseConfig } from '../../src/app/config/load.ts';
import { checkConfig } from '../../src/app/config/check.ts';
import { ConfigError } from '../../src/app/config/mistakes.ts';
import { formatDuration, parseDuration } from '../../src/app/config/duration.ts';
import { configJsonSchema } from '../../src/app/config/schema.ts';
import { clientKrb5Conf } from '../../src/app/krb5-conf.ts';
import { writeStarterConfig } from '../../src/app/config/starter.ts';
import { Secret } from '../../src/app/config/secret.ts';
import { createAuthority, openAuthority } from '../../src/pki/authority.ts';
import { temporaryFolder } from '../support/run.ts';

const ROOT = new URL('../../', import.meta.url);

const MINIMAL = `realm: REALM1.EXAMPLE
data: ./data
listen: { kdc: ["127.0.0.1:10088"] }
`;

/** What is wrong with a configuration, as it is shown. */
function mistakes(text: string): string[] {
  try {
    parseConfig(text, 'realm.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').slice(1);
  }
}

await t.test('a minimal file has the documented defaults', async (t) => {
  const { policy, udpReplyLimit, passwordLength, lockout, users, services, time, log, sid, data } =
    parseConfig(MINIMAL, '/etc/realm.yaml');
  t.match(policy, { maxLife: 36_000, maxRenew: 604_800, clockSkew: 300, revealUnknownClients: false });
  t.same(policy.throttle, { perAddress: 1000, perPrincipal: 30, window: 600 });
  t.equal(policy.lockout, undefined);
  t.same(policy.etypes, [20, 19, 18, 17]);
  t.same(
    { udpReplyLimit, passwordLength, lockout, users, services, time, sid },
    {
      udpReplyLimit: 1465,
      passwordLength: 8,
      lockout: undefined,
      users: [],
      services: [],
      time: undefined,
      sid: undefined,
    },
  );
  t.same(log, { file: undefined, level: 'info' });
  t.equal(data, '/etc/data', 'paths are relative to the file');
});

await t.test('a full file means what it says', async (t) => {
  const config = parseConfig(
    `${MINIMAL}
sid: S-1-5-21-1-2-3
store: sqlite
policy:
  maxLife: 1h30m
  maxRenew: 0s
  clockSkew: 90s
  revealUnknownClients: true
  etypes: [aes128-sha1, AES256-cts-hmac-sha384-192]
  udpReplyLimit: 4096
  passwordLength: 15
  lockout: { maxFailures: 5, window: 10m, duration: 1d }
  throttle: { perAddress: 0, perPrincipal: 5, window: 1m }
users:
  - { name: alice, right: Administrator, password: "1234" }
  - { name: bob@REALM1.EXAMPLE, password: { env: BOB_PASSWORD } }
services: [{ name: host/device1.example }]
time: { servers: [ntp.example, "127.0.0.1:1123"], interval: 1m }
log: { file: log/realmward.log, level: debug }
`.replace('AES256', 'aes256'),
    '/etc/realmward/realm.yaml',
  );
  t.match(config.policy, { maxLife: 5400, maxRenew: 0, clockSkew: 90, revealUnknownClients: true });
  t.same(config.policy.etypes, [20, 17], 'strongest first, whatever the order in the file');
  t.same(config.lockout, { maxFailures: 5, window: 600, duration: 86_400 });
  t.equal(config.policy.lockout, config.lockout);
  t.equal(config.passwordLength, 15);
  t.same(config.policy.throttle, { perAddress: 0, perPrincipal: 5, window: 60 });
  t.equal(config.sid, 'S-1-5-21-1-2-3');
  t.same(
    config.users.map(({ name, right }) => [name, right]),
    [
      ['alice', 'Administrator'],
      ['bob', undefined],
    ],
  );
  t.same(
    config.users.map(({ password }) => password.read({ BOB_PASSWORD: 'x' })),
    ['1234', 'x'],
  );
  t.same(config.services, [{ name: 'host/device1.example' }]);
  t.same(config.time, { servers: ['ntp.example', '127.0.0.1:1123'], interval: 60 });
  t.same(config.log, { file: '/etc/realmward/log/realmward.log', level: 'debug' });
});

await t.test('HTTPS is served where its addresses and names are given', async (t) => {
  const withHttps = (https: string, more = ''): string =>
    `${MINIMAL.replace('"127.0.0.1:10088"]', '"127.0.0.1:10088"], https: ["127.0.0.1:10443"]')}https: ${https}\n${more}`;
  t.equal(parseConfig(MINIMAL, '/etc/realm.yaml').https, undefined);
  t.same(
    parseConfig(withHttps('{ names: [Realm1.example, 192.0.2.1, "2001:db8::1"] }'), '/etc/realm.yaml').https,
    {
      listen: ['127.0.0.1:10443'],
      names: ['realm1.example', '192.0.2.1', '2001:db8::1'],
      files: undefined,
    },
  );
  t.same(
    parseConfig(withHttps('{ names: [a.example], certificate: tls/a.pem, key: /k.pem }'), '/etc/r.yaml').https
      ?.files,
    { certificate: '/etc/tls/a.pem', key: '/k.pem' },
  );
  t.same(mistakes(`${MINIMAL}https: { names: [a.example] }`), [
    'realm.yaml:4:8: https: found keys and values, expected listen.https beside it: the addresses to serve HTTPS on',
  ]);
  t.same(mistakes(MINIMAL.replace(' }', ', https: ["127.0.0.1:1"] }')), [
    'realm.yaml:3:44: listen.https: found a list, expected https.names beside it: the names that clients use',
  ]);
  t.same(
    mistakes(
      withHttps(
        '{ names: [a.example, A.example, "*.example", -x], key: k.pem }',
        'services: [{ name: HTTP/a.example }]',
      ),
    ),
    [
      'realm.yaml:4:29: https.names[1]: found "A.example", expected each name once',
      'realm.yaml:4:40: https.names[2]: found "*.example", expected a DNS name or an IP address, such as realm1.example or 192.0.2.1',
      'realm.yaml:4:53: https.names[3]: found "-x", expected a DNS name or an IP address, such as realm1.example or 192.0.2.1',
      'realm.yaml:4:63: https.key: found "k.pem", expected https.certificate beside it',
      `realm.yaml:5:20: services[0].name: found "HTTP/a.example", expected another service: this one is the realm's own, by https.names`,
    ],
  );
});

await t.test(
  'all mistakes are listed, each with line, column, key, what was found and what was expected',
  async (t) => {
    const text = `realm: REALM 1
lissten: { kdc: ["127.0.0.1:10088"] }
policy: { maxLife: 300, clockSkew: 0s, etypes: [rc4-hmac], maxLive: 3h, revealUnknownClients: yes please, passwordLength: 129 }
users:
  - { name: alice, right: administrator, password: 12345 }
  - { name: krbtgt/REALM1.EXAMPLE, password: "" }
  - geheim
  - { name: Alice, password: { file: a, env: B } }
services:
  - { name: "host/" }
  - { name: ALICE, keys: 3 }
time: { servers: [], interval: soon }
log: { level: chatty }
store: mysql
`;
    t.same(mistakes(text), [
      'realm.yaml:1:1: data: found nothing, expected a path',
      'realm.yaml:1:8: realm: found "REALM 1", expected the name of a realm: letters, digits, dots, hyphens and underscores, such as REALM1.EXAMPLE',
      'realm.yaml:2:1: lissten: found an unknown key, expected "listen"',
      'realm.yaml:3:20: policy.maxLife: found the number 300, expected a duration such as 10h, at least 1m, at most 3650d',
      'realm.yaml:3:36: policy.clockSkew: found "0s", expected a duration such as 5m, at least 1s, at most 1d',
      'realm.yaml:3:49: policy.etypes[0]: found "rc4-hmac", expected one of aes256-cts-hmac-sha384-192, aes128-cts-hmac-sha256-128, aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96',
      'realm.yaml:3:60: policy.maxLive: found an unknown key, expected "maxLife"',
      'realm.yaml:3:95: policy.revealUnknownClients: found "yes please", expected true or false',
      'realm.yaml:3:123: policy.passwordLength: found the number 129, expected a whole number of characters from 1 to 128',
      'realm.yaml:5:27: users[0].right: found "administrator", expected "Administrator" (one of Administrator, Viewer, Join-Realm)',
      'realm.yaml:5:52: users[0].password: found a number, expected a text that is not empty, in quotes where it could be something else, or { file: PATH }, or { env: NAME }',
      'realm.yaml:6:13: users[1].name: found "krbtgt/REALM1.EXAMPLE", expected another name: "krbtgt/REALM1.EXAMPLE" cannot be an account: names that begin with "krbtgt" are reserved for the realm',
      'realm.yaml:6:46: users[1].password: found a text, expected a text that is not empty, in quotes where it could be something else, or { file: PATH }, or { env: NAME }',
      'realm.yaml:7:5: users[2]: found a text, expected keys and values: name, right, password',
      'realm.yaml:8:13: users[3].name: found "Alice", expected a name that differs from that of users[0]',
      'realm.yaml:8:30: users[3].password: found keys and values, expected a text that is not empty, in quotes where it could be something else, or { file: PATH }, or { env: NAME }',
      'realm.yaml:10:13: services[0].name: found "host/", expected another name: "host/" is not a principal name: a part of it is empty',
      'realm.yaml:11:13: services[1].name: found "ALICE", expected a name that differs from that of users[0]',
      'realm.yaml:11:20: services[1].keys: found an unknown key, expected one of name',
      'realm.yaml:12:18: time.servers: found a list, expected a list with at least one time server, such as [ntp.example]',
      'realm.yaml:12:32: time.interval: found "soon", expected a duration such as 5m, at least 10s, at most 1d',
      'realm.yaml:13:15: log.level: found "chatty", expected one of debug, info, warn, error',
      'realm.yaml:14:8: store: found "mysql", expected "sqlite"',
    ]);
  },
);

await t.test('each kind of single mistake says what to write instead', async (t) => {
  const cases: Record<string, string[]> = {
    'listen: { kdc: [localhost:88] }': ['found "localhost:88", expected an IP address and a port'],
    'listen: { kdc: ["2001:db8::1:88"] }': ['expected an IP address and a port'],
    'listen: { kdc: 127.0.0.1:88 }': ['found a text, expected a list of addresses'],
    'listen: { kdc: ["127.0.0.1:88", "127.0.0.1:88"] }': ['expected each address once'],
    'listen: {}': ['listen.kdc: found nothing'],
    'sid: S-1-5-21-x': ['sid: found "S-1-5-21-x", expected a SID'],
    [`sid: S-1-5${'-1'.repeat(15)}`]: ['with room for one more number'],
    'policy: { udpReplyLimit: 70000 }': [
      'found the number 70000, expected a whole number of bytes from 512 to 65507',
    ],
    'policy: { lockout: {} }': [
      'policy.lockout.maxFailures: found nothing, expected a whole number from 1 to 1000',
    ],
    'policy: { lockout: { maxFailures: 0 } }': ['found the number 0'],
    'policy: { maxLife: 99999d }': ['at most 3650d'],
    'time: { servers: ["fe80::1"] }': ['time.servers[0]: found "fe80::1"'],
    'realm: ""': ['realm: found ""'],
    'log: off': ['log: found a text, expected keys and values: file, level'],
    'users: 3': ['users: found a number, expected a list of users'],
  };
  for (const [line, expected] of Object.entries(cases)) {
    const key = line.split(':')[0];
    const text = `${MINIMAL.split('\n')
      .filter((other) => !other.startsWith(`${key}:`))
      .join('\n')}${line}\n`;
    const found = mistakes(text);
    t.equal(found.length, 1, line);
    for (const part of expected) t.match(found[0], part, line);
  }
});

await t.test('what is no YAML is told with its place, in words that quote nothing of the file', async (t) => {
  const cases: Record<string, string> = {
    'a: b: geheim': 'realm.yaml:1:4: found a second ": " in one line',
    'a: "geheim': 'found a bracket, quote, comma or colon missing',
    'realm: A\nrealm: geheim': 'realm.yaml:2:1: found a key that stands here already',
    'a: *geheim': 'realm.yaml:1:4: found an alias',
    '\tgeheim: 1': 'realm.yaml:1:1: found a tab',
    'a: !geheim b': 'realm.yaml:1:4: found a tag',
    'a: @geheim': 'realm.yaml:1:4: found a text that begins with a character that YAML reserves',
    'a: "\\q geheim"': 'found a backslash that is no escape',
    'a: 1\n---\nb: geheim': 'found a second document',
    'a: [1\nb: 2': 'found',
    '': 'realm.yaml:1:1: found nothing, expected keys and values: realm, sid,',
    '- geheim': 'realm.yaml:1:1: found a list',
    geheim: 'realm.yaml:1:1: found a text',
    [`a: &a [x]\n${'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n'.replaceAll('b:', 'b:')}c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]`]:
      'more and more aliases',
  };
  for (const [text, expected] of Object.entries(cases)) {
    const found = mistakes(text);
    t.ok(found.length > 0, text);
    t.match(found.join('\n'), expected, text);
    t.notMatch(found.join('\n'), 'geheim', text);
  }
});

await t.test('a secret is never shown, whatever is wrong around it', async (t) => {
  for (const users of [
    '[{ name: a, password: [geheim] }]',
    '[{ name: a, password: { file: [geheim] } }]',
    '[{ name: a, password: { env: 9geheim } }]',
    '[{ name: a, pasword: geheim }]',
    '[{ name: a, password: geheim, right: Admin }]',
    '{ a: geheim }',
    'geheim',
    '[[geheim]]',
  ]) {
    const found = mistakes(`${MINIMAL}users: ${users}\n`).join('\n');
    t.match(found, 'found', users);
    t.notMatch(found, 'geheim', users);
  }
  const secret = new Secret({ value: 'geheim' }, 'realm.yaml:1: users[0].password');
  for (const shown of [inspect(secret), JSON.stringify({ secret }), String(secret)])
    t.notMatch(shown, 'geheim');
});

await t.test(
  'secrets come from the file itself, from files and from variables, and a missing one says where it was expected',
  async (t) => {
    const dir = temporaryFolder(t);
    const file = join(dir, 'realm.yaml');
    writeFileSync(
      file,
      `${MINIMAL}users:\n  - { name: alice, password: { file: alice.password } }\n  - { name: bob, password: { env: BOB } }\n`,
    );
    const [alice, bob] = loadConfig(file).users.map(({ password }) => password) as [Secret, Secret];
    t.throws(() => alice.read({}), {
      code: 'no-secret',
      message: /realm\.yaml:5: users\[0\]\.password: the file .*alice\.password cannot be read/,
    });
    writeFileSync(join(dir, 'alice.password'), ' with blanks \n');
    t.equal(alice.read({}), ' with blanks ', 'the line end behind it is left out, and nothing else');
    for (const [text, why] of [
      ['', 'is empty'],
      ['\n', 'is empty'],
      ['one\ntwo\n', 'more than one line'],
      ['x'.repeat(5000), 'larger than'],
    ] as const) {
      writeFileSync(join(dir, 'alice.password'), text);
      t.throws(() => alice.read({}), { code: 'no-secret', message: new RegExp(why) }, why);
    }
    t.throws(() => bob.read({}), {
      code: 'no-secret',
      message: /users\[1\]\.password: the environment variable BOB is not set/,
    });
    t.throws(() => bob.read({ BOB: '' }), { code: 'no-secret' });
    t.match(checkConfig(file, { BOB: 'x' }), {
      realm: 'REALM1.EXAMPLE',
      mistakes: [],
      warnings: [/users\[0\]/],
    });
  },
);

await t.test('a file that is missing, unreadable or no text is told as such', async (t) => {
  const dir = temporaryFolder(t);
  t.throws(() => loadConfig(join(dir, 'none.yaml')), { code: 'no-config', message: /there is no such file/ });
  mkdirSync(join(dir, 'folder.yaml'));
  t.throws(() => loadConfig(join(dir, 'folder.yaml')), { code: 'no-config' });
  writeFileSync(join(dir, 'latin1.yaml'), Buffer.from('realm: M\xdcNCHEN\n', 'latin1'));
  t.throws(() => loadConfig(join(dir, 'latin1.yaml')), { code: 'no-config' });
});

await t.test('a configuration to begin with is right, and with what it has as comments, too', (t) => {
  const file = join(temporaryFolder(t), 'realm.yaml');
  writeStarterConfig(file, { realm: 'FLEET.EXAMPLE', data: 'data' });
  t.equal(loadConfig(file).https, undefined);
  const all = readFileSync(file, 'utf8').replace(/^( *)# (https: )/gm, '$1$2');
  t.match(parseConfig(all, file).https, {
    listen: ['0.0.0.0:443', '[::]:443'],
    names: ['realm.fleet.example'],
  });
  t.end();
});

await t.test('a certificate that HTTPS could not use is warned of', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'realm.yaml');
  const listen = MINIMAL.replace(' }', ', https: ["127.0.0.1:10443"] }');
  writeFileSync(
    file,
    `${listen}https: { names: [a.example, b.example], certificate: tls.pem, key: tls.key }\n`,
  );
  t.match(checkConfig(file, {}).warnings, [
    /^https\.certificate and https\.key: ENOENT.*tls\.pem'; the server will not start/,
  ]);
  const clock = { microseconds: () => Date.now() * 1000 };
  const ca = await openAuthority(await createAuthority('A', clock), { realm: 'A', clock, name: 'ca' });
  const { certificate, key } = await ca.issueServer(['a.example']);
  writeFileSync(join(folder, 'tls.pem'), certificate);
  writeFileSync(join(folder, 'tls.key'), (await ca.issueServer(['a.example'])).key);
  t.match(checkConfig(file, {}).warnings, [/it is not the key of the certificate/]);
  writeFileSync(join(folder, 'tls.key'), key);
  t.same(checkConfig(file, {}).warnings, [
    'the certificate of HTTPS is not for b.example, which stands in https.names',
  ]);
});

await t.test('durations go both ways', async (t) => {
  for (const [text, seconds] of [
    ['10h', 36_000],
    ['90s', 90],
    ['7d', 604_800],
    ['1h30m', 5400],
    ['0s', 0],
  ] as const) {
    t.equal(parseDuration(text), seconds);
    t.equal(parseDuration(formatDuration(seconds)), seconds);
  }
  t.same(
    ['', '10', 'h', '1.5h', '-1h', '1 h', '10H', '1w'].map(parseDuration),
    Array.from({ length: 8 }, () => undefined),
  );
});

await t.test(
  'the JSON Schema in realm-config/ is the one of the code, and every example points to it',
  async (t) => {
    const kept: unknown = JSON.parse(readFileSync(new URL('realm-config/schema.json', ROOT), 'utf8'));
    t.same(
      kept,
      JSON.parse(JSON.stringify(configJsonSchema())),
      'npx realmward config schema > realm-config/schema.json',
    );
    for (const name of ['demo', 'production']) {
      t.match(
        readFileSync(new URL(`realm-config/${name}.yaml`, ROOT), 'utf8'),
        '# yaml-language-server: $schema=schema.json\n',
      );
    }
  },
);

await t.test('docs/configuration.md names every key, and none that does not exist', async (t) => {
  const documented = readFileSync(new URL('docs/configuration.md', ROOT), 'utf8').matchAll(
    /^\| `([\w.[\]]+)`/gm,
  );
  t.same(new Set([...documented].map(([, key]) => key)), new Set(leaves(configJsonSchema(), '')));
});

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
}

function leaves(schema: Schema, path: string): string[] {
  if (schema.items?.properties !== undefined) return leaves(schema.items, `${path}[]`);
  if (schema.properties === undefined) return [path];
  return Object.entries(schema.properties).flatMap(([key, inner]) =>
    leaves(inner, path === '' ? key : `${path}.${key}`),
  );
}

await t.test('the example for production is right, and names secrets instead of holding them', async (t) => {
  const file = new URL('realm-config/production.yaml', ROOT).pathname;
  const config = loadConfig(file);
  t.equal(config.realm, 'FLEET.EXAMPLE');
  t.same(config.listen.kdc, ['0.0.0.0:88', '[::]:88']);
  t.same(config.listen.kpasswd, ['0.0.0.0:464', '[::]:464']);
  t.equal(config.data, '/var/lib/realmward');
  for (const { password } of config.users) t.throws(() => password.read({}), { code: 'no-secret' });
});

await t.test(
  "clients on the server's machine find it on loopback where it listens on all addresses",
  async (t) => {
    const kdc = [
      { host: '0.0.0.0', port: 88 },
      { host: '::', port: 88 },
      { host: '192.0.2.1', port: 10_088 },
      { host: '127.0.0.1', port: 88 },
    ];
    const text = clientKrb5Conf('REALM1.EXAMPLE', { kdc, kpasswd: [{ host: '0.0.0.0', port: 464 }] });
    const kdcs = Array.from(text.matchAll(/^ {4}kdc = (.*)/gm), ([, kdc]) => kdc);
    t.same(kdcs, ['127.0.0.1:88', '[::1]:88', '192.0.2.1:10088']);
    t.match(text, '    kpasswd_server = 127.0.0.1:464\n');
    t.match(text, 'default_realm = REALM1.EXAMPLE\n  dns_lookup_kdc = false\n');
    t.notMatch(clientKrb5Conf('REALM1.EXAMPLE', { kdc, kpasswd: [] }), /kpasswd/);
  },
);
