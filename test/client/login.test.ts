/** The AS exchange: what a client does by itself, and what it does not put up with. */
import t from 'tap';
import { fromHex } from '../../src/base/bytes.ts';
import { getInitialTicket, type InitialRequest } from '../../src/client/as.ts';
import type { ClientContext } from '../../src/client/context.ts';
import { grantingRealm } from '../../src/client/credential.ts';
import { KerberosError } from '../../src/client/kerberos-error.ts';
import { enterprisePrincipal, nameOf, parsePrincipal } from '../../src/client/names.ts';
import { encode } from '../../src/codec/der/type.ts';
import { Checksum, MethodData, PaData } from '../../src/codec/krb5/basic.ts';
import { EtypeInfo2 } from '../../src/codec/krb5/padata.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { portableCrypto } from '../../src/crypto/portable.ts';
import { ErrorCode } from '../../src/spec/error-codes.ts';
import { TicketFlag } from '../../src/spec/flags.ts';
import { MemoryRealm, REALM } from '../support/memory-realm.ts';
import { ORIGIN } from '../support/requests.ts';
import { PASSWORD, type Script, ScriptedRealms } from './scripted-realms.ts';

const ALICE = parsePrincipal('alice@A');
const WRONG_CHECKSUM = encode(Checksum, { cksumtype: 16, checksum: new Uint8Array(12) });
const ITERATIONS = Uint8Array.of(0, 0, 0x10, 0);
const DEMAND = encode(MethodData, [
  {
    padataType: 19,
    padataValue: encode(EtypeInfo2, [{ etype: 18, salt: 'Aalice', s2kparams: ITERATIONS }]),
  },
  { padataType: 2, padataValue: new Uint8Array(0) },
]);
/** ETYPE-INFO2 with 65 bytes of s2kparams; our own encoder would not make it. */
const OVERSIZE = {
  padataType: 19,
  padataValue: Uint8Array.of(...fromHex('304c304aa003020112a2430441'), ...new Uint8Array(65)),
};
const BY_PASSWORD = { client: ALICE, proof: { password: PASSWORD } };

/** A client of a realm of ours that lives in memory. */
function clientOf(realm: MemoryRealm, more: Partial<ClientContext> = {}): ClientContext {
  const send = async (_: string, message: Uint8Array): Promise<Uint8Array> => {
    const reply = await realm.kdc(message, ORIGIN);
    if (reply === undefined) throw new Error('the KDC kept silent');
    return reply;
  };
  return { crypto: nodeCrypto, clock: realm.clock, send, settings: { minIterations: 1 }, ...more };
}

