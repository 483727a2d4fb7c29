/** The application exchange (RFC 4120 section 3.2): both sides, and what each of them refuses. */
import { utf8 } from '../../src/base/bytes.ts';
import t from 'tap';
import { makeApRep, verifyApRep } from '../../src/ap/ap-rep.ts';
import { makeApReq, type SentApReq, type TicketHolder } from '../../src/ap/ap-req.ts';
import { type Principal, showPrincipal } from '../../src/ap/principal.ts';
import { ApError, type ApReason } from '../../src/ap/reason.ts';
import { createReplayCache } from '../../src/ap/replay-cache.ts';
import { TGS_USAGES } from '../../src/ap/usages.ts';
import {
  type Acceptor,
  type ApReqContext,
  keysOf,
  type ServiceKey,
  verifyApReq,
} from '../../src/ap/verify-ap-req.ts';
import { Key } from '../../src/base/key.ts';
import { decode, encode, type Infer } from '../../src/codec/der/type.ts';
import { ApRep, ApReq, Authenticator, EncApRepPart } from '../../src/codec/krb5/ap.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { TicketFlag } from '../../src/spec/flags.ts';
import { FakeClock } from '../support/memory-realm.ts';

const REALM = 'A';
const principal = (text: string, realm = REALM): Principal => ({
  realm,
  name: { nameType: 1, nameString: text.split('/') },
});
const ALICE = principal('alice');
const HOST = principal('host/device1');
const ADDRESS = { addrType: 2, address: Uint8Array.of(192, 0, 2, 1) };

const clock = new FakeClock();
const keytab: ServiceKey[] = [1, 2].flatMap((kvno) =>
  [18, 17].map((etype) => ({ ...HOST, kvno, key: nodeCrypto.randomKey(etype) })),
);
const newest = keytab[2] as ServiceKey;

interface TicketFields {
  readonly key?: Key;
  readonly server?: Principal;
  readonly kvno?: number | undefined;
  readonly part?: Partial<EncTicketPart>;
}

/** A ticket for the host, as its KDC would make it. */
function holder(fields: TicketFields = {}): TicketHolder {
  const { server = HOST, key = newest.key, part = {} } = fields;
  const session = nodeCrypto.randomKey(18);
  const inside: EncTicketPart = {
    flags: 0,
    key: { keytype: session.etype, keyvalue: session.bytes },
    crealm: REALM,
    cname: ALICE.name,
    transited: { trType: 1, contents: new Uint8Array(0) },
    authtime: clock.seconds - 60,
    endtime: clock.seconds + 3600,
    ...part,
  };
  const encPart = {
    etype: key.etype,
    kvno: 'kvno' in fields ? fields.kvno : 2,
    cipher: nodeCrypto.encrypt(key, 2, encode(EncTicketPart, inside)),
  };
  const ticket = { tktVno: 5, realm: server.realm, sname: server.name, encPart };
  return { client: { realm: inside.crealm, name: inside.cname }, ticket, key: session };
}

function acceptor(more: Partial<Acceptor> = {}): Acceptor {
  return { crypto: nodeCrypto, clock, keys: keysOf(keytab), replays: createReplayCache(), ...more };
}

/** `sent` with another authenticator, made by who has the session key. */
function reauthenticated(
  sent: SentApReq,
  change: (plain: Infer<typeof Authenticator>) => object,
): Uint8Array {
  const apReq = decode(ApReq, sent.message);
  const plain = decode(Authenticator, nodeCrypto.decrypt(sent.sessionKey, 11, apReq.authenticator.cipher));
  const cipher = nodeCrypto.encrypt(
    sent.sessionKey,
    11,
    encode(Authenticator, { ...plain, ...change(plain) }),
  );
  return encode(ApReq, { ...apReq, authenticator: { ...apReq.authenticator, cipher } });
}

