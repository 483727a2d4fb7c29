import { inspect } from 'node:util';
import t, { type Test } from 'tap';
import { toHex } from '../../src/base/bytes.ts';
import { parseSid } from '../../src/base/sid.ts';
import {
  ClientError,
  fromCcache,
  getInitialTicket,
  getServiceTicket,
  krbtgt,
  parsePrincipal,
  toCcache,
} from '../../src/client/index.ts';
import { encode } from '../../src/codec/der/type.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import type { Cause, StepName } from '../../src/doctor/diagnosis.ts';
import { testTrust, type TrustReport, type TrustTest } from '../../src/doctor/trust-test.ts';
import { reasonRow } from '../../src/kdc/reason.ts';
import { trustOf } from '../../src/realm/trust-settings.ts';
import { ErrorCode } from '../../src/spec/error-codes.ts';
import { AD_REALM, AD_SID, foreignTicket, type ForeignTicketFields } from '../support/foreign-tickets.ts';
import { REALM, REALM_SID, trustCrypto } from '../support/memory-realm.ts';
import { present } from '../support/present.ts';
import { name } from '../support/requests.ts';
import { PASSWORD, TwoRealms, type TwoRealmsOptions } from '../support/two-realms.ts';

/** Tests the trust with a user, alice unless another is named. */
async function tested(
  realms: TwoRealms,
  fields: Partial<TrustTest> & { readonly who?: string } = {},
): Promise<TrustReport> {
  const { who = 'alice', ...others } = fields;
  let now = 0;
  return testTrust({
    trust: realms.trust,
    us: { realm: REALM, sid: REALM_SID },
    user: parsePrincipal(who, realms.trust.realm),
    proof: { password: PASSWORD },
    client: (observe) => realms.client(observe),
    askUs: true,
    trustCrypto,
    clockSkew: 300,
    now: () => now++,
    sentence: reasonRow,
    ...others,
  });
}

const KRB_ERROR = 0x7e;

function krbError(errorCode: number, realms: TwoRealms, fields: Partial<KrbError> = {}): Uint8Array {
  return encode(KrbError, {
    pvno: 5,
    msgType: 30,
    stime: realms.ours.clock.seconds,
    susec: 0,
    errorCode,
    realm: AD_REALM,
    sname: krbtgt(AD_REALM),
    ...fields,
  });
}

const namesOf = ({ steps }: TrustReport): string =>
  steps.map(({ name, ok }) => (ok ? name : `!${name}`)).join(' ');
const textOf = ({ steps }: TrustReport, wanted: StepName): string =>
  present(steps.find(({ name }) => name === wanted)).text;

/** That the test fails at this step for this cause, and says so with a text and a fix that fit. */
async function fails(
  t: Test,
  realms: TwoRealms,
  expected: { at: StepName; cause: Cause; text?: RegExp | string; fix?: RegExp | string },
  fields: Parameters<typeof tested>[1] = {},
): Promise<void> {
  const report = await tested(realms, fields);
  const last = present(report.steps.at(-1));
  t.notOk(report.ok);
  t.match(
    { at: last.name, cause: last.cause, ok: last.ok },
    { at: expected.at, cause: expected.cause, ok: false },
    last.text,
  );
  t.ok(last.fix === undefined || last.fix.length > 10);
  if (expected.text !== undefined) t.match(last.text, expected.text);
  if (expected.fix !== undefined) t.match(last.fix, expected.fix);
  t.ok(
    report.steps.slice(0, -1).every(({ ok }) => ok),
    'only the last one failed',
  );
}