await t.test('logs in at our own KDC', async (t) => {
  const realm = new MemoryRealm();
  await realm.addUser('alice', 'pässword');
  realm.add({ name: 'host/device1' });
  const context = clientOf(realm);
  const alice = parsePrincipal('alice', REALM);

  await t.test('with a password, over both rows of cryptography', async (t) => {
    for (const crypto of [nodeCrypto, portableCrypto]) {
      const tgt = await getInitialTicket(
        { ...context, crypto },
        { client: alice, proof: { password: 'pässword' } },
      );
      t.strictSame(tgt.client, alice);
      t.equal(grantingRealm(tgt), REALM);
      t.equal(tgt.key.etype, 20, 'the strongest');
      t.equal(tgt.endtime, realm.clock.seconds + 36_000);
      t.equal(tgt.renewTill, undefined);
      t.equal(tgt.clockOffset, 0);
      t.ok(tgt.flags & TicketFlag.ENC_PA_REP, 'and the reply confirmed the request');
    }
    t.strictSame(realm.failed, [], 'without a failed attempt on the way');
  });

  await t.test('with a keytab that has one etype alone, whatever else is offered', async (t) => {
    for (const etype of [17, 18, 19, 20]) {
      const client = parsePrincipal('host/device1', REALM);
      const key = realm.key('host/device1', etype);
      const proof = { keytab: [{ ...client, kvno: 1, key, timestamp: 0 }] };
      const tgt = await getInitialTicket(context, { client, proof });
      t.equal(tgt.key.etype, 20);
      t.strictSame(tgt.client, client);
    }
  });

  await t.test('with each etype that the client may be told to use alone', async (t) => {
    for (const etype of [17, 18, 19, 20]) {
      const settings = { minIterations: 1, etypes: [etype] };
      const tgt = await getInitialTicket(
        { ...context, settings },
        { client: alice, proof: { password: 'pässword' } },
      );
      t.equal(tgt.key.etype, etype);
    }
  });

  await t.test('asking for a lifetime, renewal, and another service than krbtgt', async (t) => {
    const proof = { password: 'pässword' };
    const tgt = await getInitialTicket(context, {
      client: alice,
      proof,
      lifetime: 600,
      renewable: 86_400,
      forwardable: true,
    });
    const now = realm.clock.seconds;
    t.equal(tgt.endtime, now + 600);
    t.equal(tgt.renewTill, now + 86_400);
    t.ok(tgt.flags & TicketFlag.FORWARDABLE);
    const service = nameOf('kadmin', 'changepw');
    t.strictSame((await getInitialTicket(context, { client: alice, proof, service })).server.name, service);
  });

  await t.test('a wrong password is told as such, after one attempt', async (t) => {
    const failures = realm.failed.length;
    await t.rejects(getInitialTicket(context, { client: alice, proof: { password: 'wrong' } }), {
      name: 'KerberosError',
      code: 'kdc-err-preauth-failed',
      errorCode: 24,
      errorName: 'KDC_ERR_PREAUTH_FAILED',
      message: /^The password, or the key in the keytab, is wrong\. /,
      hint: /keyboard layout/,
    });
    t.equal(realm.failed.length, failures + 1);
  });

  await t.test('an expired password, a disabled account', async (t) => {
    const request = { client: alice, proof: { password: 'pässword' } };
    realm.change('alice', { passwordExpires: 0 });
    await t.rejects(getInitialTicket(context, request), { code: 'kdc-err-key-expired' });
    realm.change('alice', { passwordExpires: undefined, disabled: true });
    await t.rejects(getInitialTicket(context, request), { code: 'kdc-err-client-revoked' });
    realm.change('alice', { disabled: false });
  });

  await t.test('an enterprise name becomes the canonical one', async (t) => {
    const client = enterprisePrincipal(`alice@${REALM.toLowerCase()}`, REALM);
    const request = { client, proof: { password: 'pässword' }, canonicalize: true };
    t.strictSame((await getInitialTicket(context, request)).client, alice);
  });

  await t.test('a client whose clock is an hour off follows the KDC, once', async (t) => {
    for (const off of [3600, -3600]) {
      const clock = { microseconds: () => realm.clock.microseconds() + off * 1_000_000 };
      const tgt = await getInitialTicket(clientOf(realm, { clock }), {
        client: alice,
        proof: { password: 'pässword' },
      });
      t.equal(tgt.clockOffset, -off * 1_000_000);
    }
  });

  await t.test('a keytab without a key for the client sends nothing', async (t) => {
    const other = parsePrincipal('bob', REALM);
    const proof = { keytab: [{ ...other, kvno: 1, key: nodeCrypto.randomKey(18), timestamp: 0 }] };
    const send = async (): Promise<never> => t.fail('nothing is sent') as never;
    await t.rejects(getInitialTicket(clientOf(realm, { send }), { client: alice, proof }), {
      code: 'no-key',
      message: /alice@REALM1\.EXAMPLE/,
    });
  });
});

/** A script that demands string-to-key parameters of these bytes. */
function iterations(...bytes: number[]): Script {
  return {
    etypeInfo: (entries) => entries.map((entry) => ({ ...entry, s2kparams: Uint8Array.from(bytes) })),
  };
}

/** Logs in at realms that play `script`. */
function logIn(
  script: Script,
  fields: Partial<InitialRequest> = {},
  realms = new ScriptedRealms(),
): ReturnType<typeof getInitialTicket> {
  realms.script = script;
  return getInitialTicket(realms.context, { ...BY_PASSWORD, ...fields });
}

