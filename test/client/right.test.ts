/** What a device learns of a ticket that it was shown, with nothing but its keytab. */
import t, { type Test } from 'tap';
import {
  ApError,
  getInitialTicket,
  getServiceTicket,
  indicatorsOf,
  loginRight,
  nameOf,
  parsePrincipal,
} from '../../src/client/index.ts';
import { nodeAcceptor } from '../../src/client/node.ts';
import { makeApReq } from '../../src/ap/ap-req.ts';
import { verifyApReq } from '../../src/ap/verify-ap-req.ts';
import { decode, encode, type Infer } from '../../src/codec/der/type.ts';
import { AdCammac, AuthenticationIndicator } from '../../src/codec/krb5/authorization-data.ts';
import { AuthorizationData } from '../../src/codec/krb5/basic.ts';
import type { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { writeKeytab } from '../../src/codec/keytab.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { Right } from '../../src/realm/right.ts';
import { AdType } from '../../src/spec/ad-types.ts';
import { REALM } from '../support/memory-realm.ts';
import { TwoRealms } from '../support/two-realms.ts';

const clock = { microseconds: () => Date.now() * 1000 };

/** Somebody with this right opens a ticket at the device. */
async function opened(right: Right | undefined) {
  const realms = await TwoRealms.create();
  const { ours } = realms;
  const { keys } = ours.add({ name: 'host/phone1' });
  await ours.addUser('bob', 'Bob.pass1', { right });
  const context = realms.client();
  const tgt = await getInitialTicket(context, {
    client: parsePrincipal('bob', REALM),
    proof: { password: 'Bob.pass1' },
  });
  const { credential } = await getServiceTicket(context, tgt, { name: nameOf('host', 'phone1') });
  const entries = keys.map(({ kvno, key }) => ({
    realm: REALM,
    name: nameOf('host', 'phone1'),
    timestamp: 0,
    kvno,
    key,
  }));
  const acceptor = { ...nodeAcceptor(writeKeytab(entries)), clock: ours.clock, replays: undefined };
  const message = makeApReq(nodeCrypto, ours.clock, credential).message;
  return verifyApReq(acceptor, message);
}

await t.test('a ticket says what its owner may do at the device', async (t) => {
  for (const right of ['Administrator', 'Viewer'] as const)
    t.equal(loginRight(nodeCrypto, await opened(right)), right);
  t.equal(loginRight(nodeCrypto, await opened(undefined)), undefined);
});

await t.test('nothing counts that somebody else than the KDC has put there', async (t) => {
  const verified = await opened('Viewer');
  const claim = {
    adType: AdType.AUTHENTICATION_INDICATOR,
    adData: encode(AuthenticationIndicator, ['realmward:Administrator']).slice(),
  };
  const withData = (authorizationData: AuthorizationData) => ({
    ...verified,
    ticket: { ...verified.ticket, authorizationData } satisfies EncTicketPart,
  });
  const relevant = (...elements: AuthorizationData) => ({
    adType: AdType.IF_RELEVANT,
    adData: encode(AuthorizationData, elements).slice(),
  });
  const own = verified.ticket.authorizationData ?? [];

  t.equal(loginRight(nodeCrypto, withData([claim, relevant(claim), ...own])), 'Viewer');
  t.same(indicatorsOf(nodeCrypto, withData([])), []);

  const cammac = own
    .flatMap(({ adData }) => decode(AuthorizationData, adData))
    .find(({ adType }) => adType === AdType.CAMMAC);
  const made = decode(AdCammac, cammac?.adData ?? new Uint8Array());
  const forged = (change: Partial<Infer<typeof AdCammac>>) =>
    withData([
      ...own,
      relevant({ adType: AdType.CAMMAC, adData: encode(AdCammac, { ...made, ...change }).slice() }),
    ]);
  t.equal(loginRight(nodeCrypto, forged({})), 'Viewer');
  const refused = (t: Test, change: Partial<Infer<typeof AdCammac>>, name: string) =>
    t.throws(
      () => loginRight(nodeCrypto, forged(change)),
      { name: ApError.name, code: 'indicator-not-proven' },
      name,
    );
  refused(t, { elements: [claim] }, 'other elements under its signature');
  refused(t, { svcVerifier: undefined }, 'no signature');
  refused(
    t,
    { svcVerifier: { ...made.svcVerifier, mac: { cksumtype: 1, checksum: new Uint8Array(4) } } },
    'CRC32',
  );
  refused(t, { svcVerifier: made.kdcVerifier }, "the KDC's own signature");
  t.throws(
    () =>
      loginRight(nodeCrypto, withData([relevant({ adType: AdType.CAMMAC, adData: Uint8Array.of(1, 2) })])),
    { code: 'malformed-message' },
  );
});

await t.test('an acceptor takes each ticket once, and none from before it began', async (t) => {
  const { replays, clockSkew } = nodeAcceptor(writeKeytab([]));
  t.equal(clockSkew, 300);
  const now = Math.floor(clock.microseconds() / 1_000_000);
  t.equal(replays?.firstTime('a', now - 10, 0, now), false);
  t.equal(replays?.firstTime('b', now + 10, 0, now), true);
  t.equal(replays?.firstTime('b', now + 10, 0, now), false);
  t.throws(() => nodeAcceptor(Uint8Array.of(1, 2, 3)), { code: 'bad-keytab' });
});