await t.test('a trust that works is followed from the login there to the right here', async (t) => {
  const realms = await TwoRealms.create();
  const report = await tested(realms);
  t.ok(report.ok);
  t.equal(
    namesOf(report),
    'trust clock login referral key client PAC signatures identity groups right our KDC',
  );
  t.match(textOf(report, 'clock'), 'agrees with ours');
  t.match(
    textOf(report, 'login'),
    `alice@${AD_REALM} has a ticket for krbtgt/${AD_REALM}@${AD_REALM}. Its key is of aes256-cts-hmac-sha384-192, with the salt ${AD_REALM}alice.`,
  );
  t.match(
    textOf(report, 'referral'),
    `krbtgt/${REALM}@${AD_REALM}, made with aes256-cts-hmac-sha1-96, without a key version.`,
  );
  t.match(
    textOf(report, 'key'),
    "It opens with the current secret's key of aes256-cts-hmac-sha1-96, version 1 here.",
  );
  t.match(textOf(report, 'client'), `alice@${AD_REALM} came directly`);
  t.match(
    textOf(report, 'PAC'),
    /bytes: LOGON_INFO, CLIENT_INFO, .*REQUESTER_SID, SERVER_CHECKSUM, KDC_CHECKSUM\.$/,
  );
  t.match(textOf(report, 'signatures'), '(hmac-sha1-96-aes256) is right');
  t.match(textOf(report, 'identity'), `AD\\alice is ${AD_SID}-`);
  t.match(textOf(report, 'groups'), `2 groups count: ${AD_SID}-513, ${AD_SID}-1001.`);
  t.match(textOf(report, 'right'), `${AD_SID}-1001 gives Administrator.`);
  t.match(textOf(report, 'our KDC'), `gives one for krbtgt/${REALM}@${REALM}`);
  t.same(report.arrival?.groups, [`${AD_SID}-513`, `${AD_SID}-1001`]);
  t.match(report.verdict, {
    rights: ['Administrator'],
    matched: [{ sid: `${AD_SID}-1001`, right: 'Administrator' }],
    others: [
      { right: 'Viewer', why: 'Administrator is higher.' },
      { right: 'Join-Realm', why: 'An Administrator may join devices, too.' },
    ],
  });
  t.ok(
    report.steps.filter(({ milliseconds }) => milliseconds !== undefined).length === 3,
    'what takes a network has a time',
  );

  t.same((await tested(realms, { who: 'carol' })).verdict?.rights, ['Viewer']);
  const mallory = await tested(realms, { who: 'mallory' });
  t.ok(mallory.ok, 'the trust works for who has no right');
  t.match(mallory.verdict, {
    rights: [],
    because: 'None of the groups is in the rights map of the trust.',
    others: [
      { right: 'Administrator', why: `It takes the group ${AD_SID}-1001.` },
      { right: 'Viewer', why: `It takes the group ${AD_SID}-1002.` },
      { right: 'Join-Realm', why: 'No group gives it: the rights map has no rule for it.' },
    ],
  });
});

await t.test('tickets that are there already are taken instead of a password', async (t) => {
  const realms = await TwoRealms.create();
  const context = realms.client();
  const tgt = await getInitialTicket(context, {
    client: parsePrincipal(`carol@${AD_REALM}`),
    proof: { password: PASSWORD },
  });
  const { credential } = await getServiceTicket(context, tgt, { name: krbtgt(REALM), realm: AD_REALM });
  const before = realms.asked.length;
  const ready = await tested(realms, {
    proof: { tickets: fromCcache(toCcache([tgt, credential])) },
    askUs: false,
  });
  t.same(ready.verdict?.rights, ['Viewer']);
  t.equal(realms.asked.length, before, 'nobody is asked');
  t.match(textOf(ready, 'referral'), 'It was in the cache.');

  const first = await tested(realms, { proof: { tickets: [tgt] }, askUs: false });
  t.equal(namesOf(first), 'trust referral key client PAC signatures identity groups right');
  t.same(realms.asked.slice(before), [AD_REALM]);

  realms.ours.clock.advance(40_000);
  await fails(
    t,
    realms,
    { at: 'login', cause: 'other', text: /no ticket that is still good/, fix: /kinit alice@/ },
    { proof: { tickets: [tgt, credential] } },
  );
});

await t.test('rights follow the mode of the trust', async (t) => {
  const keep = await TwoRealms.create({ trust: { kind: 'realmward', mode: 'keep', rights: [] } });
  const kept = await tested(keep);
  t.same(kept.verdict?.rights, ['Administrator']);
  t.match(kept.verdict?.because, `${AD_REALM} states it: ${AD_SID}-1001 gives Administrator.`);
  t.match((await tested(keep, { who: 'mallory' })).verdict, {
    rights: [],
    because: /states no right for this user/,
    others: [{ why: `${AD_REALM} does not state it.` }, {}, {}],
  });

  const silent = await tested(await TwoRealms.create({ trust: { reportOnly: true } }));
  t.match(silent.verdict, {
    rights: [],
    would: ['Administrator'],
    because: /report-only: nothing is granted. It would be Administrator\./,
  });

  const empty = await tested(await TwoRealms.create({ trust: { rights: [] } }));
  t.match(empty.verdict, { rights: [], because: 'The rights map of the trust is empty.' });

  const mit = await tested(
    await TwoRealms.create({ trust: { kind: 'mit', domainSids: [], netbios: undefined, rights: [] } }),
  );
  t.ok(mit.ok);
  t.equal(namesOf(mit), 'trust clock login referral key client PAC right our KDC');
  t.match(mit.verdict, { rights: [], because: /a realm of the kind mit never gives a right/ });
});