await t.test('a hostile or broken KDC is refused, each for its own reason', async (t) => {
  t.strictSame((await logIn({})).client, ALICE, 'the script does nothing by itself');

  const bob = nameOf('bob');
  const cases: [string, string, Script, Partial<InitialRequest>?][] = [
    ['garbage', 'malformed-reply', { bytes: () => Uint8Array.of(1, 2, 3) }],
    ['nothing', 'malformed-reply', { bytes: () => new Uint8Array(0) }],
    ['a reply that is cut off', 'malformed-reply', { bytes: (bytes) => bytes.subarray(0, -1) }],
    ['bytes behind the reply', 'malformed-reply', { bytes: (bytes) => Uint8Array.of(...bytes, 0) }],
    [
      'a TGS-REP',
      'unexpected-reply',
      { bytes: (bytes) => (bytes[0] === 0x6b ? Uint8Array.of(0x6d, 0) : bytes) },
    ],
    ['a wrong nonce', 'nonce-mismatch', { part: (part) => ({ ...part, nonce: part.nonce + 1 }) }],
    ['another client', 'client-mismatch', { reply: (reply) => ({ ...reply, cname: bob }) }],
    ['another realm', 'realm-mismatch', { reply: (reply) => ({ ...reply, crealm: 'a' }) }],
    [
      'another realm although names may change',
      'realm-mismatch',
      { reply: (reply) => ({ ...reply, crealm: 'B' }) },
      { canonicalize: true },
    ],
    ['another service inside', 'server-mismatch', { part: (part) => ({ ...part, sname: bob }) }],
    [
      'another realm of the service inside',
      'server-mismatch',
      { part: (part) => ({ ...part, srealm: 'B' }) },
    ],
    [
      'another service outside',
      'server-mismatch',
      { reply: (reply) => ({ ...reply, ticket: { ...reply.ticket, sname: bob } }) },
    ],
    ['a ticket for another service', 'server-mismatch', { instead: () => nameOf('host', 'x') }],
    [
      'a ticket that starts tomorrow',
      'times-mismatch',
      { part: (part) => ({ ...part, starttime: (part.starttime ?? 0) + 86_400 }) },
    ],
    [
      'a ticket that is over',
      'times-mismatch',
      { part: (part) => ({ ...part, endtime: part.authtime - 301 }) },
    ],
    [
      'a longer life than asked for',
      'times-mismatch',
      { part: (part) => ({ ...part, endtime: part.authtime + 601 }) },
      { lifetime: 600 },
    ],
    [
      'a ticket that is not valid yet',
      'times-mismatch',
      { part: (part) => ({ ...part, flags: (part.flags | TicketFlag.INVALID) >>> 0 }) },
    ],
    [
      'a session key of an etype that was not offered',
      'etype-refused',
      { part: (part) => ({ ...part, key: { keytype: 23, keyvalue: new Uint8Array(16) } }) },
    ],
    [
      'a session key that is too short',
      'etype-refused',
      { part: (part) => ({ ...part, key: { keytype: 18, keyvalue: new Uint8Array(16) } }) },
    ],
    [
      'a reply in an etype that was not offered',
      'etype-refused',
      { reply: (reply) => ({ ...reply, encPart: { ...reply.encPart, etype: 23 } }) },
    ],
    [
      'a reply made with another key',
      'reply-integrity',
      {
        reply: (reply) => ({
          ...reply,
          encPart: { ...reply.encPart, cipher: reply.encPart.cipher.toReversed() },
        }),
      },
    ],
    [
      'a confirmation of another request',
      'request-changed',
      { part: (part) => ({ ...part, encryptedPaData: [{ padataType: 149, padataValue: WRONG_CHECKSUM }] }) },
    ],
    [
      'a confirmation that is left out',
      'request-changed',
      { part: (part) => ({ ...part, encryptedPaData: undefined }) },
    ],
    [
      'a demand without any way that we know',
      'no-preauth-method',
      { demand: (padata) => padata.slice(0, 1) },
    ],
    [
      'a demand for weak etypes alone',
      'no-common-etype',
      { etypeInfo: () => [{ etype: 23 }, { etype: 3, salt: 'x' }] },
    ],
    ['too many iterations', 'iterations-refused', iterations(0xff, 0xff, 0xff, 0xff)],
    ['2^32 iterations, written as zero', 'iterations-refused', iterations(0, 0, 0, 0)],
    ['one iteration, which makes guessing cheap', 'iterations-refused', iterations(0, 0, 0, 1)],
    ['parameters of a wrong length', 'iterations-refused', iterations(0, 0, 16)],
    [
      'oversize parameters',
      'malformed-reply',
      { demand: ([, timestamp]) => [OVERSIZE, timestamp as PaData] },
    ],
    [
      'more demands after the demand was met',
      'kdc-err-preauth-required',
      { error: () => ({ errorCode: 25, eData: DEMAND }) },
    ],
    ['a skew that never ends', 'krb-ap-err-skew', { error: () => ({ errorCode: 37 }) }],
    ['an unknown error', 'krb-error-4711', { error: () => ({ errorCode: 4711 }) }],
    [
      'an error whose data is garbage',
      'malformed-reply',
      { error: () => ({ errorCode: 25, eData: Uint8Array.of(1) }) },
    ],
  ];
  for (const [what, code, script, fields] of cases) {
    await t.rejects(logIn(script, fields), { code }, what);
  }

  await t.test('a reply that was sent before, made with the same key', async (t) => {
    const realms = new ScriptedRealms();
    let first: Uint8Array | undefined;
    const script: Script = { bytes: (bytes) => (bytes[0] === 0x6b ? (first ??= bytes) : bytes) };
    await logIn(script, {}, realms);
    // The checksum of the request is looked at first, and it is that of the first request.
    await t.rejects(logIn(script, {}, realms), { code: 'request-changed' });
    first = undefined;
    script.part = (part) => ({ ...part, flags: TicketFlag.INITIAL });
    await logIn(script, {}, realms);
    await t.rejects(logIn(script, {}, realms), { code: 'nonce-mismatch' }, 'of a KDC that makes none');
  });
});

