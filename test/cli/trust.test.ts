import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startRealmwardKdc } from '../support/realmward-kdc.ts';
import { temporaryFolder } from '../support/run.ts';
import { realmwardHost, replay, script, type Shell } from '../support/transcript.ts';

const CONFIG = `realm: REALM1.EXAMPLE
sid: S-1-5-21-1-2-3
data: data
listen: { kdc: ["192.0.2.1:88", "0.0.0.0:10088"] }
`;
const AD = 'S-1-5-21-1000000001-2000000002-3000000003';
const SECRET = 'Shared.Trust.Secret-1';

const cli = realmwardHost(t);

function shellWith(t: Test, config = CONFIG): Shell {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'realm.yaml'), config);
  return { cwd, env: { REALMWARD_CONFIG: 'realm.yaml' } };
}

async function plays(t: Test, shell: Shell, text: string): Promise<void> {
  const expected = script(text);
  t.equal(await replay(cli, shell, expected), expected);
}

await t.test('an operator makes a trust with AD, and is told what to type there', async (t) => {
  const shell = shellWith(t);
  await plays(
    t,
    shell,
    `
    $ realmward trust list
    The realm trusts nobody. "npx realmward trust add REALM" makes a trust.
    $ realmward trust add AD.EXAMPLE.TEST --direction inbound --domain-sid ${AD} --netbios ADEX --kdcs 192.0.2.10 --rights 1107=Administrator,1108=Viewer --password-stdin < '${SECRET}'
    Made the trust with AD.EXAMPLE.TEST (Active Directory).
    inbound: users of AD.EXAMPLE.TEST come to us, ours do not go there. Active Directory calls this "one-way: incoming" ("Users in this domain can be authenticated in the specified realm").

    Now the other side, with the same secret:

    Windows, as an administrator on a domain controller (not measured by us; docs/active-directory.md says more):
      # On every domain controller, with a restart behind it, unless DNS has _kerberos._udp.REALM1.EXAMPLE and _kerberos._tcp.REALM1.EXAMPLE:
      ksetup /addkdc REALM1.EXAMPLE 192.0.2.1
      netdom trust REALM1.EXAMPLE /domain:AD.EXAMPLE.TEST /add /realm /passwordt:*
      ksetup /setenctypeattr REALM1.EXAMPLE AES256-CTS-HMAC-SHA1-96 AES128-CTS-HMAC-SHA1-96
      # Or, instead of the last line: "Active Directory Domains and Trusts", properties of the domain, Trusts, properties of the trust:
      # tick "The other domain supports Kerberos AES Encryption". Without it Windows uses RC4, or answers KDC_ERR_ETYPE_NOSUPP.

    Samba, as root on a domain controller, with docs/samba_trust.py, which asks for the secret:
      python3 samba_trust.py set REALM1.EXAMPLE --netbios REALM1 --sid SID --direction inbound

    Then try it: npx realmward trust test AD.EXAMPLE.TEST --user NAME
    $ realmward trust list
    REALM            KIND  DIRECTION  RIGHTS    SECRET SET
    AD.EXAMPLE.TEST  ad    inbound    2 groups  TIME
    $ realmward trust show AD.EXAMPLE.TEST
    realm:            AD.EXAMPLE.TEST
    kind:             ad: Active Directory
    direction:        inbound: users of AD.EXAMPLE.TEST come to us, ours do not go there. Active Directory calls this "one-way: incoming" ("Users in this domain can be authenticated in the specified realm").
    NETBIOS name:     ADEX
    domain SID:       SID
    KDCs:             192.0.2.10
    encryption types: aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96
    domains:          ad.example.test
    transitive:       no: nobody goes on from here over this trust and another
    wrong passwords:  at most 3 of one account in 30m are tried there
    secret:           version 1, set TIME, less than a day ago
    declared:         no
    rights:           by these groups; of several the highest counts.

    RIGHT          RID   GROUP
    Administrator  1107  SID-1107
    Viewer         1108  SID-1108
  `,
  );
  const files = readdirSync(join(shell.cwd, 'data'));
  const stored = files.map((file) => readFileSync(join(shell.cwd, 'data', file), 'latin1')).join('');
  t.notMatch(stored, SECRET);
});