await t.test('during a change of the secret the test says which one the other side uses', async (t) => {
  const realms = await TwoRealms.create();
  await realms.rotate('Second');
  t.match(
    textOf(await tested(realms), 'key'),
    "the previous secret's key of aes256-cts-hmac-sha1-96, version 1 here",
  );
  realms.trustThere();
  t.match(
    textOf(await tested(realms), 'key'),
    "the current secret's key of aes256-cts-hmac-sha1-96, version 2 here",
  );
});

await t.test('each likely cause is named, with a fix', async (t) => {
  const create = (options?: TwoRealmsOptions): Promise<TwoRealms> => TwoRealms.create(options);

  await t.test('trust direction', async (t) => {
    await fails(t, await create({ trust: { direction: 'outbound' } }), {
      at: 'trust',
      cause: 'trust-direction',
      text: /outbound only/,
      fix: /--direction both/,
    });
    const realms = await create();
    realms.trustThere({ direction: 'inbound' });
    await fails(t, realms, {
      at: 'referral',
      cause: 'trust-direction',
      text: /has no trust with REALM1\.EXAMPLE, or one of the other direction only/,
      fix: /"incoming" or two-way/,
    });
    realms.theirs.trusts.clear();
    await fails(t, realms, { at: 'referral', cause: 'trust-direction' });
  });

  await t.test('wrong password, unknown user, account that cannot log in', async (t) => {
    const realms = await create();
    await fails(
      t,
      realms,
      {
        at: 'login',
        cause: 'wrong-password',
        text: /The password of alice@AD\.EXAMPLE\.TEST is wrong \(KDC_ERR_PREAUTH_FAILED\)/,
      },
      { proof: { password: 'x' } },
    );
    realms.theirs.change('alice', { disabled: true });
    await fails(t, realms, { at: 'login', cause: 'account-refused', text: /KDC_ERR_CLIENT_REVOKED/ });
    realms.answer = (bytes) =>
      bytes[0] === KRB_ERROR ? krbError(ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN, realms) : bytes;
    await fails(t, realms, { at: 'login', cause: 'unknown-user' }, { who: 'nobody' });
  });

  await t.test('no servers, no answer', async (t) => {
    const realms = await create();
    const failing = (code: 'no-servers' | 'no-answer') => ({
      client: (): ReturnType<TwoRealms['client']> => ({
        ...realms.client(),
        send: () => Promise.reject(new ClientError(code)),
      }),
    });
    await fails(t, realms, { at: 'servers', cause: 'no-servers', fix: /SRV records/ }, failing('no-servers'));
    await fails(t, realms, { at: 'login', cause: 'no-answer', fix: /port 88/ }, failing('no-answer'));
  });

  await t.test('skew', async (t) => {
    const realms = await create();
    realms.theirs.clock.advance(-1000);
    await fails(t, realms, {
      at: 'clock',
      cause: 'skew',
      text: /is 1000\.0 seconds behind ours; 300 seconds are forgiven/,
      fix: /same time servers/,
    });
    realms.theirs.clock.advance(1100);
    t.match(textOf(await tested(realms), 'clock'), 'is 100.0 seconds ahead of ours');
    realms.forge(
      foreignTicket(realms.ours, trustOf(realms.trust), {
        part: { starttime: realms.ours.clock.seconds + 500 },
      }).ticket,
    );
    await fails(t, realms, { at: 'client', cause: 'skew', text: /begins 500 seconds from now/ });
  });

  await t.test('realm case', async (t) => {
    const lower = await create({ trust: { realm: 'ad.example.test' } });
    await fails(t, lower, {
      at: 'login',
      cause: 'realm-case',
      text: /called AD\.EXAMPLE\.TEST, not ad\.example\.test/,
      fix: /case-sensitive/,
    });
    const named = await create({ trust: { realm: 'ad.example.test' } });
    named.answer = (bytes) =>
      bytes[0] === KRB_ERROR ? krbError(ErrorCode.KDC_ERR_WRONG_REALM, named, { crealm: AD_REALM }) : bytes;
    await fails(t, named, {
      at: 'login',
      cause: 'realm-case',
      text: 'The realm is called AD.EXAMPLE.TEST, not ad.example.test.',
    });
    await fails(t, await create({ ourName: REALM.toLowerCase() }), {
      at: 'referral',
      cause: 'realm-case',
      text: 'AD.EXAMPLE.TEST has a trust with realm1.example, but our realm is called REALM1.EXAMPLE.',
    });
    // AD makes its keys with names in upper case, so that a realm in lower case gets tickets that no key opens.
    const ours = await create({ trust: { realm: 'ad.example' }, theirName: 'ad.example' });
    ours.trustThere({
      outboundKeys: ours.trust.keys.inbound
        .map((key) => ({ ...key, key: ours.theirs.options.crypto.randomKey(key.key.etype) }))
        .filter(({ key }) => key.etype === 18),
    });
    await fails(t, ours, {
      at: 'key',
      cause: 'realm-case',
      text: /names of both realms in upper case, and ad\.example is not/,
    });
  });

  await t.test('wrong secret', async (t) => {
    const realms = await create();
    await realms.rotate('Second');
    await realms.rotate('Third');
    await fails(t, realms, {
      at: 'key',
      cause: 'wrong-secret',
      text: /different secrets/,
      fix: /realmward trust rotate AD\.EXAMPLE\.TEST/,
    });
  });

  await t.test('wrong salt side', async (t) => {
    const realms = await create();
    realms.trustThere({ outboundKeys: trustOf(realms.trust).outboundKeys });
    await fails(t, realms, {
      at: 'key',
      cause: 'wrong-salt-side',
      text: 'with the salt REALM1.EXAMPLEkrbtgtAD.EXAMPLE.TEST instead of AD.EXAMPLE.TESTkrbtgtREALM1.EXAMPLE',
      fix: /krbtgt\/REALM1\.EXAMPLE@AD\.EXAMPLE\.TEST anew/,
    });
  });

  await t.test('enctype not enabled, here or there', async (t) => {
    const realms = await create();
    realms.trustThere({ outboundKeys: realms.trust.keys.inbound });
    await fails(t, realms, {
      at: 'key',
      cause: 'enctype-not-enabled',
      text: /made the ticket with aes256-cts-hmac-sha384-192, which this trust does not use here/,
      fix: /trust set AD\.EXAMPLE\.TEST --enctypes/,
    });

    const { ticket } = foreignTicket(realms.ours, trustOf(realms.trust));
    realms.forge({ ...ticket, encPart: { ...ticket.encPart, etype: 23 } });
    await fails(t, realms, {
      at: 'key',
      cause: 'enctype-not-enabled',
      text: /made the ticket with rc4-hmac, of which this trust has no key here/,
      fix: /The other domain supports Kerberos AES Encryption/,
    });

    realms.answer = (bytes) => (bytes[0] === 0x6d ? krbError(ErrorCode.KDC_ERR_ETYPE_NOSUPP, realms) : bytes);
    await fails(t, realms, {
      at: 'referral',
      cause: 'enctype-not-enabled',
      fix: /ksetup \/setenctypeattr REALM1\.EXAMPLE AES256-CTS-HMAC-SHA1-96/,
    });
    const mit = await create({ trust: { kind: 'mit', domainSids: [], netbios: undefined, rights: [] } });
    mit.answer = (bytes) => (bytes[0] === 0x6d ? krbError(ErrorCode.KDC_ERR_ETYPE_NOSUPP, mit) : bytes);
    await fails(t, mit, {
      at: 'referral',
      cause: 'enctype-not-enabled',
      fix: /^Give krbtgt\/REALM1\.EXAMPLE@AD\.EXAMPLE\.TEST a key of aes256 there\.$/,
    });
  });

  await t.test('our own KDC has another opinion, or is silent', async (t) => {
    const realms = await create();
    const { trust } = realms;
    realms.ours.trusts.clear();
    await fails(t, realms, { at: 'our KDC', cause: 'refused-by-us', fix: /log of the server/ });
    realms.useTrust(trust);
    const report = await tested(realms, {
      client: (observe) => {
        const context = realms.client(observe);
        return {
          ...context,
          send: (realm, ...others) =>
            realm === REALM ? Promise.reject(new ClientError('no-answer')) : context.send(realm, ...others),
        };
      },
    });
    t.match(report.steps.at(-1), { name: 'our KDC', cause: 'no-answer', fix: /Start the server/ });
    t.same(report.verdict?.rights, ['Administrator'], 'what was found before stays');
    t.ok((await tested(realms, { askUs: false })).ok);
  });
});

