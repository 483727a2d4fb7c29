import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { openRealm, prepareRealm } from '../../src/app/compose/realm.ts';
import { checkConfig } from '../../src/app/config/check.ts';
import { parseConfig } from '../../src/app/config/load.ts';
import { ConfigError } from '../../src/app/config/mistakes.ts';
import { capturedLog } from '../support/captured-log.ts';
import { present } from '../support/present.ts';
import { temporaryFolder, type Scope } from '../support/run.ts';

const OWN = 'S-1-5-21-1-2-3';
const AD = 'S-1-5-21-1000000001-2000000002-3000000003';
const BASE = `realm: REALM1.EXAMPLE
sid: ${OWN}
data: ./data
listen: { kdc: ["127.0.0.1:10088"] }
`;

/** A configuration with these trusts, each a flow map without its braces. */
function withTrusts(...trusts: readonly string[]): string {
  return `${BASE}trusts:\n${trusts.map((trust) => `  - { ${trust} }\n`).join('')}`;
}

function trustsOf(text: string) {
  return parseConfig(text, '/etc/realmward/realm.yaml').trusts;
}

/** What is wrong, without the file's name. */
function mistakes(text: string): string[] {
  try {
    parseConfig(text, 'realm.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(
      ({ line, column, key, found, expected }) =>
        `${line}:${column} ${key}: found ${found}, expected ${expected}`,
    );
  }
}

await t.test('a trust means what it says', (t) => {
  const [trust] = trustsOf(`${BASE}trusts:
  - realm: AD.EXAMPLE.TEST
    netbios: ADEX
    kind: ad
    domainSid: ${AD}
    direction: both
    kdcs: ["127.0.0.2:10088", dc2.ad.example.test, "[2001:db8::1]:88"]
    kpasswd: [dc1.ad.example.test, "127.0.0.2:10464"]
    maxFailures: 5
    window: 1h30m
    secret: { env: TRUST_SECRET }
    mode: groups
    reportOnly: true
    rights: [{ rid: 1107, right: Administrator }, { sid: ${AD}-1108, right: Viewer }]
    enctypes: [aes128-sha1, aes256-cts-hmac-sha1-96]
    domains: [AD.example.test, corp.example]
    transits: [CHILD.AD.EXAMPLE.TEST]
    transitive: true
`);
  const { secret, ...settings } = present(trust);
  t.same(settings, {
    realm: 'AD.EXAMPLE.TEST',
    netbios: 'ADEX',
    kind: 'ad',
    domainSids: [AD],
    direction: 'both',
    kdcs: ['127.0.0.2:10088', 'dc2.ad.example.test', '[2001:db8::1]:88'],
    kpasswd: ['dc1.ad.example.test', '127.0.0.2:10464'],
    attempts: { maxFailures: 5, window: 5400 },
    mode: 'groups',
    reportOnly: true,
    rights: [
      { sid: `${AD}-1107`, right: 'Administrator' },
      { sid: `${AD}-1108`, right: 'Viewer' },
    ],
    etypes: [18, 17],
    domains: ['ad.example.test', 'corp.example'],
    transits: ['CHILD.AD.EXAMPLE.TEST'],
    transitive: true,
  });
  t.equal(secret.read({ TRUST_SECRET: 'x' }), 'x');
  t.throws(() => secret.read({}), {
    code: 'no-secret',
    message: /realm\.yaml:15: trusts\[0\]\.secret: .*TRUST_SECRET is not set/,
  });
  t.end();
});

await t.test('what is left out of a trust has the documented default', (t) => {
  const [ad, mit, realmward] = trustsOf(
    withTrusts(
      `realm: AD.EXAMPLE.TEST, domainSid: ${AD}, direction: inbound, secret: x`,
      'realm: MIT.EXAMPLE, direction: outbound, secret: x',
      'realm: B.EXAMPLE, kind: realmward, domainSid: [S-1-5-21-4-5-6, S-1-5-21-7-8-9], direction: both, secret: x, mode: keep',
    ),
  );
  t.match(ad, {
    kind: 'ad',
    etypes: [18, 17],
    domains: ['ad.example.test'],
    kdcs: [],
    kpasswd: [],
    attempts: { maxFailures: 3, window: 1800 },
    transits: [],
    transitive: false,
    rights: [],
    mode: 'groups',
    reportOnly: false,
  });
  t.match(mit, { kind: 'mit', etypes: [20, 19, 18, 17], domains: ['mit.example'], domainSids: [] });
  t.match(realmward, {
    kind: 'realmward',
    etypes: [20, 19, 18, 17],
    mode: 'keep',
    domainSids: ['S-1-5-21-4-5-6', 'S-1-5-21-7-8-9'],
  });
  t.same(trustsOf(BASE), []);
  t.end();
});