await t.test('a trust is changed, given another secret, and removed', async (t) => {
  const shell = shellWith(t);
  await cli(
    shell,
    ['trust', 'add', 'AD.EXAMPLE.TEST', '--direction', 'both', '--domain-sid', AD, '--password-stdin'],
    SECRET,
  );
  await plays(
    t,
    shell,
    `
    $ realmward trust set AD.EXAMPLE.TEST --direction outbound --report-only --rights S-1-5-21-7-8-9-5=Join-Realm --kdcs dns --domains ad.example.test,corp.example
    The trust now:
    realm:            AD.EXAMPLE.TEST
    kind:             ad: Active Directory
    direction:        outbound: our users go to AD.EXAMPLE.TEST, theirs do not come here. Active Directory calls this "one-way: outgoing" ("Users in the specified realm can be authenticated in this domain").
    domain SID:       SID
    KDCs:             as DNS says
    encryption types: aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96
    domains:          ad.example.test, corp.example
    transitive:       no: nobody goes on from here over this trust and another
    secret:           version 1, set TIME, less than a day ago
    declared:         no
    rights:           by these groups; of several the highest counts. Report-only: nothing is granted, and the log says what would be.

    RIGHT       RID  GROUP
    Join-Realm  5    SID-5 (in none of the trust's domains: nobody has it)
    $ realmward trust set AD.EXAMPLE.TEST --no-report-only --rights none --direction both --domains default
    The trust now:
    realm:            AD.EXAMPLE.TEST
    kind:             ad: Active Directory
    direction:        both: users of AD.EXAMPLE.TEST come to us, and our users go to AD.EXAMPLE.TEST. Active Directory calls this "two-way": its users coming to us is the incoming half of it.
    domain SID:       SID
    KDCs:             as DNS says
    encryption types: aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96
    domains:          ad.example.test
    transitive:       no: nobody goes on from here over this trust and another
    wrong passwords:  at most 3 of one account in 30m are tried there
    secret:           version 1, set TIME, less than a day ago
    declared:         no
    rights:           none: the map is empty.
    $ realmward trust set AD.EXAMPLE.TEST --max-failures 5 --window 1h30m --kdcs dc1.ad.example.test --kpasswd dc2.ad.example.test,192.0.2.10:1464
    The trust now:
    realm:            AD.EXAMPLE.TEST
    kind:             ad: Active Directory
    direction:        both: users of AD.EXAMPLE.TEST come to us, and our users go to AD.EXAMPLE.TEST. Active Directory calls this "two-way": its users coming to us is the incoming half of it.
    domain SID:       SID
    KDCs:             dc1.ad.example.test
    password servers: dc2.ad.example.test, 192.0.2.10:1464
    encryption types: aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96
    domains:          ad.example.test
    transitive:       no: nobody goes on from here over this trust and another
    wrong passwords:  at most 5 of one account in 1h30m are tried there
    secret:           version 1, set TIME, less than a day ago
    declared:         no
    rights:           none: the map is empty.
    $ realmward trust set AD.EXAMPLE.TEST --max-failures 1001
    realmward: the trust cannot be so: maxFailures: expected a whole number from 1 to 1000
    [exit 2]
    $ realmward trust set AD.EXAMPLE.TEST --window 30
    realmward: the trust cannot be so: window: expected a duration such as 30m, at least 1m, at most 30d
    [exit 2]
    $ realmward trust rotate AD.EXAMPLE.TEST --password-stdin < 'Second'
    The trust with AD.EXAMPLE.TEST has a new secret, version 2.
    Tickets that come from there count with it and with the one before it, version 1.
    Tickets that we issue for there are made with the one before it until TIME, as Active Directory takes that one alone for an hour after it has got the new one; from then on with the new one.

    Now the other side, with the same new secret:

    Windows, as an administrator on a domain controller (not measured by us; docs/active-directory.md says more):
      netdom trust REALM1.EXAMPLE /domain:AD.EXAMPLE.TEST /reset /passwordt:*

    Samba, as root on a domain controller, with docs/samba_trust.py, which asks for the secret:
      python3 samba_trust.py set REALM1.EXAMPLE --netbios REALM1 --sid SID --direction both

    Then try it: npx realmward trust test AD.EXAMPLE.TEST --user NAME
    $ realmward trust rotate AD.EXAMPLE.TEST --password-stdin < 'Second'
    realmward: the trust with AD.EXAMPLE.TEST has this secret already
    Nothing was changed. Choose a new secret.
    [exit 2]
    $ realmward trust remove AD.EXAMPLE.TEST
    Ended the trust with AD.EXAMPLE.TEST. Nobody gets tickets by it any more; those for services end by themselves.

    The other side:

    Windows, as an administrator on a domain controller (not measured by us; docs/active-directory.md says more):
      netdom trust REALM1.EXAMPLE /domain:AD.EXAMPLE.TEST /remove /force

    Samba, as root on a domain controller, with docs/samba_trust.py:
      python3 samba_trust.py remove REALM1.EXAMPLE
    $ realmward trust show AD.EXAMPLE.TEST
    realmward: there is no trust with the realm "AD.EXAMPLE.TEST"
    There are no trusts; "realmward trust add" makes one.
    [exit 3]
  `,
  );
});