await t.test('what the KDC says about keys', async (t) => {
  await t.test('a salt of its own counts, and the order of its list does not', async (t) => {
    const realms = new ScriptedRealms();
    await logIn({ etypeInfo: (entries) => [{ etype: 17, salt: 'other' }, ...entries] }, {}, realms);
    t.match(realms.events, [{}, {}, { kind: 'preauth', etype: 18, salt: 'Aalice' }]);
  });

  await t.test('without ETYPE-INFO2 the defaults count', async (t) => {
    const realms = new ScriptedRealms({ etypes: [18] });
    await logIn({ demand: (padata) => padata.slice(1) }, {}, realms);
    t.match(realms.events, [{}, {}, { kind: 'preauth', etype: 18, salt: 'Aalice' }]);
  });

  await t.test('a cookie comes back as it was', async (t) => {
    const realms = new ScriptedRealms();
    const cookie = { padataType: 133, padataValue: Uint8Array.of(1, 2, 3) };
    await logIn({ demand: (padata) => [...padata, cookie] }, {}, realms);
    t.strictSame(
      realms.requests.map(({ padata = [] }) => padata.some(({ padataType }) => padataType === 133)),
      [false, true],
    );
    const sent = realms.requests[1]?.padata?.find(({ padataType }) => padataType === 133);
    t.strictSame(Uint8Array.from(sent?.padataValue ?? []), cookie.padataValue);
  });

  await t.test('where it demands no preauthentication, the reply says what the key is made of', async (t) => {
    const realms = new ScriptedRealms();
    realms.preauth = false;
    t.strictSame((await logIn({}, {}, realms)).client, ALICE);
    t.equal(realms.requests.length, 1);
    await t.rejects(logIn({}, { proof: { password: 'wrong' } }, realms), { code: 'wrong-key' });
  });

  await t.test(
    'a reply in another etype than the one of preauthentication gets a key of its own',
    async (t) => {
      const realms = new ScriptedRealms();
      realms.etype = 17;
      const both: Script = { etypeInfo: (entries) => entries.map((entry) => ({ ...entry, etype: 17 })) };
      t.equal((await logIn(both, {}, realms)).client.realm, 'A');
      // Now the demand is met with aes256, and the reply comes in aes128.
      const script: Script = {
        error: ({ padata }) =>
          padata?.some(({ padataType }) => padataType === 2) === true
            ? undefined
            : { errorCode: 25, eData: DEMAND },
      };
      realms.preauth = false;
      t.equal((await logIn(script, {}, realms)).client.realm, 'A');
    },
  );
});

