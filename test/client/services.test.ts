/** The TGS exchange, the way from realm to realm, renewal, and credentials in a cache. */
import t from 'tap';
import { RealmwardError } from '../../src/base/errors.ts';
import { getInitialTicket } from '../../src/client/as.ts';
import { type Credential, fromCcache, grantingRealm, toCcache } from '../../src/client/credential.ts';
import { krbtgt, nameOf, parsePrincipal } from '../../src/client/names.ts';
import { realmsBetween } from '../../src/client/realm-path.ts';
import {
  getServiceTicket,
  renewTicket,
  type ServiceRequest,
  type ServiceTicket,
} from '../../src/client/services.ts';
import { readCcache, writeCcache } from '../../src/codec/ccache.ts';
import { encode } from '../../src/codec/der/type.ts';
import { Ticket } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { TicketFlag } from '../../src/spec/flags.ts';
import { MemoryRealm, REALM } from '../support/memory-realm.ts';
import { ORIGIN } from '../support/requests.ts';
import { PASSWORD, type Script, ScriptedRealms } from './scripted-realms.ts';

const HOST = nameOf('host', 'device1');

function logIn(
  realms: ScriptedRealms,
  realm = 'A',
  fields: { renewable?: number } = {},
): Promise<Credential> {
  return getInitialTicket(realms.context, {
    client: parsePrincipal(`alice@${realm}`),
    proof: { password: PASSWORD },
    ...fields,
  });
}

/** A ticket for a service, of realms that play `script` once alice has logged in at `from`. */
async function ask(
  script: Script,
  request: ServiceRequest = { name: HOST },
  realms = new ScriptedRealms(),
  from = 'A',
): Promise<ServiceTicket> {
  const tgt = await logIn(realms, from);
  realms.asked.length = 0;
  realms.script = script;
  return getServiceTicket(realms.context, tgt, request);
}

await t.test('our own KDC gives tickets for services, and renews', async (t) => {
  const realm = new MemoryRealm();
  await realm.addUser('alice', PASSWORD);
  realm.add({ name: 'host/device1' });
  const context = {
    crypto: nodeCrypto,
    clock: realm.clock,
    send: async (_: string, message: Uint8Array) => (await realm.kdc(message, ORIGIN)) ?? new Uint8Array(0),
    settings: { minIterations: 1 },
  };
  const client = parsePrincipal('alice', REALM);
  const tgt = await getInitialTicket(context, {
    client,
    proof: { password: PASSWORD },
    renewable: 86_400,
    forwardable: true,
  });
  for (const request of [{ name: HOST }, { name: HOST, realm: REALM }, { name: HOST, canonicalize: false }]) {
    const { credential, path } = await getServiceTicket(context, tgt, request);
    t.strictSame(credential.server, { name: HOST, realm: REALM });
    t.strictSame(credential.client, client);
    t.equal(credential.endtime, tgt.endtime);
    t.equal(credential.key.etype, 20);
    t.notSame(credential.key.bytes, tgt.key.bytes);
    t.strictSame(path, []);
    t.ok(credential.flags & TicketFlag.FORWARDABLE, 'what the ticket-granting ticket may, it may');
  }
  realm.clock.advance(36_000 - 60);
  const renewed = await renewTicket(context, tgt);
  t.equal(renewed.endtime, realm.clock.seconds + 36_000);
  t.strictSame(renewed.server, tgt.server);
  await t.rejects(getServiceTicket(context, tgt, { name: nameOf('host', 'nowhere') }), {
    code: 'kdc-err-s-principal-unknown',
  });
  const other = await getServiceTicket(context, renewed, { name: HOST });
  await t.rejects(getServiceTicket(context, other.credential, { name: HOST }), { code: 'not-a-tgt' });
  await t.rejects(renewTicket(context, { ...tgt, renewTill: undefined }), { code: 'not-renewable' });
  realm.clock.advance(2 * 86_400);
  await t.rejects(renewTicket(context, renewed), { code: 'not-renewable', message: /seconds ago/ });
  await t.rejects(getServiceTicket(context, renewed, { name: HOST }), { code: 'ticket-expired' });
});