await t.test('a trust whose keys were tampered with counts for nothing, and can be removed', async (t) => {
  const shell = shellWith(t);
  await cli(shell, ['trust', 'add', 'M.EXAMPLE', '--direction', 'both', '--password-stdin'], SECRET);
  const db = new DatabaseSync(join(shell.cwd, 'data/store.sqlite'));
  db.exec('update trust set inbound_keys = outbound_keys, version = 2');
  db.close();
  const shown = await cli(shell, ['trust', 'show', 'M.EXAMPLE']);
  t.equal(shown.code, 1);
  t.match(
    shown.stderr,
    /the seal of "trust keys 1 M\.EXAMPLE inbound" is broken\nRestore the store from a backup/,
  );
  const removed = await cli(shell, ['trust', 'remove', 'M.EXAMPLE']);
  t.match(removed, { code: 0, stdout: /^Ended the trust with M\.EXAMPLE\..*\n$/ });
  t.equal((await cli(shell, ['trust', 'list', '--json'])).stdout, '[]\n');
});

await t.test('realmward and MIT realms are told what to type, too, in their own words', async (t) => {
  await plays(
    t,
    shellWith(t),
    `
    $ realmward trust add B.EXAMPLE --kind realmward --direction inbound --domain-sid ${AD} --mode keep --password-stdin < 'x'
    Made the trust with B.EXAMPLE (realmward).
    inbound: users of B.EXAMPLE come to us, ours do not go there. There it is outbound.

    Now the other side, with the same secret:

    realmward at B.EXAMPLE:
      npx realmward trust add REALM1.EXAMPLE --kind realmward --direction outbound --domain-sid SID --kdcs 192.0.2.1:88

    Then try it: npx realmward trust test B.EXAMPLE --user NAME
    $ realmward trust add M.EXAMPLE --direction both --enctypes aes256-sha2,aes128-sha2 --password-stdin < 'x'
    Made the trust with M.EXAMPLE (MIT Kerberos or another without groups).
    both: users of M.EXAMPLE come to us, and our users go to M.EXAMPLE. There it is two keys, one for tickets to us and one for tickets from us.

    Now the other side, with the same secret:

    MIT Kerberos at M.EXAMPLE, in kadmin.local:
      addprinc -e aes256-cts-hmac-sha384-192:normal,aes128-cts-hmac-sha256-128:normal krbtgt/REALM1.EXAMPLE@M.EXAMPLE
      addprinc -e aes256-cts-hmac-sha384-192:normal,aes128-cts-hmac-sha256-128:normal krbtgt/M.EXAMPLE@REALM1.EXAMPLE

    Then try it: npx realmward trust test M.EXAMPLE --user NAME
    $ realmward trust rotate B.EXAMPLE --password-stdin < 'y'
    The trust with B.EXAMPLE has a new secret, version 2.
    Tickets that come from there count with it and with the one before it, version 1.

    Now the other side, with the same new secret:

    realmward at B.EXAMPLE:
      npx realmward trust rotate REALM1.EXAMPLE

    Then try it: npx realmward trust test B.EXAMPLE --user NAME
    $ realmward trust list
    REALM      KIND       DIRECTION  RIGHTS    SECRET SET
    B.EXAMPLE  realmward  inbound    kept      TIME
    M.EXAMPLE  mit        both       0 groups  TIME
  `,
  );
});