await t.test('each mistake in a trust is told where it stands, with what to write instead', (t) => {
  const whole = (rest: string) =>
    `realm: AD.EXAMPLE.TEST, domainSid: ${AD}, direction: both, secret: x${rest}`;
  const cases: readonly [string, string][] = [
    ['direction: both, secret: x', '6:5 trusts[0].realm: found nothing, expected the name of a realm'],
    ['realm: A, secret: x', 'trusts[0].direction: found nothing, expected one of inbound, outbound, both'],
    ['realm: A, direction: in, secret: x', 'found "in", expected one of inbound, outbound, both'],
    ['realm: A, direction: both', 'trusts[0].secret: found nothing, expected a text that is not empty'],
    [
      'realm: REALM1.EXAMPLE, direction: both, secret: x',
      '6:14 trusts[0].realm: found "REALM1.EXAMPLE", expected another realm: this is our own',
    ],
    ['realm: Realm1.Example, direction: both, secret: x', 'expected another realm: this is our own'],
    [
      'realm: A, kind: ad, direction: both, secret: x',
      'trusts[0].kind: found "ad", expected a domainSid beside it',
    ],
    ['realm: A, kind: realmward, direction: both, secret: x', 'expected a domainSid beside it'],
    [`realm: A, kind: mit, domainSid: ${AD}, direction: both, secret: x`, '6:39 trusts[0].domainSid: '],
    [
      'realm: A, kind: windows, direction: both, secret: x',
      'trusts[0].kind: found "windows", expected one of ad, realmward, mit',
    ],
    [
      `realm: A, domainSid: ${OWN}, direction: both, secret: x`,
      '6:28 trusts[0].domainSid: found "S-1-5-21-1-2-3", expected another SID: this is our own realm\'s',
    ],
    [
      `realm: A, domainSid: [${AD}, ${OWN}], direction: both, secret: x`,
      'trusts[0].domainSid[1]: found "S-1-5-21-1-2-3"',
    ],
    [`realm: A, domainSid: [${AD}, ${AD}], direction: both, secret: x`, 'trusts[0].domainSid[1]: found'],
    [
      'realm: A, domainSid: S-1-5-32, direction: both, secret: x',
      'expected the SID of a domain, S-1-5-21- and three numbers',
    ],
    [
      'realm: A, domainSid: AD, direction: both, secret: x',
      'trusts[0].domainSid: found "AD", expected a SID',
    ],
    [
      'realm: A, domainSid: [], direction: both, secret: x',
      'trusts[0].domainSid: found a list, expected a list with at least one SID',
    ],
    [
      'realm: A, direction: both, secret: x, rights: [{ rid: 5, right: Viewer }]',
      'trusts[0].rights[0].rid: found the number 5, expected a domainSid in this trust',
    ],
    [whole(', rights: [{ rid: 0, right: Viewer }]'), 'found the number 0, expected the RID of a group'],
    [
      whole(', rights: [{ rid: 5, right: Admin }]'),
      'trusts[0].rights[0].right: found "Admin", expected one of Administrator, Viewer, Join-Realm',
    ],
    [
      whole(', rights: [{ right: Viewer }]'),
      'trusts[0].rights[0]: found keys and values, expected either a rid or a sid, and a right',
    ],
    [whole(`, rights: [{ rid: 5, sid: ${AD}-5, right: Viewer }]`), 'expected either a rid or a sid'],
    [
      whole(', rights: [{ sid: S-1-18-1, right: Viewer }]'),
      'trusts[0].rights[0].sid: found "S-1-18-1", expected the SID of a group of a domain',
    ],
    [whole(', rights: [{ sid: S-1-5-32-544, right: Viewer }]'), 'expected the SID of a group of a domain'],
    [
      whole(', mode: keep'),
      'trusts[0].mode: found "keep", expected "groups": only a realm of the kind realmward',
    ],
    [
      'realm: B, kind: realmward, domainSid: S-1-5-21-4-5-6, direction: both, secret: x, mode: keep, rights: [{ rid: 5, right: Viewer }]',
      'trusts[0].rights: found a list, expected no rights beside mode keep',
    ],
    [
      whole(', kind: realmward, enctypes: [rc4-hmac]'),
      'trusts[0].enctypes[0]: found "rc4-hmac", expected AES: no realmward realm lacks it',
    ],
    [
      whole(', enctypes: [aes256-sha2]'),
      'trusts[0].enctypes[0]: found "aes256-sha2", expected aes256-cts-hmac-sha1-96 or aes128-cts-hmac-sha1-96: AD has no other AES keys',
    ],
    [
      whole(', enctypes: []'),
      'trusts[0].enctypes: found a list, expected a list with at least one encryption type',
    ],
    [whole(', kdcs: [":88"]'), 'trusts[0].kdcs[0]: found ":88", expected a host name or an IP address'],
    [whole(', kpasswd: [a b]'), 'trusts[0].kpasswd[0]: found "a b", expected a host name or an IP address'],
    [whole(', maxFailures: 0'), 'trusts[0].maxFailures: found the number 0, expected a whole number from 1'],
    [whole(', window: 59s'), 'trusts[0].window: found "59s", expected a duration such as 30m, at least 1m'],
    [whole(', netbios: A/B'), 'trusts[0].netbios: found "A/B", expected a NETBIOS name'],
    [whole(', domains: [a b]'), 'trusts[0].domains[0]: found "a b", expected a DNS name'],
    [
      whole(', domains: [realm1.example]'),
      'trusts[0].domains[0]: found "realm1.example", expected a domain of the trusted realm',
    ],
    [
      whole(', transits: [REALM1.EXAMPLE]'),
      'trusts[0].transits[0]: found "REALM1.EXAMPLE", expected another realm',
    ],
    [whole(', transits: [AD.EXAMPLE.TEST]'), 'expected realms behind the trusted one'],
    [whole(', transits: [C, C]'), 'trusts[0].transits[1]: found "C", expected each realm once'],
    [whole(', reportonly: true'), 'trusts[0].reportonly: found an unknown key, expected "reportOnly"'],
  ];
  for (const [trust, expected] of cases) {
    const found = mistakes(withTrusts(trust));
    t.equal(found.length, 1, trust);
    t.ok(found[0]?.includes(expected), `${found[0]} — ${expected}`);
  }
  t.end();
});

