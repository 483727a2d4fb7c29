/** The client side of RFC 3244 against servers that lie. What an honest one says is tested with the service (test/kpasswd). */
import t from 'tap';
import { makeApRep } from '../../src/ap/ap-rep.ts';
import { verifyApReq } from '../../src/ap/verify-ap-req.ts';
import { createUser } from '../../src/accounts/users.ts';
import { concat, utf8 } from '../../src/base/bytes.ts';
import type { Key } from '../../src/base/key.ts';
import {
  CHANGEPW,
  changePassword,
  getInitialTicket,
  parsePrincipal,
  setPassword,
} from '../../src/client/index.ts';
import { encode } from '../../src/codec/der/type.ts';
import { decodeKpasswdRequest, encodeKpasswdReply } from '../../src/codec/kpasswd.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { EncKrbPrivPart, KrbPriv } from '../../src/codec/krb5/safe-priv-cred.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { REALM } from '../support/memory-realm.ts';
import { type PasswordRealm, passwordRealm } from '../support/password-realm.ts';
import { present } from '../support/present.ts';

const bob = parsePrincipal('bob', REALM);
const realm = await passwordRealm(t);
await createUser(realm.accounts, { name: 'bob', password: 'Bob.pass1' });
realm.clock.advance(1);

/** The client, whose requests `answer` answers in place of the password service. */
const lied = (
  answer: (request: Uint8Array) => Uint8Array | Promise<Uint8Array>,
): PasswordRealm['context'] => ({
  ...realm.context,
  send: async (to, message, options) =>
    options?.service === 'kpasswd' ? answer(message) : realm.context.send(to, message, options),
});
const attempt = (answer: Parameters<typeof lied>[0]) =>
  changePassword(lied(answer), { client: bob, password: 'Bob.pass1', newPassword: 'Bob.pass2' });

/** An answer made with the service's own key, some of it wrong. */
async function forged(
  request: Uint8Array,
  change: { key?: Key; apSeq?: number; seq?: number; userData?: Uint8Array; otherRequest?: Uint8Array } = {},
): Promise<Uint8Array> {
  const changepw = present(await realm.store.principals.find('kadmin/changepw'));
  const verify = (bytes: Uint8Array) =>
    verifyApReq(
      {
        crypto: nodeCrypto,
        clock: realm.clock,
        replays: undefined,
        keys: (server) => changepw.keys.map(({ kvno, key }) => ({ ...server, kvno, key })),
      },
      decodeKpasswdRequest(bytes).apReq,
    );
  const verified = verify(request);
  const { key = present(verified.subkey), apSeq = 5, seq = apSeq, userData = Uint8Array.of(0, 0) } = change;
  const part = encode(EncKrbPrivPart, {
    userData,
    seqNumber: seq,
    sAddress: { addrType: 2, address: new Uint8Array(4) },
  });
  const cipher = nodeCrypto.encrypt(key, 13, part);
  return encodeKpasswdReply({
    apRep: makeApRep(nodeCrypto, verify(change.otherRequest ?? request), { seqNumber: apSeq }),
    krbPriv: encode(KrbPriv, { pvno: 5, msgType: 21, encPart: { etype: key.etype, cipher } }),
  });
}

function krbError(errorCode: number, eData?: Uint8Array): Uint8Array {
  return encode(KrbError, {
    pvno: 5,
    msgType: 30,
    stime: realm.clock.seconds,
    susec: 0,
    errorCode,
    realm: REALM,
    sname: CHANGEPW,
    eData,
  });
}

await t.test('what only the service can have made is believed', async (t) => {
  await attempt((request) => forged(request));
  await t.rejects(
    attempt((request) => forged(request, { userData: concat(Uint8Array.of(0, 4), utf8('zu kurz')) })),
    { code: 'kpasswd-softerror', result: 4, says: 'zu kurz', message: /It says: zu kurz$/ },
  );
  const policy = new Uint8Array(32);
  policy.set([0, 4, 0, 0, 0, 0, 0, 7]);
  await t.rejects(
    attempt((request) => forged(request, { userData: policy })),
    { code: 'kpasswd-softerror', says: 'The domain wants at least 7 characters.' },
    'AD states its rules in numbers',
  );
  await t.rejects(
    attempt((request) => forged(request, { userData: concat(Uint8Array.of(0, 9), utf8('\u001b[2J\n')) })),
    { code: 'kpasswd-9', says: '?[2J?', hint: String },
    'an unknown result, and a text that is not fit for a terminal',
  );
});