await t.test('what cannot be is refused before a secret is asked for', async (t) => {
  const shell = shellWith(t);
  await cli(
    shell,
    [
      'trust',
      'add',
      'AD.EXAMPLE.TEST',
      '--direction',
      'both',
      '--domain-sid',
      AD,
      '--password-stdin',
      '--netbios',
      'ADEX',
    ],
    SECRET,
  );
  await plays(
    t,
    shell,
    `
    $ realmward trust add ad.example.test --direction both
    realmward: there is a trust with AD.EXAMPLE.TEST already
    "realmward trust set" changes it, "realmward trust rotate" gives it another secret.
    [exit 4]
    $ realmward trust add B.EXAMPLE
    realmward: the trust cannot be so: direction: expected one of inbound, outbound, both
    [exit 2]
    $ realmward trust add B.EXAMPLE --direction both --kind ad
    realmward: the trust with B.EXAMPLE cannot be so: kind: expected a domainSid beside it: users of a realm of the kind ad are told by their SIDs
    [exit 2]
    $ realmward trust add B.EXAMPLE --direction both --domain-sid S-1-5-21-1-2-3
    realmward: the trust with B.EXAMPLE cannot be so: domainSid: expected another SID: this is our own realm's
    [exit 2]
    $ realmward trust add REALM1.EXAMPLE --direction both
    realmward: the trust with REALM1.EXAMPLE cannot be so: realm: expected another realm: this is our own
    [exit 2]
    $ realmward trust add B.EXAMPLE --direction both --rights 1107
    realmward: option '--rights <map>' argument '1107' is invalid. Write 1107=Administrator, a RID or a SID and a right, with commas between them.
    --help behind any verb explains it.
    [exit 2]
    $ realmward trust add B.EXAMPLE --direction both
    realmward: a password is needed, and there is no terminal to ask for it
    Use --password-stdin or --password-file FILE.
    [exit 2]
    $ realmward trust add B.EXAMPLE secret --direction both
    realmward: too many arguments for "add"; a password is never an argument: others could read it in the list of processes, and the shell would keep it in its history
    Leave it out to be asked for it, or use --password-stdin or --password-file FILE.
    [exit 2]
    $ realmward trust set AD.EXAMPLE.TEST --enctypes des
    realmward: the trust cannot be so: enctypes[0]: expected one of aes256-cts-hmac-sha384-192, aes128-cts-hmac-sha256-128, aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96, arcfour-hmac
    [exit 2]
    $ realmward trust set AD.EXAMPLE.TEST
    realmward: "trust set" needs to know what to set
    --help lists the options.
    [exit 2]
    $ realmward trust show ADEX
    realmward: there is no trust with the realm "ADEX"
    The realm is called AD.EXAMPLE.TEST: write it exactly so.
    [exit 3]
    $ realmward trust remove NONE
    realmward: there is no trust with the realm "NONE"
    There are trusts with AD.EXAMPLE.TEST.
    [exit 3]
    $ realmward trust test AD.EXAMPLE.TEST
    realmward: required option '--user <name>' not specified
    --help behind any verb explains it.
    [exit 2]
  `,
  );
});