await t.test('a client whose clock is off', async (t) => {
  await t.test('keeps what it learned at its log-in', async (t) => {
    const realms = new ScriptedRealms();
    realms.clock.advance(3600);
    const { credential } = await ask({}, { name: HOST }, realms);
    t.equal(credential.clockOffset, 3_600_000_000);
    t.strictSame(realms.asked, ['TGS host/device1@A'], 'and asks once');
  });

  await t.test('follows a KDC of another realm whose clock is off, once', async (t) => {
    const realms = new ScriptedRealms();
    const tgt = await logIn(realms);
    realms.clock.advance(600);
    const { credential } = await getServiceTicket(realms.context, tgt, { name: HOST });
    t.equal(credential.clockOffset, 600_000_000);
    realms.script = { error: () => ({ errorCode: 37, stime: 1 }) };
    await t.rejects(getServiceTicket(realms.context, tgt, { name: HOST }), { code: 'krb-ap-err-skew' });
  });
});

await t.test('the way to a service in another realm', async (t) => {
  await t.test('that is trusted: a ticket-granting ticket for it, then the service', async (t) => {
    const realms = new ScriptedRealms();
    const { credential, path } = await ask({}, { name: HOST, realm: 'B' }, realms);
    t.strictSame(realms.asked, ['TGS krbtgt/B@A', 'TGS host/device1@B']);
    t.strictSame(credential.server, { name: HOST, realm: 'B' });
    t.strictSame(credential.client, parsePrincipal('alice@A'));
    t.strictSame(
      path.map(({ server }) => server),
      [{ name: krbtgt('B'), realm: 'A' }],
    );
    const next = await getServiceTicket(realms.context, path[0] as Credential, {
      name: nameOf('host', 'device2'),
    });
    t.equal(next.credential.server.realm, 'B', 'the last ticket of the way is good for more');
  });

  await t.test('the ticket-granting ticket for another realm can be asked for itself', async (t) => {
    const { credential, path } = await ask({}, { name: krbtgt('B'), realm: 'A' });
    t.equal(grantingRealm(credential), 'B');
    t.strictSame(path, []);
  });

  await t.test('leads over realms that the KDC names, when it has no ticket for the target', async (t) => {
    const realms = new ScriptedRealms();
    const script: Script = {
      instead: (sname, realm) =>
        sname.nameString[1] === 'D' && realm !== 'C' ? krbtgt(realm === 'A' ? 'B' : 'C') : undefined,
    };
    const { path } = await ask(script, { name: HOST, realm: 'D' }, realms);
    t.strictSame(path.map(grantingRealm), ['B', 'C', 'D']);
    t.strictSame(realms.asked, ['TGS krbtgt/D@A', 'TGS krbtgt/D@B', 'TGS krbtgt/D@C', 'TGS host/device1@D']);
  });

  const knowing = (trusts: Record<string, string[]>): Script => ({
    error: ({ reqBody: { sname } }, realm) => {
      const [first, target] = sname?.nameString ?? [];
      if (first !== 'krbtgt' || target === realm) return undefined;
      return trusts[realm]?.includes(target ?? '') === true ? undefined : { errorCode: 7 };
    },
  });

  await t.test('leads up and down the hierarchy of the names, when the KDC names none', async (t) => {
    const realms = new ScriptedRealms();
    const script = knowing({ 'A.X.TEST': ['X.TEST'], 'X.TEST': ['A.X.TEST', 'B.X.TEST'] });
    const { path } = await ask(script, { name: HOST, realm: 'B.X.TEST' }, realms, 'A.X.TEST');
    t.strictSame(path.map(grantingRealm), ['X.TEST', 'B.X.TEST']);
    t.strictSame(realms.asked.slice(0, 2), ['TGS krbtgt/B.X.TEST@A.X.TEST', 'TGS krbtgt/X.TEST@A.X.TEST']);
  });

  await t.test('leads as capaths say', async (t) => {
    const realms = new ScriptedRealms({ capaths: (from, to) => (from === 'A' && to === 'Z' ? ['M'] : []) });
    const { path } = await ask(knowing({ A: ['M'], M: ['Z'] }), { name: HOST, realm: 'Z' }, realms);
    t.strictSame(path.map(grantingRealm), ['M', 'Z']);
  });

  await t.test('does not exist: the answer about the target itself is told', async (t) => {
    const error = { code: 'kdc-err-s-principal-unknown', realm: 'A' };
    await t.rejects(ask(knowing({}), { name: HOST, realm: 'Z' }), error);
    await t.rejects(ask({ error: () => ({ errorCode: 12 }) }, { name: HOST, realm: 'Z' }), {
      code: 'kdc-err-policy',
    });
  });

  await t.test('is found by referrals, when the realm is not given', async (t) => {
    const realms = new ScriptedRealms();
    const next: Record<string, string> = { A: 'B', B: 'C' };
    const script: Script = {
      instead: (_, realm) => (next[realm] === undefined ? undefined : krbtgt(next[realm])),
    };
    const { credential, path } = await ask(script, { name: HOST }, realms);
    t.strictSame(credential.server, { name: HOST, realm: 'C' });
    t.strictSame(path.map(grantingRealm), ['B', 'C']);
    t.strictSame(realms.asked, ['TGS host/device1@A', 'TGS host/device1@B', 'TGS host/device1@C']);
    const told = realms.events.filter(({ kind }) => kind === 'referral');
    t.match(told, [
      { exchange: 'TGS', from: 'A', to: 'B' },
      { exchange: 'TGS', from: 'B', to: 'C' },
    ]);
    await t.rejects(
      ask(script, { name: HOST, realm: 'A' }),
      { code: 'server-mismatch' },
      'and not where it is',
    );
  });

  await t.test('in a circle is given up, whoever leads there', async (t) => {
    const circle: Script = { instead: (_, realm) => krbtgt(realm === 'A' ? 'B' : 'A') };
    await t.rejects(ask(circle), { code: 'referral-loop', message: /A → B → A/ });
    await t.rejects(ask(circle, { name: HOST, realm: 'Z' }), { code: 'referral-loop' });
    const stays: Script = { instead: (_, realm) => krbtgt(realm) };
    await t.rejects(ask(stays), { code: 'server-mismatch' });
    await t.rejects(ask(stays, { name: HOST, realm: 'Z' }), { code: 'server-mismatch' });
  });

  await t.test('without an end is given up after ten realms', async (t) => {
    for (const request of [{ name: HOST }, { name: HOST, realm: 'Z' }]) {
      const realms = new ScriptedRealms();
      const endless: Script = { instead: (_, realm) => krbtgt(`${realm}A`) };
      await t.rejects(ask(endless, request, realms), { code: 'too-many-hops' });
      t.equal(realms.asked.length, 11);
    }
  });
});