await t.test('referrals to the realm of the account', async (t) => {
  const referTo = (way: Record<string, string>): Script => ({
    error: (_, realm) => (way[realm] === undefined ? undefined : { errorCode: 68, crealm: way[realm] }),
  });
  const request = { client: enterprisePrincipal('alice@corp.example', 'A'), canonicalize: true };

  await t.test('are followed where names may change', async (t) => {
    const realms = new ScriptedRealms();
    const tgt = await logIn(referTo({ A: 'B', B: 'C' }), request, realms);
    t.equal(tgt.client.realm, 'C');
    t.equal(grantingRealm(tgt), 'C');
    t.strictSame(realms.asked, ['AS krbtgt/A@A', 'AS krbtgt/B@B', 'AS krbtgt/C@C', 'AS krbtgt/C@C']);
    const referrals = realms.events.filter(({ kind }) => kind === 'referral');
    t.match(referrals, [
      { from: 'A', to: 'B' },
      { from: 'B', to: 'C' },
    ]);
  });

  await t.test('are refused where they may not, and the error names the realm', async (t) => {
    await t.rejects(logIn(referTo({ A: 'B' }), { client: request.client }), {
      code: 'kdc-err-wrong-realm',
      clientRealm: 'B',
    });
  });

  await t.test('in a circle, to nowhere and without an end are given up', async (t) => {
    await t.rejects(logIn(referTo({ A: 'B', B: 'A' }), request), {
      code: 'referral-loop',
      message: /A → B → A/,
    });
    await t.rejects(logIn(referTo({ A: 'A' }), request), { code: 'kdc-err-wrong-realm' });
    await t.rejects(logIn({ error: () => ({ errorCode: 68 }) }, request), { code: 'kdc-err-wrong-realm' });
    const endless: Script = { error: (_, realm) => ({ errorCode: 68, crealm: `${realm}A` }) };
    await t.rejects(logIn(endless, request), { code: 'too-many-hops' });
  });

  await t.test('take the salt of the realm where the account is', async (t) => {
    const realms = new ScriptedRealms({ etypes: [18] });
    const script = { ...referTo({ A: 'B' }), demand: (padata: PaData[]) => padata.slice(1) };
    t.equal((await logIn(script, request, realms)).client.realm, 'B');
  });
});

await t.test('the clock', async (t) => {
  await t.test(
    'of the KDC is followed when it refuses ours, and the reply says what it really is',
    async (t) => {
      const realms = new ScriptedRealms();
      realms.clock.advance(7200);
      const tgt = await logIn({}, {}, realms);
      t.equal(tgt.clockOffset, 7200 * 1_000_000);
      t.match(
        realms.events
          .filter(({ kind }) => kind === 'clock')
          .map((event) => ('offset' in event ? event.offset : 0)),
        [7_200_000_000, 7_200_000_000],
      );
    },
  );

  await t.test('is not led astray by a time that nobody has signed', async (t) => {
    const realms = new ScriptedRealms();
    const year = 365 * 86_400;
    const script: Script = {
      error: ({ padata }) =>
        padata?.some(({ padataType }) => padataType === 2) === true && realms.requests.length === 2
          ? { errorCode: 37, stime: realms.clock.seconds + year }
          : undefined,
    };
    await t.rejects(logIn(script, {}, realms), { code: 'krb-ap-err-skew' });
  });

  await t.test('is learnt without preauthentication, too, from the reply', async (t) => {
    const realms = new ScriptedRealms();
    realms.preauth = false;
    realms.clock.advance(-86_400);
    t.equal((await logIn({}, {}, realms)).clockOffset, -86_400 * 1_000_000);
  });
});