await t.test('RC4 comes with a warning wherever the trust is looked at', async (t) => {
  const shell = shellWith(t);
  const add = ['trust', 'add', 'AD.EXAMPLE.TEST', '--direction', 'inbound', '--domain-sid', AD];
  await cli(shell, [...add, '--password-stdin'], SECRET);
  const broken =
    'the trust with AD.EXAMPLE.TEST uses RC4, which is broken: who records its tickets may come to read and to forge them. Switch AES on at the other side, and take arcfour-hmac out of enctypes';
  const lacking =
    'the trust with AD.EXAMPLE.TEST has no key of arcfour-hmac yet: type its secret once more, in "realmward trust rotate AD.EXAMPLE.TEST"';
  const view = async (): Promise<{ enctypes: string[]; warnings: string[] }> => {
    const { stdout } = await cli(shell, ['trust', 'show', 'AD.EXAMPLE.TEST', '--json']);
    return JSON.parse(stdout) as { enctypes: string[]; warnings: string[] };
  };
  t.same((await view()).warnings, []);
  const set = await cli(shell, ['trust', 'set', 'AD.EXAMPLE.TEST', '--enctypes', 'rc4']);
  t.match(set.stderr, broken);
  t.match(set.stderr, lacking);
  t.match(await view(), { enctypes: ['arcfour-hmac'], warnings: [broken, lacking] });
  const rotate = await cli(shell, ['trust', 'rotate', 'AD.EXAMPLE.TEST', '--password-stdin'], SECRET);
  t.equal(rotate.code, 0);
  t.match(rotate.stdout, 'has the keys now that it lacked. Its secret is as it was.');
  t.same((await view()).warnings, [broken]);
  await cli(shell, ['trust', 'remove', 'AD.EXAMPLE.TEST', '--yes']);
  const { stdout, stderr } = await cli(shell, [...add, '--enctypes', 'rc4', '--password-stdin'], SECRET);
  t.match(stderr, broken);
  t.match(stdout, "Set-ADObject -Replace @{'msDS-SupportedEncryptionTypes'=36}");
  t.notMatch(stdout, /samba_trust|ksetup \/setenctypeattr/, 'what gives AES keys is not said');
});

await t.test('a trust that the configuration declares is made by init, and follows it', async (t) => {
  const declared = (more: string): string =>
    `${CONFIG}trusts: [{ realm: AD.EXAMPLE.TEST, domainSid: ${AD}, direction: both, secret: { env: TRUST_SECRET }${more} }]\n`;
  const { cwd, env = {} } = shellWith(t, declared(''));
  const shell = { cwd, env: { ...env, TRUST_SECRET: SECRET } };
  await plays(
    t,
    shell,
    `
    $ realmward init
    Created for the realm REALM1.EXAMPLE (SID):
      the store in DIR/data
      the realm's own principals, krbtgt/REALM1.EXAMPLE and kadmin/changepw
      the trust with AD.EXAMPLE.TEST
    $ realmward init
    The realm REALM1.EXAMPLE (SID) is complete: nothing was missing, nothing was changed.
  `,
  );
  const changed = await cli(shell, ['trust', 'set', 'AD.EXAMPLE.TEST', '--direction', 'inbound']);
  t.match(
    changed.stdout,
    /declared: +yes: at each start everything but the secret becomes what the configuration says/,
  );
  t.match(changed.stderr, 'change it there, too, or the next start takes this back');
  writeFileSync(join(cwd, 'realm.yaml'), declared(', rights: [{ rid: 5, right: Viewer }]'));
  await plays(
    t,
    { cwd, env },
    `
    $ realmward init
    The trust with AD.EXAMPLE.TEST is now as the configuration says.
    $ realmward master-key rotate
    The keys of 2 principals and 1 trust are sealed with the new master key ID. Save a copy of it apart from the backups of the store.
  `,
  );
  const shown = await cli(shell, ['trust', 'show', 'AD.EXAMPLE.TEST', '--json']);
  t.match(JSON.parse(shown.stdout), {
    direction: 'both',
    declared: true,
    rights: [{ rid: 5, right: 'Viewer' }],
    secrets: [{ version: 1 }],
  });
  const removed = await cli(shell, ['trust', 'remove', 'AD.EXAMPLE.TEST', '--yes']);
  t.match(removed.stderr, 'take it out there, too');
});