await t.test('realms between two', async (t) => {
  t.strictSame(realmsBetween('A.B.C', 'D.B.C'), ['B.C']);
  t.strictSame(realmsBetween('A.B.C', 'B.C'), []);
  t.strictSame(realmsBetween('B.C', 'X.A.B.C'), ['A.B.C']);
  t.strictSame(realmsBetween('A.B.C', 'X.Y.C'), ['B.C', 'C', 'Y.C']);
  t.strictSame(realmsBetween('A', 'B'), []);
  t.strictSame(
    realmsBetween('A', 'B', () => ['M', 'N']),
    ['M', 'N'],
  );
  const long = `${'a.'.repeat(100)}x`;
  t.ok(realmsBetween(long, `b.${long}`).length <= 10, 'a name with many parts costs no more');
});

await t.test('a hostile or broken KDC is refused, each for its own reason', async (t) => {
  const bob = nameOf('bob');
  const cases: [string, string, Script, ServiceRequest?][] = [
    ['garbage', 'malformed-reply', { bytes: () => Uint8Array.of(0x6d, 0x82) }],
    ['an AS-REP', 'unexpected-reply', { bytes: (bytes) => Uint8Array.of(0x6b, ...bytes.subarray(1)) }],
    ['a wrong nonce', 'nonce-mismatch', { part: (part) => ({ ...part, nonce: part.nonce ^ 1 }) }],
    ['another client', 'client-mismatch', { reply: (reply) => ({ ...reply, cname: bob }) }],
    ['a client of another realm', 'realm-mismatch', { reply: (reply) => ({ ...reply, crealm: 'B' }) }],
    ['another service', 'server-mismatch', { instead: () => bob }, { name: HOST, canonicalize: false }],
    ['another service inside', 'server-mismatch', { part: (part) => ({ ...part, sname: bob }) }],
    ['another realm inside', 'server-mismatch', { part: (part) => ({ ...part, srealm: 'B' }) }],
    [
      'another realm outside',
      'server-mismatch',
      { reply: (reply) => ({ ...reply, ticket: { ...reply.ticket, realm: 'B' } }) },
    ],
    [
      'a service in the place of a realm',
      'server-mismatch',
      { instead: () => HOST },
      { name: HOST, realm: 'B' },
    ],
    [
      'a longer life than that of the ticket behind it',
      'times-mismatch',
      { part: (part) => ({ ...part, endtime: part.endtime + 1 }) },
    ],
    [
      'a session key of another etype',
      'etype-refused',
      { part: (part) => ({ ...part, key: { keytype: 3, keyvalue: new Uint8Array(8) } }) },
    ],
    [
      'a reply of another etype',
      'etype-refused',
      { reply: (reply) => ({ ...reply, encPart: { ...reply.encPart, etype: 17 } }) },
    ],
    [
      'a changed reply',
      'reply-integrity',
      {
        reply: (reply) => ({
          ...reply,
          encPart: { ...reply.encPart, cipher: reply.encPart.cipher.toReversed() },
        }),
      },
    ],
    ['a demand for a password', 'kdc-err-preauth-required', { error: () => ({ errorCode: 25 }) }],
  ];
  for (const [what, code, script, request] of cases) await t.rejects(ask(script, request), { code }, what);

  await t.test('a reply that was sent before, to the same client for the same service', async (t) => {
    const realms = new ScriptedRealms();
    const tgt = await logIn(realms);
    let first: Uint8Array | undefined;
    realms.script = { bytes: (bytes) => (first ??= bytes) };
    await getServiceTicket(realms.context, tgt, { name: HOST });
    await t.rejects(getServiceTicket(realms.context, tgt, { name: HOST }), { code: 'reply-integrity' });
  });

  await t.test('an alias is taken where names may change', async (t) => {
    const { credential } = await ask({ instead: () => nameOf('host', 'device1.example') });
    t.strictSame(credential.server.name.nameString, ['host', 'device1.example']);
  });
});