await t.test('a service accepts who owns a ticket for it', async (t) => {
  const subkey = nodeCrypto.randomKey(18);
  const sent = makeApReq(nodeCrypto, clock, holder(), { mutual: true, subkey, seqNumber: 7 });
  const verified = verifyApReq(acceptor(), sent.message);
  t.strictSame(verified.client, ALICE);
  t.strictSame(verified.server, HOST);
  t.equal(verified.ticketKey, newest);
  t.ok(verified.mutual);
  t.strictSame(verified.subkey?.bytes, subkey.bytes);
  t.equal(verified.authenticator.seqNumber, 7);
  t.equal(verified.sessionKey.etype, 18);

  await t.test('and proves that it can read it', async (t) => {
    const own = nodeCrypto.randomKey(20);
    const rep = makeApRep(nodeCrypto, verified, { subkey: own, seqNumber: 9 });
    const answer = verifyApRep(nodeCrypto, sent, rep);
    t.strictSame(answer.subkey?.bytes, own.bytes);
    t.equal(answer.seqNumber, 9);
    t.strictSame(verifyApRep(nodeCrypto, sent, makeApRep(nodeCrypto, verified)), {
      subkey: undefined,
      seqNumber: undefined,
    });
  });

  await t.test(
    'with any of its keys: the older version, another etype, a ticket without a version',
    async (t) => {
      for (const one of keytab) {
        const { message } = makeApReq(nodeCrypto, clock, holder({ key: one.key, kvno: one.kvno }));
        t.equal(verifyApReq(acceptor(), message).ticketKey, one);
        const { message: silent } = makeApReq(nodeCrypto, clock, holder({ key: one.key, kvno: undefined }));
        t.equal(verifyApReq(acceptor(), silent).ticketKey, one);
      }
    },
  );

  await t.test('within five minutes of its own clock', async (t) => {
    for (const off of [300, -300]) {
      const theirs = new FakeClock(clock.seconds + off);
      const { message } = makeApReq(nodeCrypto, theirs, holder());
      t.strictSame(verifyApReq(acceptor(), message).client, ALICE);
    }
  });

  await t.test(
    'sspi-rs (skew on the right side): a ticket counts from skew before its start to skew after its end',
    async (t) => {
      const { seconds } = clock;
      const outcome = (starttime: number, endtime: number): string => {
        const { message } = makeApReq(nodeCrypto, clock, holder({ part: { starttime, endtime } }));
        try {
          return verifyApReq(acceptor({ clockSkew: 120 }), message).client === undefined ? '' : 'accepted';
        } catch (error) {
          return (error as ApError).code;
        }
      };
      t.equal(outcome(seconds + 120, seconds + 3600), 'accepted');
      t.equal(outcome(seconds + 121, seconds + 3600), 'ticket-not-yet-valid');
      t.equal(outcome(seconds - 3600, seconds - 120), 'accepted');
      t.equal(outcome(seconds - 3600, seconds - 121), 'ticket-expired');
    },
  );

  await t.test('whose request is covered by a keyed checksum', async (t) => {
    const covered = Uint8Array.of(1, 2, 3);
    for (const usages of [undefined, TGS_USAGES]) {
      const how = usages === undefined ? {} : { usages };
      const { message } = makeApReq(nodeCrypto, clock, holder(), { checksum: covered, ...how });
      t.strictSame(verifyApReq(acceptor(), message, { covered, ...how }).client, ALICE);
    }
    const cksum = { cksumtype: 0x8003, checksum: new Uint8Array(24) };
    const { message } = makeApReq(nodeCrypto, clock, holder(), { checksum: cksum });
    t.match(verifyApReq(acceptor(), message).authenticator.cksum, { cksumtype: 0x8003 });
  });

  await t.test(
    'of another realm: a neighbour, and one from further away whose path a KDC has checked',
    async (t) => {
      const near = { crealm: 'B' };
      const far = { ...near, transited: { trType: 1, contents: Uint8Array.of(0x43) } };
      const checked = { ...far, flags: TicketFlag.TRANSITED_POLICY_CHECKED };
      for (const part of [near, checked]) {
        const { message } = makeApReq(nodeCrypto, clock, holder({ part }));
        t.strictSame(verifyApReq(acceptor(), message).client, principal('alice', 'B'));
      }
    },
  );

  await t.test('from an address of the ticket, where the ticket has any', async (t) => {
    const address = { addrType: 2, address: Uint8Array.of(192, 0, 2, 1) };
    const { message } = makeApReq(nodeCrypto, clock, holder({ part: { caddr: [ADDRESS] } }));
    t.strictSame(verifyApReq(acceptor(), message, { address }).client, ALICE);
    const workstation = { addrType: 20, address: utf8('PC1             ') };
    for (const caddr of [undefined, [], [workstation]]) {
      const free = makeApReq(nodeCrypto, clock, holder({ part: { caddr } }));
      t.strictSame(verifyApReq(acceptor(), free.message, { address }).client, ALICE);
    }
    const both = makeApReq(nodeCrypto, clock, holder({ part: { caddr: [workstation, ADDRESS] } }));
    t.strictSame(verifyApReq(acceptor(), both.message, { address }).client, ALICE);
  });
});