await t.test('nobody else is believed', async (t) => {
  const session = nodeCrypto.randomKey(20);
  await t.rejects(
    attempt((request) => forged(request, { key: session })),
    { code: 'reply-integrity' },
    'another key',
  );
  await t.rejects(
    attempt((request) => forged(request, { seq: 6 })),
    { code: 'unexpected-reply' },
    'another sequence number than the AP-REP has',
  );
  await t.rejects(
    attempt(async (request) => {
      const { krbPriv } = decodeKpasswdRequest(request);
      const reply = await forged(request);
      // The frame's second length stands at byte 4.
      const size = ((reply[4] ?? 0) << 8) | (reply[5] ?? 0);
      return encodeKpasswdReply({ apRep: reply.slice(6, 6 + size), krbPriv });
    }),
    { code: 'unexpected-reply' },
    'our own message, sent back',
  );
  let earlier: Uint8Array | undefined;
  await attempt((request) => forged((earlier = request)));
  realm.clock.advance(1);
  await t.rejects(
    attempt((request) => forged(request, { otherRequest: present(earlier) })),
    { code: 'reply-integrity' },
    'the answer to an earlier request',
  );
  await t.rejects(
    attempt(() => krbError(60, Uint8Array.of(0, 0))),
    { code: 'unexpected-reply' },
    'an error that says it worked',
  );
  for (const nonsense of [new Uint8Array(0), utf8('HTTP/1.1 400 Bad Request'), Uint8Array.of(0x7e, 0)])
    await t.rejects(
      attempt(() => nonsense),
      { code: 'malformed-reply' },
    );
  await t.rejects(
    attempt((request) => forged(request, { userData: Uint8Array.of(0) })),
    { code: 'malformed-reply' },
    'half a result code',
  );
});

await t.test('an error without an outcome is a KRB-ERROR like others', async (t) => {
  await t.rejects(
    attempt(() => krbError(60)),
    { code: 'krb-err-generic', errorCode: 60 },
  );
});

await t.test('a clock that is off is corrected once, as the service says', async (t) => {
  let asked = 0;
  await attempt((request) => (++asked === 1 ? krbError(37, Uint8Array.of(0, 3)) : forged(request)));
  t.equal(asked, 2);
  await t.rejects(
    attempt(() => krbError(37, Uint8Array.of(0, 3))),
    { code: 'kpasswd-autherror' },
  );
});

await t.test('of several attempts, the one is found that is answered', async () => {
  const context = {
    ...realm.context,
    send: async (...[to, message, options]: Parameters<typeof realm.context.send>) => {
      if (options?.service !== 'kpasswd') return realm.context.send(to, message, options);
      realm.clock.advance(1);
      const second = present(options.renew)();
      realm.clock.advance(1);
      present(options.renew)();
      return forged(second);
    },
  };
  await changePassword(context, { client: bob, password: 'Bob.pass1', newPassword: 'Bob.pass2' });
});

await t.test('passwords are given as bytes, too, which stay as they are', async (t) => {
  const [password, newPassword] = [utf8('Bob.pass1'), utf8('Grüße, 2')];
  await changePassword(realm.context, { client: bob, password, newPassword });
  t.strictSame([password, newPassword], [utf8('Bob.pass1'), utf8('Grüße, 2')]);
  realm.clock.advance(1);
  await getInitialTicket(realm.context, { client: bob, proof: { password: 'Grüße, 2' } });
  await t.rejects(changePassword(realm.context, { client: bob, password: 'wrong', newPassword: 'x' }), {
    code: 'kdc-err-preauth-failed',
  });
  const tgt = await getInitialTicket(realm.context, { client: bob, proof: { password: 'Grüße, 2' } });
  await t.rejects(setPassword(realm.context, tgt, { target: bob, newPassword: 'x' }), {
    code: 'not-for-passwords',
  });
});