await t.test('two trusts differ in their realms, and no domain leads to both', (t) => {
  const trust = (realm: string, more = ''): string => `realm: ${realm}, direction: both, secret: x${more}`;
  t.same(mistakes(withTrusts(trust('A.EXAMPLE'), trust('a.example'))), [
    '7:14 trusts[1].realm: found "a.example", expected another realm than that of trusts[0]',
  ]);
  t.same(mistakes(withTrusts(trust('A.EXAMPLE', ', domains: [x, b.example]'), trust('B.EXAMPLE'))), [
    '7:14 trusts[1].realm: found "B.EXAMPLE", expected another domain than those of trusts[0]',
  ]);
  t.same(
    mistakes(withTrusts(trust('A.EXAMPLE', ', domains: [x, X]'), trust('B.EXAMPLE', ', domains: [y, X]'))),
    ['7:66 trusts[1].domains[1]: found "X", expected another domain than those of trusts[0]'],
  );
  t.end();
});

await t.test('the secret of a trust is never shown, whatever is wrong around it', (t) => {
  for (const secret of [
    '[geheim]',
    '{ file: [geheim] }',
    '{ env: 9geheim }',
    '{ geheim: x }',
    'geheim, mode: no',
  ]) {
    const found = mistakes(withTrusts(`realm: A, direction: both, secret: ${secret}`)).join('\n');
    t.match(found, 'found', secret);
    t.notMatch(found.replaceAll('secret.geheim', ''), 'geheim', secret);
  }
  t.end();
});