await t.test('errors', async (t) => {
  await t.test('of every code say what happened, and most what to do', async (t) => {
    for (const [errorName, errorCode] of Object.entries(ErrorCode)) {
      const error = new KerberosError('A', {
        pvno: 5,
        msgType: 30,
        stime: 0,
        susec: 0,
        errorCode,
        realm: 'A',
        sname: nameOf('x'),
      });
      t.equal(error.errorName, errorName);
      t.equal(error.code, errorName.toLowerCase().replaceAll('_', '-'));
      t.match(error.message, new RegExp(`^[A-Z][^"]+\\. \\(${errorName} from the KDC of A\\)$`));
    }
  });

  await t.test('of Windows and Samba say more than their number', async (t) => {
    const disabled = fromHex('720000c00000000001000000');
    const windows = encode(PaData, { padataType: 3, padataValue: disabled });
    const samba = encode(MethodData, [
      { padataType: 19, padataValue: new Uint8Array(0) },
      { padataType: 3, padataValue: disabled },
    ]);
    for (const eData of [windows, samba]) {
      await t.rejects(logIn({ error: () => ({ errorCode: 18, eData }) }), {
        code: 'kdc-err-client-revoked',
        ntStatus: 0xc000_0072,
        message: /^The account is disabled\. \(KDC_ERR_CLIENT_REVOKED, STATUS_ACCOUNT_DISABLED from/,
      });
    }
    const salt = encode(MethodData, [{ padataType: 3, padataValue: Uint8Array.of(1) }]);
    const unknown = encode(PaData, { padataType: 3, padataValue: fromHex('010000c00000000001000000') });
    for (const eData of [salt, unknown, Uint8Array.of(0x30), disabled]) {
      await t.rejects(logIn({ error: () => ({ errorCode: 18, eData }) }), {
        message: /^The account is disabled or locked/,
      });
    }
  });

  await t.test('show the words of a stranger without what a terminal would obey', async (t) => {
    const eText = `\u001b[2Jboo\u202e\n${'x'.repeat(10_000)}`;
    const { message, eText: shown } = await logIn({ error: () => ({ errorCode: 60, eText }) }).then(
      () => t.fail('refused') as never,
      (error: KerberosError) => error,
    );
    t.match(shown, /^\?\[2Jboo\?\?xxx/);
    t.ok(message.length < 500);
  });

  await t.test('hold no password and no key', async (t) => {
    const { inspect } = await import('node:util');
    const realms = new ScriptedRealms();
    const error = await logIn({ error: () => ({ errorCode: 24 }) }, {}, realms).catch(
      (error: unknown) => error,
    );
    t.notMatch(inspect(error, { depth: 10 }), PASSWORD);
    await logIn({}, {}, realms);
    t.notMatch(inspect(realms.events, { depth: 10 }), PASSWORD);
  });
});

await t.test('a log-in ends with its signal', async (t) => {
  const abort = new AbortController();
  const script: Script = {
    error: () => {
      abort.abort(new Error('enough'));
      return undefined;
    },
  };
  await t.rejects(logIn(script, { signal: abort.signal }), { message: 'enough' });
});

await t.test('names are read as they are written elsewhere', async (t) => {
  const read = (text: string, realm?: string): string => {
    const { name, realm: found } = parsePrincipal(text, realm);
    return `${name.nameString.join(' ')} ${found}`;
  };
  t.equal(read('alice@A'), 'alice A');
  t.equal(read('alice', 'A'), 'alice A');
  t.equal(read('alice@B', 'A'), 'alice B');
  t.equal(read('host/d1.example@A'), 'host d1.example A');
  t.equal(read('a\\/b\\@c/d@A'), 'a/b@c d A');
  for (const text of ['', '@A', 'alice', 'alice@', 'a//b@A', 'alice\\', `${'x'.repeat(600)}@A`])
    t.throws(() => parsePrincipal(text), { code: 'bad-principal' }, text);
});