await t.test('a service refuses, each for its own reason', async (t) => {
  type Case = [
    what: string,
    reason: ApReason,
    wire: number,
    message: () => Uint8Array,
    context?: ApReqContext,
  ];
  const of = (fields: TicketFields): Uint8Array => makeApReq(nodeCrypto, clock, holder(fields)).message;
  const withPart = (part: Partial<EncTicketPart>): Uint8Array => of({ part });
  const sent = (): SentApReq => makeApReq(nodeCrypto, clock, holder());
  const at = (seconds: number): Uint8Array =>
    makeApReq(nodeCrypto, new FakeClock(clock.seconds + seconds), holder()).message;
  const covered = Uint8Array.of(1, 2, 3);
  const cases: Case[] = [
    ['garbage', 'malformed-message', 40, () => Uint8Array.of(0x6e, 1)],
    ['bytes behind the message', 'malformed-message', 40, () => Uint8Array.of(...sent().message, 0)],
    ['a ticket for another service', 'not-us', 35, () => of({ server: principal('host/device2') })],
    ['a ticket of another realm', 'not-us', 35, () => of({ server: principal('host/device1', 'B') })],
    ['a ticket made with a version that is gone', 'unknown-key-version', 44, () => of({ kvno: 3 })],
    ['a ticket of an etype without a key', 'no-key', 45, () => of({ key: nodeCrypto.randomKey(20) })],
    ['a ticket made with another key', 'ticket-integrity', 31, () => of({ key: nodeCrypto.randomKey(18) })],
    ['a ticket whose inside is none', 'malformed-message', 40, emptyTicket],
    [
      'a user-to-user ticket',
      'no-key',
      45,
      () => makeApReq(nodeCrypto, clock, holder(), { useSessionKey: true }).message,
    ],
    [
      'who does not know the session key',
      'authenticator-integrity',
      31,
      () => makeApReq(nodeCrypto, clock, { ...holder(), key: nodeCrypto.randomKey(18) }).message,
    ],
    [
      'an authenticator for a TGS',
      'authenticator-integrity',
      31,
      () => makeApReq(nodeCrypto, clock, holder(), { usages: TGS_USAGES }).message,
    ],
    [
      'who claims another name',
      'client-mismatch',
      36,
      () => makeApReq(nodeCrypto, clock, { ...holder(), client: principal('root') }).message,
    ],
    [
      'who claims another realm',
      'client-mismatch',
      36,
      () => makeApReq(nodeCrypto, clock, { ...holder(), client: principal('alice', 'B') }).message,
    ],
    ['a clock ahead', 'clock-skew', 37, () => at(301)],
    ['a clock behind', 'clock-skew', 37, () => at(-301)],
    [
      'a ticket that starts later',
      'ticket-not-yet-valid',
      33,
      () => withPart({ starttime: clock.seconds + 301 }),
    ],
    ['a ticket marked invalid', 'ticket-not-yet-valid', 33, () => withPart({ flags: TicketFlag.INVALID })],
    ['a ticket that is over', 'ticket-expired', 32, () => withPart({ endtime: clock.seconds - 301 })],
    [
      'a path that nobody has checked',
      'path-not-checked',
      51,
      () => withPart({ crealm: 'B', transited: { trType: 1, contents: Uint8Array.of(0x43) } }),
    ],
    [
      'another address',
      'address-mismatch',
      38,
      () => withPart({ caddr: [ADDRESS] }),
      { address: { addrType: 2, address: Uint8Array.of(192, 0, 2, 2) } },
    ],
    [
      'another family of addresses',
      'address-mismatch',
      38,
      () => withPart({ caddr: [ADDRESS] }),
      { address: { ...ADDRESS, addrType: 24 } },
    ],
    ['no checksum', 'no-checksum', 50, () => sent().message, { covered }],
    [
      'an unkeyed checksum',
      'no-checksum',
      50,
      () => reauthenticated(sent(), () => ({ cksum: { cksumtype: 7, checksum: new Uint8Array(16) } })),
      { covered },
    ],
    [
      'a checksum of something else',
      'checksum-wrong',
      41,
      () => makeApReq(nodeCrypto, clock, holder(), { checksum: Uint8Array.of(9) }).message,
      { covered },
    ],
    [
      'a session key that is too short',
      'unusable-key',
      14,
      () => withPart({ key: { keytype: 18, keyvalue: new Uint8Array(16) } }),
    ],
    [
      'a session key of RC4',
      'unusable-key',
      14,
      () => withPart({ key: { keytype: 23, keyvalue: new Uint8Array(16) } }),
    ],
    [
      'a subkey of an unknown etype',
      'unusable-key',
      14,
      () => reauthenticated(sent(), () => ({ subkey: { keytype: 99, keyvalue: new Uint8Array(16) } })),
    ],
  ];
  for (const [what, code, wire, message, context] of cases)
    t.throws(() => verifyApReq(acceptor(), message(), context), { name: 'ApError', code, wire }, what);

  await t.test('a key whose etype is not allowed, although it is there', async (t) => {
    const { message } = makeApReq(nodeCrypto, clock, holder());
    t.throws(() => verifyApReq(acceptor({ etypes: [17] }), message), { code: 'no-key' });
  });

  await t.test('a replay, and nobody else', async (t) => {
    const service = acceptor();
    const same = holder();
    const first = makeApReq(nodeCrypto, clock, same);
    const second = makeApReq(nodeCrypto, clock, same);
    t.strictSame(verifyApReq(service, first.message).client, ALICE);
    t.strictSame(
      verifyApReq(service, second.message).client,
      ALICE,
      'the same client in the same microsecond',
    );
    t.throws(() => verifyApReq(service, first.message), { code: 'replay', wire: 34 });
    t.strictSame(verifyApReq({ ...service, replays: undefined }, first.message).client, ALICE);
  });

  await t.test('without remembering what it refused', async (t) => {
    const replays = createReplayCache();
    const { message } = makeApReq(nodeCrypto, clock, holder({ part: { endtime: 1 } }));
    t.throws(() => verifyApReq(acceptor({ replays }), message), { code: 'ticket-expired' });
    t.equal(replays.size, 0);
  });
});