await t.test('with --json every verb prints what scripts can read', async (t) => {
  const shell = shellWith(t);
  const json = async (args: readonly string[], input = ''): Promise<unknown> => {
    const { code, stdout, stderr } = await cli(shell, [...args, '--json'], input);
    t.equal(code, 0, stderr);
    t.equal(stderr, '');
    t.notMatch(stdout, SECRET);
    return JSON.parse(stdout);
  };
  const expected = {
    realm: 'AD.EXAMPLE.TEST',
    kind: 'ad',
    direction: 'both',
    netbios: null,
    domainSids: [AD],
    kdcs: [],
    kpasswd: [],
    maxFailures: 3,
    window: 1800,
  };
  t.match(
    await json(
      ['trust', 'add', 'AD.EXAMPLE.TEST', '--direction', 'both', '--domain-sid', AD, '--password-stdin'],
      SECRET,
    ),
    {
      ...expected,
      otherSide: [
        { title: /Windows/, lines: [/^#/, /ksetup/, /netdom/, /ksetup/, /^#/, /^#/] },
        { title: /Samba/ },
      ],
    },
  );
  t.match(await json(['trust', 'list']), [{ ...expected, secrets: [{ version: 1, set: /Z$/ }] }]);
  t.match(await json(['trust', 'show', 'AD.EXAMPLE.TEST']), expected);
  t.match(await json(['trust', 'set', 'AD.EXAMPLE.TEST', '--rights', '5=Viewer']), {
    rights: [{ sid: `${AD}-5`, rid: 5, right: 'Viewer', idle: false }],
  });
  t.match(await json(['trust', 'rotate', 'AD.EXAMPLE.TEST', '--password-stdin'], 'Second'), {
    secrets: [{ version: 2 }, { version: 1 }],
    otherSide: [{ lines: [/netdom .*\/reset/] }, {}],
  });
  t.match(await json(['trust', 'remove', 'AD.EXAMPLE.TEST']), {
    removed: 'AD.EXAMPLE.TEST',
    otherSide: [{}, {}],
  });
});

await t.test('rights explain tells what an account of ours may do', async (t) => {
  const shell = shellWith(t);
  for (const args of [['alice', '--right', 'Viewer'], ['bob'], ['carol', '--right', 'Administrator']])
    await cli(shell, ['user', 'add', ...args, '--password-stdin'], 'Geheim-4711');
  await cli(shell, ['user', 'disable', 'carol']);
  await plays(
    t,
    shell,
    `
    $ realmward rights explain alice
    alice@REALM1.EXAMPLE is an account of this realm.
    right: Viewer
    The account carries the right Viewer.
    Not Administrator: An account has one right, and this one has another or none; "realmward user set --right" changes it.
    Not Join-Realm: An account has one right, and this one has another or none; "realmward user set --right" changes it.
    $ realmward rights explain bob@REALM1.EXAMPLE
    bob@REALM1.EXAMPLE is an account of this realm.
    right: none
    The account carries no right.
    Not Administrator: An account has one right, and this one has another or none; "realmward user set --right" changes it.
    Not Viewer: An account has one right, and this one has another or none; "realmward user set --right" changes it.
    Not Join-Realm: An account has one right, and this one has another or none; "realmward user set --right" changes it.
    $ realmward rights explain carol
    carol@REALM1.EXAMPLE is an account of this realm.
    right: none
    The account is disabled, so that nobody logs in with it. The account carries the right Administrator.
    Not Viewer: Administrator is higher.
    Not Join-Realm: An Administrator may join devices, too.
    $ realmward rights explain nobody
    realmward: the realm has no principal "nobody"
    Names are case-sensitive; "realmward user list" and "realmward service list" show those that exist.
    [exit 3]
    $ realmward rights explain alice@realm1.example
    realmward: there is no realm "realm1.example" here
    Our realm is called REALM1.EXAMPLE: write it exactly so.
    [exit 3]
    $ realmward rights explain alice@OTHER.EXAMPLE
    realmward: there is no trust with the realm "OTHER.EXAMPLE"
    There are no trusts; "realmward trust add" makes one.
    [exit 3]
    $ realmward rights explain alice --password-stdin < 'x'
    realmward: an account of ours needs neither a password nor a credential cache: the store knows its right
    [exit 2]
  `,
  );
  const { stdout } = await cli(shell, ['rights', 'explain', 'alice', '--json']);
  t.match(JSON.parse(stdout), {
    principal: 'alice@REALM1.EXAMPLE',
    source: 'account',
    right: ['Viewer'],
    others: [{}, {}],
  });
});

await t.test('between two servers that run', { timeout: 120_000 }, async (t) => {
  const partnerSid = 'S-1-5-21-4-5-6';
  const ours = await startRealmwardKdc(t, { realm: 'REALM1.EXAMPLE', sid: 'S-1-5-21-1-2-3' });
  const partner = await startRealmwardKdc(t, {
    realm: 'PARTNER.EXAMPLE',
    sid: partnerSid,
    users: [
      { name: 'alice', password: 'Geheim-4711', right: 'Administrator' },
      { name: 'bob', password: 'Geheim-4711' },
    ],
  });
  const added = await ours.cli(
    [
      'trust',
      'add',
      'PARTNER.EXAMPLE',
      '--kind',
      'realmward',
      '--direction',
      'inbound',
      '--domain-sid',
      partnerSid,
      '--mode',
      'keep',
      '--kdcs',
      `127.0.0.1:${partner.port}`,
      '--password-stdin',
    ],
    `${SECRET}\n`,
  );
  t.equal(added.code, 0, added.output);
  const test = (user = 'alice') =>
    ours.cli(['trust', 'test', 'PARTNER.EXAMPLE', '--user', user, '--password-stdin'], 'Geheim-4711\n');

  await t.test('trust test says that the other side has no trust yet, and ends with 1', async (t) => {
    const { code, output } = await test();
    t.equal(code, 1);
    t.match(output, /^ok +servers +configuration: 127\.0\.0\.1:\d+\.$/m);
    t.match(output, /^ok +login +alice@PARTNER\.EXAMPLE has a ticket .* \[[\d.]+ ms, UDP 127\.0\.0\.1:\d+/m);
    t.match(
      output,
      /^FAILED +referral .*has no trust with REALM1\.EXAMPLE, or one of the other direction only/m,
    );
    t.match(output, /cause: trust-direction/);
    t.match(output, /The trust does not work as it should/);
  });

  await t.test('what trust add has printed makes it, and both servers know it within a second', async (t) => {
    const [, command = ''] = /^ +npx realmward (trust add .*)$/m.exec(added.stdout) ?? [];
    t.match(
      command,
      `trust add REALM1.EXAMPLE --kind realmward --direction outbound --domain-sid S-1-5-21-1-2-3 --kdcs 127.0.0.1:${ours.port}`,
    );
    t.equal((await partner.cli([...command.split(' '), '--password-stdin'], `${SECRET}\n`)).code, 0);
    await sleep(1000);
    const { code, output } = await test();
    t.equal(code, 0, output);
    t.match(
      output,
      /^ok +our KDC +It takes the ticket, and gives one for krbtgt\/REALM1\.EXAMPLE@REALM1\.EXAMPLE\./m,
    );
    t.match(output, `${partnerSid}-1001  gives Administrator`);
    t.match(output, /^right: Administrator$/m);
    t.match(output, 'The trust works.');
    t.match((await test('bob')).output, /^right: none$/m);
  });

  await t.test('rights explain by password, with the same answer', async (t) => {
    const explained = await ours.cli(
      ['rights', 'explain', 'alice@PARTNER.EXAMPLE', '--password-stdin'],
      'Geheim-4711\n',
    );
    t.equal(explained.code, 0, explained.output);
    t.match(explained.output, /^right: Administrator$/m);
    t.match(explained.output, `PARTNER.EXAMPLE states it: ${partnerSid}-1001 gives Administrator.`);
    const wrong = await ours.cli(['rights', 'explain', 'alice@PARTNER.EXAMPLE', '--password-stdin'], 'x\n');
    t.equal(wrong.code, 1);
    t.match(wrong.output, /the groups cannot be told: The password of alice@PARTNER\.EXAMPLE is wrong/);
    t.equal(wrong.stdout, '');
  });

  await t.test('a changed trust counts for the running server, and a removed one no more', async (t) => {
    await ours.cli(['trust', 'set', 'PARTNER.EXAMPLE', '--report-only']);
    t.match(
      (await test()).output,
      /^right: none\n.*report-only: nothing is granted\. It would be Administrator\./m,
    );
    const rotated = await ours.cli(['trust', 'rotate', 'PARTNER.EXAMPLE', '--password-stdin'], 'Second\n');
    t.equal(rotated.code, 0, rotated.output);
    await sleep(1000);
    t.match((await test()).output, /^ok +key +It opens with the previous secret's key/m);
    t.equal(
      (await partner.cli(['trust', 'rotate', 'REALM1.EXAMPLE', '--password-stdin'], 'Second\n')).code,
      0,
    );
    await sleep(1000);
    t.match((await test()).output, /^ok +key +It opens with the current secret's key/m);
    await partner.cli(['trust', 'remove', 'REALM1.EXAMPLE', '--yes']);
    await sleep(1000);
    t.match((await test()).output, /cause: trust-direction/);
  });
  t.notMatch(ours.log() + partner.log(), SECRET);
});