await t.test('a forged or broken ticket is refused with the reason that our KDC would give', async (t) => {
  const realms = await TwoRealms.create();
  const stranger = parseSid('S-1-5-21-7-8-9');
  const cases: readonly [
    string,
    ForeignTicketFields,
    { at: StepName; cause: Cause; text?: RegExp | string; fix?: RegExp },
  ][] = [
    [
      'another domain',
      { domain: stranger },
      {
        at: 'identity',
        cause: 'wrong-domain-sid',
        text: `The account is of the domain AD, ${stranger}; the trust lets accounts of ${AD_SID} in.`,
        fix: /domainSid/,
      },
    ],
    [
      'another NETBIOS name',
      { netbios: 'OTHER' },
      { at: 'identity', cause: 'wrong-netbios', text: 'The domain calls itself OTHER, the trust AD.' },
    ],
    ['no PAC', { pac: () => undefined }, { at: 'PAC', cause: 'pac-missing', fix: /NO_AUTH_DATA_REQUIRED/ }],
    [
      'a PAC that is none',
      { pac: () => new Uint8Array(40) },
      { at: 'PAC', cause: 'pac-refused', text: /not well-formed/ },
    ],
    [
      'a changed PAC',
      { pac: (bytes) => bytes.map((byte, i) => (i === 200 ? byte ^ 1 : byte)) },
      { at: 'signatures', cause: 'pac-refused', text: /\(pac-server-signature\)/ },
    ],
    [
      "another's PAC",
      { part: { cname: name('mallory') } },
      { at: 'identity', cause: 'pac-refused', text: /\(pac-client-name\)/ },
    ],
    [
      'our own domain',
      { domain: REALM_SID },
      { at: 'identity', cause: 'pac-refused', text: /\(pac-own-domain\)/ },
    ],
    [
      'a realm behind that is not listed',
      { part: { crealm: 'CHILD.AD.EXAMPLE.TEST' } },
      {
        at: 'client',
        cause: 'not-behind',
        text: /CHILD\.AD\.EXAMPLE\.TEST, which the trust does not list/,
        fix: /transits/,
      },
    ],
    [
      'an ended ticket',
      { part: { endtime: realms.ours.clock.seconds - 1000 } },
      { at: 'client', cause: 'other', text: /ended 1000 seconds ago/ },
    ],
  ];
  for (const [what, fields, expected] of cases) {
    await t.test(what, async (t) => {
      realms.forge(foreignTicket(realms.ours, trustOf(realms.trust), fields).ticket);
      await fails(t, realms, expected);
    });
  }

  await t.test('foreign SIDs are told as what does not count', async (t) => {
    const extraSids = [
      { sid: parseSid(`${REALM_SID}-1001`), attributes: 7 },
      { sid: parseSid('S-1-5-32-544'), attributes: 7 },
      { sid: parseSid('S-1-18-1'), attributes: 7 },
    ];
    realms.forge(
      foreignTicket(realms.ours, trustOf(realms.trust), { logonInfo: { extraSids, userFlags: 0x20 } }).ticket,
    );
    const report = await tested(realms, { askUs: false });
    t.equal(
      textOf(report, 'groups'),
      `2 groups count: ${AD_SID}-513, S-1-18-1. Not counted: ${REALM_SID}-1001 (our own realm's), S-1-5-32-544 (a group of the machine itself).`,
    );
    t.same(report.verdict?.rights, []);
  });
});

await t.test('nothing of the report holds a password or a key', async (t) => {
  const realms = await TwoRealms.create();
  const report = inspect(await tested(realms), { depth: 20 }) + JSON.stringify(await tested(realms));
  t.match(report, 'Administrator');
  t.notMatch(report, PASSWORD);
  for (const { key } of realms.trust.keys.inbound) t.notMatch(report, toHex(key.bytes));
});