await t.test(
  'whatever is changed in a request, it is refused for a reason of the list, or still that of its client',
  async (t) => {
    const service = acceptor({ replays: undefined });
    const good = makeApReq(nodeCrypto, clock, holder(), { mutual: true }).message;
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
    const reasons = new Set<string>();
    for (let i = 0; i < 5000; i++) {
      const changed = Uint8Array.from(good);
      const at = random(good.length);
      changed[at] = (changed[at] as number) ^ (1 << random(8));
      try {
        const { client } = verifyApReq(
          service,
          random(4) === 0 ? changed.subarray(0, random(good.length)) : changed,
        );
        if (client.name.nameString[0] !== 'alice') t.fail('accepted somebody else');
      } catch (error) {
        if (!(error instanceof ApError)) throw error;
        reasons.add(error.code);
      }
    }
    for (const reason of ['malformed-message', 'not-us', 'ticket-integrity', 'authenticator-integrity'])
      t.ok(reasons.has(reason), reason);
  },
);

/** An AP-REQ whose ticket opens and holds nothing. */
function emptyTicket(): Uint8Array {
  const one = holder();
  const cipher = nodeCrypto.encrypt(newest.key, 2, new Uint8Array(10));
  const ticket = { ...one.ticket, encPart: { ...one.ticket.encPart, cipher } };
  return makeApReq(nodeCrypto, clock, { ...one, ticket }).message;
}