await t.test(
  'whatever is changed in an answer, it is refused in words or it was not worth protecting',
  async (t) => {
    const realms = new ScriptedRealms();
    const client = parsePrincipal('alice@A');
    const proof = { keytab: [{ ...client, kvno: 1, timestamp: 0, key: await realms.passwordKey('Aalice') }] };
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
    realms.script = {
      bytes: (bytes) => {
        const changed = Uint8Array.from(bytes);
        const at = random(bytes.length);
        changed[at] = (changed[at] as number) ^ (1 << random(8));
        return random(4) === 0 ? changed.subarray(0, random(bytes.length)) : changed;
      },
    };
    const codes = new Set<string>();
    for (let i = 0; i < 3000; i++) {
      try {
        const tgt = await getInitialTicket(realms.context, { client, proof });
        const { credential } = await getServiceTicket(realms.context, tgt, { name: HOST, realm: 'B' });
        if (credential.server.realm !== 'B' || credential.client.realm !== 'A') t.fail('believed a lie');
      } catch (error) {
        if (!(error instanceof RealmwardError)) throw error;
        codes.add(error.code);
      }
    }
    for (const code of ['malformed-reply', 'reply-integrity', 'client-mismatch', 'server-mismatch'])
      t.ok(codes.has(code), `${code}, among ${codes.size} reasons`);
  },
);

await t.test('each request has a key and a nonce of its own', async (t) => {
  const realms = new ScriptedRealms();
  const tgt = await logIn(realms);
  realms.requests.length = 0;
  for (let i = 0; i < 3; i++) await getServiceTicket(realms.context, tgt, { name: HOST });
  t.equal(new Set(realms.requests.map(({ reqBody }) => reqBody.nonce)).size, 3);
  const authenticators = realms.requests.map(({ padata }) => String(padata?.[0]?.padataValue));
  t.equal(new Set(authenticators).size, 3);
});

await t.test('credentials go to a cache and come back', async (t) => {
  const realms = new ScriptedRealms();
  realms.clock.advance(-400);
  const tgt = await logIn(realms, 'A', { renewable: 100_000 });
  const { credential, path } = await getServiceTicket(realms.context, tgt, { name: HOST, realm: 'B' });
  const all = [tgt, ...path, credential];
  const bytes = writeCcache(toCcache(all));
  const back = fromCcache(readCcache(bytes));
  t.equal(back.length, 3);
  back.forEach((one, i) => {
    const before = all[i] as Credential;
    const { ticket, key, ...rest } = one;
    const { ticket: ticketBefore, key: keyBefore, ...restBefore } = before;
    t.strictSame(rest, restBefore);
    t.strictSame(encode(Ticket, ticket), encode(Ticket, ticketBefore));
    t.strictSame(key.bytes, keyBefore.bytes);
  });
  t.equal(back[0]?.clockOffset, -400_000_000);
  const { credential: again } = await getServiceTicket(realms.context, back[0] as Credential, { name: HOST });
  t.strictSame(again.server, { name: HOST, realm: 'A' }, 'and are as good as before');
  t.throws(() => toCcache([]), RangeError);
});