await t.test(
  'the check of a configuration warns of what keeps a trust from working, and is no mistake',
  (t) => {
    const file = join(temporaryFolder(t), 'realm.yaml');
    writeFileSync(
      file,
      withTrusts(
        `realm: A, domainSid: ${AD}, direction: both, secret: { env: NONE }, rights: [{ sid: S-1-5-21-7-8-9-5, right: Viewer }]`,
      ),
    );
    t.match(checkConfig(file, {}), {
      mistakes: [],
      warnings: [
        /trusts\[0\]\.secret: the environment variable NONE is not set; it is needed until the trust with A exists/,
        /the trust with A gives a right to the group S-1-5-21-7-8-9-5, which is in none of its domains/,
      ],
    });

    const warnings = (own: string, more: string): readonly string[] => {
      writeFileSync(file, `${withTrusts(`direction: both, secret: x, ${more}`)}${own}`);
      return checkConfig(file, {}).warnings;
    };
    const ad = `realm: AD.EXAMPLE.TEST, domainSid: ${AD}`;
    t.same(warnings('', ad), []);
    t.match(warnings('', `${ad}, enctypes: [rc4]`), [/AD\.EXAMPLE\.TEST uses RC4, which is broken/]);
    t.match(warnings('policy: { etypes: [aes256-sha2] }\n', ad), [/policy\.etypes has neither/]);
    t.same(warnings('policy: { etypes: [aes256-sha2] }\n', 'realm: MIT.EXAMPLE'), []);
    t.match(warnings('', `realm: ad.example.test, domainSid: ${AD}`), [/so this one is AD\.EXAMPLE\.TEST/]);
    writeFileSync(
      file,
      withTrusts(`direction: both, secret: x, ${ad}`).replace('REALM1.EXAMPLE', 'realm1.example'),
    );
    t.match(checkConfig(file, {}).warnings, [/our name in upper case, and ours is realm1\.example/]);
    t.end();
  },
);

await t.test('at a start', async (t) => {
  const folder = temporaryFolder(t);
  /** Starts with this configuration, without the server. */
  const start = async (t: Scope, text: string, environment = {}) => {
    const config = parseConfig(text, join(folder, 'realm.yaml'));
    const realm = await openRealm(config, { environment, log: capturedLog() });
    t.teardown(() => realm.close());
    return { realm, prepared: await prepareRealm(realm, environment) };
  };
  const trust = (more: string): string =>
    withTrusts(`realm: AD.EXAMPLE.TEST, domainSid: ${AD}, direction: both, ${more}`);

  await t.test('a declared trust that does not exist is made', async (t) => {
    await t.rejects(start(t, trust('secret: { env: S }')), { code: 'no-secret' });
    const { realm, prepared } = await start(t, trust('secret: { env: S }'), { S: 'one' });
    t.match(prepared, { trusts: ['AD.EXAMPLE.TEST'], changedTrusts: [] });
    t.equal(realm.store.trustDirectory.find('AD.EXAMPLE.TEST')?.inboundKeys.length, 2);
  });

  await t.test(
    'one that exists is brought to what is declared, but for its secret, which is not even read',
    async (t) => {
      const { realm, prepared } = await start(
        t,
        trust('secret: { env: S }, reportOnly: true, rights: [{ rid: 5, right: Viewer }]'),
      );
      t.match(prepared, { trusts: [], changedTrusts: ['AD.EXAMPLE.TEST'] });
      const before = present(realm.store.trustDirectory.find('AD.EXAMPLE.TEST'));
      t.match(before, { reportOnly: true, rights: [{ sid: `${AD}-5`, right: 'Viewer' }] });
      const again = await start(
        t,
        trust('secret: another, direction: inbound').replace('direction: both, ', ''),
      );
      t.match(again.prepared, { changedTrusts: ['AD.EXAMPLE.TEST'] });
      const after = present(again.realm.store.trustDirectory.find('AD.EXAMPLE.TEST'));
      t.match(after, { reportOnly: false, rights: [], direction: 'inbound' });
      t.same(
        after.inboundKeys.map(({ key }) => key.bytes),
        before.inboundKeys.map(({ key }) => key.bytes),
      );
      t.match(
        (await start(t, trust('secret: another, direction: inbound').replace('direction: both, ', '')))
          .prepared,
        { trusts: [], changedTrusts: [] },
      );
    },
  );

  await t.test('one that is not declared any more stays', async (t) => {
    const { realm, prepared } = await start(t, BASE);
    t.match(prepared, { trusts: [], changedTrusts: [] });
    t.equal(realm.store.trustDirectory.all().length, 1);
  });

  await t.test("a trust with the realm's own SID is refused when that SID was made, too", async (t) => {
    const dir = temporaryFolder(t);
    const text = (more: string): string =>
      BASE.replace(`sid: ${OWN}\n`, '').replace('./data', join(dir, 'data')) + more;
    const { prepared } = await start(t, text(''));
    await t.rejects(
      start(t, text(`trusts: [{ realm: A, domainSid: ${prepared.sid}, direction: both, secret: x }]\n`)),
      {
        code: 'bad-trust',
        message: /domainSid: expected another SID: this is our own realm's/,
      },
    );
  });
});