await t.test('a client refuses an answer that does not prove the service', async (t) => {
  const sent = makeApReq(nodeCrypto, clock, holder(), { mutual: true });
  const verified = verifyApReq(acceptor(), sent.message);
  const good = makeApRep(nodeCrypto, verified);
  const sealed = (part: Infer<typeof EncApRepPart>, key = sent.sessionKey, usage = 12): Uint8Array =>
    encode(ApRep, {
      pvno: 5,
      msgType: 15,
      encPart: { etype: key.etype, cipher: nodeCrypto.encrypt(key, usage, encode(EncApRepPart, part)) },
    });
  const { ctime, cusec } = sent;
  const cases: [string, ApReason, Uint8Array][] = [
    ['garbage', 'malformed-message', Uint8Array.of(1)],
    ['its own request', 'malformed-message', sent.message],
    ['another key', 'mutual-failed', sealed({ ctime, cusec }, nodeCrypto.randomKey(18))],
    ['another etype', 'mutual-failed', sealed({ ctime, cusec }, nodeCrypto.randomKey(17))],
    ['another time', 'mutual-failed', sealed({ ctime: ctime + 1, cusec })],
    ['another microsecond', 'mutual-failed', sealed({ ctime, cusec: cusec + 1 })],
    ['another usage', 'mutual-failed', sealed({ ctime, cusec }, sent.sessionKey, 11)],
    [
      'a weak subkey',
      'unusable-key',
      sealed({ ctime, cusec, subkey: { keytype: 1, keyvalue: new Uint8Array(8) } }),
    ],
    ['an answer to another client', 'mutual-failed', good],
  ];
  const other = makeApReq(nodeCrypto, clock, holder(), { mutual: true });
  for (const [what, code, message] of cases)
    t.throws(() => verifyApRep(nodeCrypto, message === good ? other : sent, message), { code }, what);
  t.strictSame(verifyApRep(nodeCrypto, sent, good).subkey, undefined);

  await t.test('and tells what the service says instead', async (t) => {
    const error = encode(KrbError, {
      pvno: 5,
      msgType: 30,
      stime: 0,
      susec: 0,
      errorCode: 37,
      realm: 'A',
      sname: HOST.name,
      eText: 'too\u001b late',
    });
    t.throws(() => verifyApRep(nodeCrypto, sent, error), {
      code: 'refused-by-server',
      wire: 37,
      message: /the code 37 and says "too\? late"/,
    });
    t.throws(() => verifyApRep(nodeCrypto, sent, Uint8Array.of(0x7e, 0)), { code: 'malformed-message' });
  });
});

await t.test('a replay cache', async (t) => {
  const NOW = 1_000_000;

  await t.test('remembers for as long as something can come again, and no longer', async (t) => {
    const cache = createReplayCache({ clockSkew: 300 });
    t.ok(cache.firstTime('a', NOW + 300, 0, NOW));
    t.notOk(cache.firstTime('a', NOW + 300, 0, NOW));
    t.notOk(cache.firstTime('a', NOW + 300, 0, NOW + 600), 'until the last second in which it is accepted');
    t.ok(cache.firstTime('a', NOW + 301, 0, NOW), 'at another time it is another one');
    t.ok(cache.firstTime('b', NOW + 902, 0, NOW + 902));
    t.equal(cache.size, 1, 'then it is let go');
  });

  await t.test('that is full refuses what it may have forgotten, and takes what is newer', async (t) => {
    const cache = createReplayCache({ clockSkew: 300, capacity: 100 });
    for (let i = 0; i < 101; i++) t.ok(cache.firstTime(`a${i}`, NOW + Math.floor(i / 10), 0, NOW));
    t.ok(cache.size <= 100);
    t.notOk(cache.firstTime('a0', NOW, 0, NOW), 'a replay');
    t.notOk(cache.firstTime('new', NOW, 0, NOW), 'what might be one');
    t.ok(cache.firstTime('new', NOW + 1, 0, NOW), 'and nothing else');
    for (let i = 0; i < 100_000; i++) cache.firstTime(`b${i}`, NOW + (i % 600) - 300, 0, NOW);
    t.ok(cache.size <= 100, 'whatever comes');
  });

  await t.test('of a server that was restarted refuses what its predecessor may have seen', async (t) => {
    const cache = createReplayCache({ since: NOW * 1_000_000 + 500_000 });
    t.notOk(cache.firstTime('a', NOW, 499_999, NOW));
    t.ok(cache.firstTime('a', NOW, 500_000, NOW), 'what was made since is new');
    t.ok(cache.firstTime('a', NOW + 1, 0, NOW + 1));
  });
});

await t.test('a name from the wire is short and printable where it is shown', async (t) => {
  const long = principal(`${'x'.repeat(5000)}\u001b[2J`);
  t.ok(showPrincipal(long).length < 300);
  t.notMatch(showPrincipal(principal('a\u001b\u202e\n')), /\p{C}/u);
});

await t.test('an error says which code tells the other side', async (t) => {
  const { message } = makeApReq(nodeCrypto, clock, holder({ kvno: 9 }));
  try {
    verifyApReq(acceptor(), message);
    t.fail('refused');
  } catch (error) {
    t.equal((error as ApError).wire, 44);
    t.match((error as ApError).hint, /keytab/);
  }
});
