import t from 'tap';
import { fromHex, utf8 } from '../../src/base/bytes.ts';
import { Key } from '../../src/base/key.ts';
import { withRid } from '../../src/base/sid.ts';
import { field, sequence } from '../../src/codec/der/schema.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { AdCammac, AdIfRelevant, AuthenticationIndicator } from '../../src/codec/krb5/authorization-data.ts';
import {
  AuthorizationData,
  Checksum,
  EncryptedData,
  KerberosString,
  type PaData,
  PrincipalName,
} from '../../src/codec/krb5/basic.ts';
import { TgsReq } from '../../src/codec/krb5/kdc.ts';
import { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { decodeContents } from '../../src/pac/contents.ts';
import { decodePac } from '../../src/pac/pac.ts';
import { verifyOwnServicePac } from '../../src/pac/verify.ts';
import { ErrorCode } from '../../src/spec/error-codes.ts';
import { KdcOption, TicketFlag } from '../../src/spec/flags.ts';
import { MemoryRealm, randomKey, REALM, REALM_SID } from '../support/memory-realm.ts';
import {
  ask,
  askForError,
  type Credential,
  getTicket,
  login,
  name,
  openedPart,
  ORIGIN,
  reforged,
  type TgsFields,
  tgsReq,
} from '../support/requests.ts';

const KRBTGT = `krbtgt/${REALM}`;
const DEVICE = 'host/device1.realm1.example';
const EVERYTHING =
  KdcOption.FORWARDABLE | KdcOption.PROXIABLE | KdcOption.RENEWABLE | KdcOption.ALLOW_POSTDATE;

async function setUp(body: NonNullable<Parameters<typeof login>[2]>['body'] = {}) {
  const realm = new MemoryRealm();
  await realm.addUser('alice', 'correct horse', { right: 'Administrator' });
  await realm.addUser('bob', 'battery staple');
  realm.add({ name: DEVICE });
  return { realm, tgt: await login(realm, 'alice', { body: body ?? {} }) };
}

/** Error code and reason for a request that must be refused. */
async function refused(
  realm: MemoryRealm,
  credential: Credential,
  fields: TgsFields = {},
): Promise<[number, string]> {
  const request = tgsReq(realm.clock, credential, {
    ...fields,
    body: { sname: name(DEVICE), ...fields.body },
  });
  const error = await askForError(realm, request);
  return [error.errorCode, realm.lastEvent().reason ?? ''];
}

function pacOf(part: EncTicketPart): Uint8Array {
  for (const { adType, adData } of part.authorizationData ?? []) {
    if (adType !== 1) continue;
    for (const inner of decode(AdIfRelevant, adData)) if (inner.adType === 128) return inner.adData;
  }
  throw new Error('no PAC');
}

await t.test('a ticket-granting ticket gets a service ticket', async (t) => {
  const { realm, tgt } = await setUp({ kdcOptions: EVERYTHING >>> 0, rtime: 0 });
  realm.clock.advance(60);
  const ticket = await getTicket(realm, tgt, DEVICE, { body: { kdcOptions: KdcOption.FORWARDABLE } });
  const part = openedPart(ticket, realm.key(DEVICE, 20));
  t.same(part.key.keyvalue, ticket.key.bytes);
  t.equal(part.authtime, tgt.reply.authtime, 'authtime is when the password was typed');
  t.equal(part.starttime, realm.clock.seconds);
  t.equal(part.endtime, tgt.reply.endtime, 'no longer than the ticket behind it');
  const { FORWARDABLE, PRE_AUTHENT, TRANSITED_POLICY_CHECKED } = TicketFlag;
  t.equal(part.flags, (FORWARDABLE | PRE_AUTHENT | TRANSITED_POLICY_CHECKED) >>> 0, 'and not INITIAL');
  t.match(realm.lastEvent(), { outcome: 'issued', client: `alice@${REALM}`, right: 'Administrator' });
});

await t.test('the right travels in the PAC and as authentication indicator', async (t) => {
  const { realm, tgt } = await setUp();
  const ticket = await getTicket(realm, tgt, DEVICE);
  const key = realm.key(DEVICE, 20);
  const part = openedPart(ticket, key);
  const pac = decodePac(pacOf(part));
  t.same(
    pac.buffers.map(({ type }) => type).toSorted((a, b) => a - b),
    [1, 6, 7, 10, 12, 16, 19],
    'buffers of a service ticket: neither 17 nor 18, all four signatures',
  );
  const { logonInfo, clientInfo, upnDnsInfo } = decodeContents(pac);
  t.same(
    logonInfo?.groupIds.map(({ rid }) => rid),
    [513, 1001],
  );
  t.equal(logonInfo?.logonDomainId, REALM_SID);
  t.equal(clientInfo?.name, 'alice');
  t.equal(upnDnsInfo?.account?.sid, withRid(REALM_SID, realm.principals.get('alice')?.rid as number));
  const unsigned = {
    ...part,
    authorizationData: part.authorizationData?.map((element, i) =>
      i === 0
        ? { adType: 1, adData: encode(AuthorizationData, [{ adType: 128, adData: Uint8Array.of(0) }]) }
        : element,
    ),
  };
  const verified = verifyOwnServicePac(nodeCrypto, pacOf(part), {
    serverKey: key,
    kdcKeys: [realm.key(KRBTGT, 20)],
    ticketBytes: encode(EncTicketPart, unsigned),
  });
  t.type(verified, 'object', 'all four signatures are right');

  const [cammac] = decode(AdIfRelevant, part.authorizationData?.[1]?.adData as Uint8Array);
  t.equal(cammac?.adType, 96);
  const { elements, kdcVerifier, svcVerifier } = decode(AdCammac, cammac?.adData as Uint8Array);
  t.same(decode(AuthenticationIndicator, elements[0]?.adData as Uint8Array), ['realmward:Administrator']);
  const svc = svcVerifier?.mac;
  t.ok(
    svc &&
      nodeCrypto.verifyChecksum(key, 64, svc.cksumtype, encode(AuthorizationData, elements), svc.checksum),
  );
  const kdc = kdcVerifier?.mac;
  const covered = encode(EncTicketPart, { ...part, authorizationData: elements });
  t.ok(kdc && nodeCrypto.verifyChecksum(realm.key(KRBTGT, 20), 64, kdc.cksumtype, covered, kdc.checksum));

  const bob = await getTicket(realm, await login(realm, 'bob'), DEVICE);
  t.equal(openedPart(bob, key).authorizationData?.length, 1, 'who has no right gets no indicator');
  const tgtPart = openedPart(tgt, realm.key(KRBTGT, 20));
  t.equal(tgtPart.authorizationData?.length, 1, 'nor does a ticket-granting ticket carry one');
  t.same(
    decodePac(pacOf(tgtPart))
      .buffers.map(({ type }) => type)
      .toSorted((a, b) => a - b),
    [1, 6, 7, 10, 17, 18],
  );
});

await t.test(
  'the account is looked up again: changed rights and standing take effect at the next ticket',
  async (t) => {
    const { realm, tgt } = await setUp();
    realm.change('alice', { right: 'Viewer' });
    const part = openedPart(await getTicket(realm, tgt, DEVICE), realm.key(DEVICE, 20));
    t.same(
      decodeContents(decodePac(pacOf(part))).logonInfo?.groupIds.map(({ rid }) => rid),
      [513, 1002],
    );
    t.equal(realm.lastEvent().right, 'Viewer');
    realm.change('alice', { disabled: true });
    t.same(await refused(realm, tgt), [ErrorCode.KDC_ERR_CLIENT_REVOKED, 'client-disabled']);
    realm.change('alice', { disabled: false, expires: realm.clock.seconds });
    t.same(await refused(realm, tgt), [ErrorCode.KDC_ERR_NAME_EXP, 'client-expired']);
    const old = realm.change('alice', { expires: undefined });
    realm.add({ ...old, id: 99, rid: 4711, name: 'alice' });
    t.same(
      await refused(realm, tgt),
      [ErrorCode.KDC_ERR_TGT_REVOKED, 'client-gone'],
      'a new account of the same name is another one',
    );
    const stale = reforged(tgt, realm.key(KRBTGT, 20), (part) => part);
    t.same(
      await refused(realm, stale),
      [ErrorCode.KDC_ERR_POLICY, 'pac-sid'],
      'also when the ticket is not remembered',
    );
    realm.principals.delete('alice');
    t.same(await refused(realm, tgt), [ErrorCode.KDC_ERR_TGT_REVOKED, 'client-gone']);
  },
);

await t.test("the request's body is protected by a keyed checksum, or refused", async (t) => {
  const { realm, tgt } = await setUp();
  const inappropriate = [ErrorCode.KRB_AP_ERR_INAPP_CKSUM, 'no-body-checksum'];
  t.same(await refused(realm, tgt, { authenticator: { cksum: undefined } }), inappropriate);
  for (const cksumtype of [1, 2, 7, 14, 15, -138]) {
    const cksum = { cksumtype, checksum: new Uint8Array(16) };
    t.same(await refused(realm, tgt, { authenticator: { cksum } }), inappropriate, `type ${cksumtype}`);
  }
  t.same(await refused(realm, tgt, { checksumUsage: 10 }), [
    ErrorCode.KRB_AP_ERR_MODIFIED,
    'body-checksum-wrong',
  ]);
  const request = decode(TgsReq, tgsReq(realm.clock, tgt, { body: { sname: name(DEVICE) } }));
  const changed = encode(TgsReq, { ...request, reqBody: { ...request.reqBody, nonce: 7 } });
  t.equal((await askForError(realm, changed)).errorCode, ErrorCode.KRB_AP_ERR_MODIFIED);
});

await t.test('ticket and authenticator must belong together and to now', async (t) => {
  const { realm, tgt } = await setUp();
  const mismatch = [ErrorCode.KRB_AP_ERR_BADMATCH, 'authenticator-mismatch'];
  t.same(await refused(realm, tgt, { authenticator: { cname: name('bob') } }), mismatch);
  t.same(await refused(realm, tgt, { authenticator: { crealm: 'OTHER.EXAMPLE' } }), mismatch);
  for (const offset of [301, -301]) {
    const ctime = realm.clock.seconds + offset;
    t.same(await refused(realm, tgt, { authenticator: { ctime } }), [
      ErrorCode.KRB_AP_ERR_SKEW,
      'request-skew',
    ]);
  }
  const stranger = { ...tgt, key: nodeCrypto.randomKey(20) };
  t.same(await refused(realm, stranger), [ErrorCode.KRB_AP_ERR_BAD_INTEGRITY, 'authenticator-integrity']);
  realm.clock.advance(36_000 + 300);
  t.ok(await getTicketError(realm, tgt), 'at the end of its time plus skew nothing is issued any more');
  realm.clock.advance(1);
  t.same(await refused(realm, tgt), [ErrorCode.KRB_AP_ERR_TKT_EXPIRED, 'ticket-expired']);
});

async function getTicketError(realm: MemoryRealm, tgt: Credential): Promise<boolean> {
  return (await refused(realm, tgt))[0] === ErrorCode.KDC_ERR_NEVER_VALID;
}

await t.test("only a ticket of this realm's ticket-granting service is accepted", async (t) => {
  const { realm, tgt } = await setUp();
  const service = await getTicket(realm, tgt, DEVICE);
  t.same(await refused(realm, service), [ErrorCode.KRB_AP_ERR_NOT_US, 'not-our-ticket']);
  const changepw = await login(realm, 'alice', { body: { sname: name('kadmin/changepw') } });
  t.same(await refused(realm, changepw), [ErrorCode.KRB_AP_ERR_NOT_US, 'not-our-ticket'], 'CVE-2022-2031');
  t.same(await refused(realm, changepw, { body: { kdcOptions: KdcOption.RENEW, sname: name(KRBTGT) } }), [
    ErrorCode.KDC_ERR_BADOPTION,
    'option-refused',
  ]);
  const foreign = { ...tgt, ticket: { ...tgt.ticket, realm: 'OTHER.EXAMPLE' } };
  t.same(await refused(realm, foreign), [ErrorCode.KRB_AP_ERR_NOT_US, 'not-our-ticket']);
  const encPart = tgt.ticket.encPart;
  const kvno = { ...tgt, ticket: { ...tgt.ticket, encPart: { ...encPart, kvno: 9 } } };
  t.same(await refused(realm, kvno), [ErrorCode.KRB_AP_ERR_BADKEYVER, 'unknown-ticket-key']);
  const flipped = encPart.cipher.slice();
  flipped[40] = (flipped[40] as number) ^ 1;
  const tampered = { ...tgt, ticket: { ...tgt.ticket, encPart: { ...encPart, cipher: flipped } } };
  t.same(await refused(realm, tampered), [ErrorCode.KRB_AP_ERR_BAD_INTEGRITY, 'ticket-integrity']);
  t.same(await refused(realm, tgt, { body: { sname: name('kadmin/changepw') } }), [
    ErrorCode.KDC_ERR_POLICY,
    'initial-ticket-required',
  ]);
});

await t.test('several krbtgt keys live side by side', async (t) => {
  const { realm, tgt } = await setUp();
  const before = realm.principals.get(KRBTGT)?.keys ?? [];
  realm.change(KRBTGT, { keys: [...[20, 18].map((etype) => randomKey(etype, 2)), ...before] });
  t.equal((await login(realm, 'alice')).ticket.encPart.kvno, 2, 'new tickets get the new key');
  t.ok(await getTicket(realm, tgt, DEVICE), 'old ones stay valid');
  const withoutKvno = { ...tgt.ticket.encPart, kvno: undefined };
  t.ok(
    await getTicket(realm, { ...tgt, ticket: { ...tgt.ticket, encPart: withoutKvno } }, DEVICE),
    'even without kvno',
  );
  realm.change(KRBTGT, { keys: realm.principals.get(KRBTGT)?.keys.filter(({ kvno }) => kvno === 2) ?? [] });
  t.same(
    await refused(realm, tgt),
    [ErrorCode.KRB_AP_ERR_BADKEYVER, 'unknown-ticket-key'],
    'until their key goes, remembered or not',
  );
});

await t.test('a golden ticket is refused: what our key opens but we would not have issued', async (t) => {
  const { realm, tgt } = await setUp({ kdcOptions: KdcOption.RENEWABLE, rtime: 0 });
  const key = realm.key(KRBTGT, 20);
  const forge = (change: (part: EncTicketPart) => EncTicketPart): Credential => reforged(tgt, key, change);
  const reasonFor = async (change: (part: EncTicketPart) => EncTicketPart): Promise<string> =>
    (await refused(realm, forge(change)))[1];
  t.equal(await reasonFor((part) => ({ ...part, endtime: part.endtime + 1 })), 'ticket-not-as-issued');
  t.equal(
    await reasonFor((part) => ({ ...part, renewTill: part.authtime + realm.options.policy.maxRenew + 1 })),
    'ticket-not-as-issued',
  );
  t.equal(
    await reasonFor((part) => ({ ...part, flags: part.flags & ~TicketFlag.PRE_AUTHENT })),
    'ticket-not-as-issued',
  );
  t.equal(await reasonFor((part) => ({ ...part, authorizationData: undefined })), 'pac-missing');
  const renamed = (part: EncTicketPart): EncTicketPart => ({ ...part, cname: name('bob') });
  const asBob = { ...forge(renamed), cname: name('bob') };
  t.equal((await refused(realm, asBob))[1], 'pac-client-name', 'a PAC of another client (CVE-2026-11861)');
  t.equal(await reasonFor((part) => ({ ...part, authtime: part.authtime - 1 })), 'pac-client-time');
  const elsewhere = { ...forge((part) => ({ ...part, crealm: 'OTHER.EXAMPLE' })), crealm: 'OTHER.EXAMPLE' };
  t.not((await refused(realm, elsewhere))[1], '', 'a client of another realm');

  const pac = pacOf(openedPart(tgt, key));
  const withPac =
    (bytes: Uint8Array) =>
    (part: EncTicketPart): EncTicketPart => ({
      ...part,
      authorizationData: [{ adType: 1, adData: encode(AuthorizationData, [{ adType: 128, adData: bytes }]) }],
    });
  const seen = new Set<string>();
  for (let i = 0; i < pac.length; i += 7) {
    const changed = pac.slice();
    changed[i] = (changed[i] as number) ^ 0x10;
    const reason = await reasonFor(withPac(changed));
    t.match(reason, /^pac-/, `byte ${i}`);
    seen.add(reason);
  }
  t.ok(seen.has('pac-server-signature') && seen.has('pac-malformed'));
  t.ok(await getTicket(realm, tgt, DEVICE), 'the genuine one still works');
});

await t.test('forwarding, proxies and renewal need the flag, and addresses follow the request', async (t) => {
  const { realm, tgt } = await setUp();
  const { FORWARDABLE, FORWARDED, PROXIABLE, PROXY, RENEWABLE, RENEW, VALIDATE, ALLOW_POSTDATE, POSTDATED } =
    KdcOption;
  for (const kdcOptions of [
    FORWARDABLE,
    FORWARDED,
    PROXIABLE,
    PROXY,
    RENEWABLE,
    RENEW,
    VALIDATE,
    ALLOW_POSTDATE,
    POSTDATED,
  ]) {
    t.same(await refused(realm, tgt, { body: { kdcOptions } }), [
      ErrorCode.KDC_ERR_BADOPTION,
      'option-refused',
    ]);
  }
  for (const kdcOptions of [KdcOption.REQUEST_ANONYMOUS, KdcOption.CNAME_IN_ADDL_TKT]) {
    t.same(await refused(realm, tgt, { body: { kdcOptions } }), [
      ErrorCode.KDC_ERR_BADOPTION,
      'option-refused',
    ]);
  }
  const padata = [{ padataType: 129, padataValue: new Uint8Array(4) }];
  t.same(await refused(realm, tgt, { padata }), [ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP, 's4u-refused']);
  const byCertificate = [{ padataType: 130, padataValue: new Uint8Array(4) }];
  t.same(await refused(realm, tgt, { padata: byCertificate }), [
    ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP,
    's4u-refused',
  ]);

  const home = [{ addrType: 2, address: Uint8Array.of(127, 0, 0, 1) }];
  const away = [{ addrType: 2, address: Uint8Array.of(192, 0, 2, 1) }];
  const bound = await login(realm, 'alice', {
    body: { kdcOptions: EVERYTHING >>> 0, addresses: home, rtime: 0 },
  });
  t.same(openedPart(await getTicket(realm, bound, DEVICE), realm.key(DEVICE, 20)).caddr, home);
  const forwarded = await getTicket(realm, bound, KRBTGT, {
    body: { kdcOptions: (FORWARDED | FORWARDABLE) >>> 0, addresses: away },
  });
  t.ok(forwarded.reply.flags & TicketFlag.FORWARDED);
  t.same(await refused(realm, forwarded), [ErrorCode.KRB_AP_ERR_BADADDR, 'wrong-address']);
  const request = tgsReq(realm.clock, forwarded, { body: { sname: name(DEVICE) } });
  for (const address of ['192.0.2.1', '::ffff:192.0.2.1']) {
    t.equal((await ask(realm, request, { ...ORIGIN, address }))[0], 0x6d, `from ${address}`);
  }
  const v6 = [
    { addrType: 24, address: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) },
  ];
  const six = await getTicket(realm, bound, KRBTGT, { body: { kdcOptions: FORWARDED, addresses: v6 } });
  const fromSix = tgsReq(realm.clock, six, { body: { sname: name(DEVICE) } });
  t.equal((await ask(realm, fromSix, { ...ORIGIN, address: '2001:db8::1' }))[0], 0x6d);
  t.equal((await ask(realm, fromSix, { ...ORIGIN, address: '2001:db8::2' }))[0], 0x7e);
  const workstation = { addrType: 20, address: utf8('WORKSTATION     ') };
  const named = await login(realm, 'alice', { body: { addresses: [workstation] } });
  t.ok(await getTicket(realm, named, DEVICE), 'the name of a workstation binds to nothing');
  const both = await login(realm, 'alice', { body: { addresses: [workstation, ...away] } });
  t.equal((await refused(realm, both))[1], 'wrong-address', 'but addresses beside it do');
  const proxy = await getTicket(realm, bound, DEVICE, { body: { kdcOptions: PROXY } });
  t.ok(proxy.reply.flags & TicketFlag.PROXY);
  t.equal(proxy.reply.caddr, undefined);
  t.same(
    await refused(realm, bound, { body: { kdcOptions: PROXY, sname: name(KRBTGT) } }),
    [ErrorCode.KDC_ERR_BADOPTION, 'option-refused'],
    'a proxy is no way to a ticket-granting ticket for elsewhere, which takes FORWARDABLE',
  );
});

await t.test('renewal goes on until renew-till, validation from the start on', async (t) => {
  const { realm, tgt } = await setUp({
    kdcOptions: EVERYTHING >>> 0,
    till: 1_800_003_600,
    rtime: 1_800_007_000,
  });
  realm.clock.advance(3000);
  const renewed = await getTicket(realm, tgt, KRBTGT, { body: { kdcOptions: KdcOption.RENEW } });
  t.equal(renewed.reply.starttime, realm.clock.seconds);
  t.equal(renewed.reply.endtime, realm.clock.seconds + 3600);
  t.equal(renewed.reply.authtime, tgt.reply.authtime);
  t.notSame(renewed.key.bytes, tgt.key.bytes, 'with a session key of its own');
  realm.clock.advance(3500);
  const last = await getTicket(realm, renewed, KRBTGT, { body: { kdcOptions: KdcOption.RENEW } });
  t.equal(last.reply.endtime, 1_800_007_000, 'not beyond renew-till');
  realm.clock.advance(600);
  t.same(await refused(realm, last, { body: { kdcOptions: KdcOption.RENEW, sname: name(KRBTGT) } }), [
    ErrorCode.KRB_AP_ERR_TKT_EXPIRED,
    'renewal-ended',
  ]);
  t.same(await refused(realm, last, { body: { kdcOptions: (KdcOption.RENEW | KdcOption.VALIDATE) >>> 0 } }), [
    ErrorCode.KDC_ERR_BADOPTION,
    'option-refused',
  ]);

  const from = realm.clock.seconds + 3600;
  const later = await login(realm, 'alice', { body: { kdcOptions: KdcOption.POSTDATED, from } });
  t.same(await refused(realm, later), [ErrorCode.KRB_AP_ERR_TKT_NYV, 'ticket-not-yet-valid']);
  const validate = { body: { kdcOptions: KdcOption.VALIDATE, sname: name(KRBTGT) } };
  t.same(await refused(realm, later, validate), [ErrorCode.KRB_AP_ERR_TKT_NYV, 'ticket-not-yet-valid']);
  realm.clock.advance(3600);
  const valid = await getTicket(realm, later, KRBTGT, validate);
  t.notOk(valid.reply.flags & TicketFlag.INVALID);
  t.ok(await getTicket(realm, valid, DEVICE));

  const { realm: other, tgt: good } = await setUp({ kdcOptions: EVERYTHING >>> 0, rtime: 0 });
  const service = await getTicket(other, good, DEVICE, {
    body: { kdcOptions: KdcOption.RENEWABLE, till: 1_800_000_600, rtime: 0 },
  });
  other.clock.advance(300);
  const again = await getTicket(other, service, DEVICE, { body: { kdcOptions: KdcOption.RENEW } });
  t.equal(
    again.reply.endtime,
    other.clock.seconds + 600,
    'a service ticket renews itself, its four signatures verified',
  );
});

await t.test("user-to-user: the additional ticket must be the other user's own", async (t) => {
  const { realm, tgt } = await setUp();
  const bob = await login(realm, 'bob');
  const u2u = (ticket: Credential['ticket'] | undefined, to = 'bob'): TgsFields => ({
    body: { kdcOptions: KdcOption.ENC_TKT_IN_SKEY, sname: name(to), additionalTickets: ticket && [ticket] },
  });
  const ticket = await getTicket(realm, tgt, 'bob', u2u(bob.ticket));
  t.same(
    openedPart(ticket, bob.key).key.keyvalue,
    ticket.key.bytes,
    "sealed with the session key of bob's ticket",
  );
  t.equal(ticket.ticket.encPart.kvno, undefined);
  t.same(await refused(realm, tgt, u2u(undefined)), [ErrorCode.KDC_ERR_BADOPTION, 'second-ticket-missing']);
  t.same(await refused(realm, tgt, u2u(tgt.ticket)), [
    ErrorCode.KDC_ERR_SERVER_NOMATCH,
    'second-ticket-mismatch',
  ]);
  t.same(
    await refused(realm, tgt, u2u(bob.ticket, DEVICE)),
    [ErrorCode.KDC_ERR_SERVER_NOMATCH, 'second-ticket-mismatch'],
    'CVE-2020-25719',
  );
  const service = await getTicket(realm, bob, DEVICE);
  t.same(await refused(realm, tgt, u2u(service.ticket)), [
    ErrorCode.KDC_ERR_SERVER_NOMATCH,
    'second-ticket-mismatch',
  ]);
  t.same(await refused(realm, tgt, { body: { sname: name('bob') } }), [
    ErrorCode.KDC_ERR_MUST_USE_USER2USER,
    'server-is-user',
  ]);
});

await t.test('a subkey encrypts the reply; one of an unknown or weak etype is refused', async (t) => {
  const { realm, tgt } = await setUp();
  t.ok(await getTicket(realm, tgt, DEVICE, { subkey: nodeCrypto.randomKey(18) }));
  t.equal(realm.lastEvent().replyEtype, 18);
  for (const subkey of [
    new Key(23, new Uint8Array(16)),
    new Key(99, new Uint8Array(8)),
    new Key(20, new Uint8Array(16)),
  ]) {
    t.same(await refused(realm, tgt, { subkey }), [ErrorCode.KDC_ERR_ETYPE_NOSUPP, 'no-common-etype']);
  }
});

await t.test(
  'CVE-2023-39975: authorization data of the client is copied, but never what only a KDC may state',
  async (t) => {
    const { realm, tgt } = await setUp();
    const part = openedPart(tgt, realm.key(KRBTGT, 20));
    const own = {
      adType: 1,
      adData: encode(AuthorizationData, [{ adType: 77, adData: Uint8Array.of(1, 2, 3) }]),
    };
    const seal = (elements: AuthorizationData, usage = 4) => ({
      body: {
        encAuthorizationData: decode(
          EncryptedData,
          encode(EncryptedData, {
            etype: 20,
            cipher: nodeCrypto.encrypt(tgt.key, usage, encode(AuthorizationData, elements)),
          }),
        ),
      },
    });
    const forgedIndicator = {
      adType: 97,
      adData: encode(AuthenticationIndicator, ['realmward:Administrator']),
    };
    const forged = [
      { adType: 1, adData: encode(AuthorizationData, [{ adType: 128, adData: pacOf(part) }]) },
      { adType: 1, adData: encode(AuthorizationData, [{ adType: 96, adData: new Uint8Array(3) }]) },
      forgedIndicator,
      { adType: 4, adData: new Uint8Array(3) },
    ];
    const bob = await login(realm, 'bob');
    const ticket = await getTicket(realm, tgt, DEVICE, seal([own, ...forged]));
    const data = openedPart(ticket, realm.key(DEVICE, 20)).authorizationData ?? [];
    t.same(data.slice(2), [own], "PAC, indicator, and the one element that was the client's to add");
    t.ok(bob);
    const mandatory = seal([{ adType: 8, adData: new Uint8Array(0) }]);
    t.same(await refused(realm, tgt, mandatory), [ErrorCode.KDC_ERR_POLICY, 'authorization-data-refused']);
    t.same(await refused(realm, tgt, seal([own], 5)), [
      ErrorCode.KDC_ERR_POLICY,
      'authorization-data-refused',
    ]);

    const inherited = await getTicket(realm, tgt, KRBTGT, seal([own]));
    const derived = openedPart(await getTicket(realm, inherited, DEVICE), realm.key(DEVICE, 20));
    t.same(derived.authorizationData?.slice(2), [own], 'a ticket hands its restrictions on');
  },
);

await t.test('CVE-2022-37966, CVE-2022-45141: who asks for RC4 first gets nothing of it', async (t) => {
  const { realm, tgt } = await setUp();
  const asked = { body: { etype: [23, 3, 1, 17] } };
  const ticket = await getTicket(realm, tgt, DEVICE, asked);
  t.same(
    [ticket.key.etype, ticket.ticket.encPart.etype],
    [17, 20],
    'session key, and what the ticket is made with',
  );
  t.same(await refused(realm, tgt, { body: { etype: [23] } }), [
    ErrorCode.KDC_ERR_ETYPE_NOSUPP,
    'no-common-etype',
  ]);
  realm.change(DEVICE, { keys: [randomRc4Key(), randomKey(18, 1)] });
  const mixed = await getTicket(realm, tgt, DEVICE, { body: { etype: [23, 18] } });
  t.same([mixed.key.etype, mixed.ticket.encPart.etype], [18, 18], 'although the service has such a key, too');
  realm.change(DEVICE, { keys: [randomRc4Key()] });
  t.equal(
    (await refused(realm, tgt, { body: { etype: [23, 18] } }))[1],
    'no-common-etype',
    'or none but that',
  );
});

function randomRc4Key(): ReturnType<typeof randomKey> {
  return { kvno: 1, key: new Key(23, nodeCrypto.randomBytes(16)), salt: undefined, s2kparams: undefined };
}

/** PA-FOR-USER (MS-SFU section 2.2.1), of which the KDC has no declaration: it refuses all. */
const PaForUser = sequence('PA-FOR-USER', {
  userName: field(0, PrincipalName),
  userRealm: field(1, KerberosString),
  cksum: field(2, Checksum),
  authPackage: field(3, KerberosString),
});

await t.test(
  'CVE-2018-16860, CVE-2025-60704, CVE-2016-3120, CVE-2017-11368, CVE-2018-20217: nobody gets a ticket on behalf of another user',
  async (t) => {
    const { realm, tgt } = await setUp();
    const refusedS4u = [ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP, 's4u-refused'];
    const bob = encode(PrincipalName, name('bob'));
    const forBob = (cksumtype: number, checksum: Uint8Array): PaData => ({
      padataType: 129,
      padataValue: encode(PaForUser, {
        userName: name('bob'),
        userRealm: REALM,
        cksum: { cksumtype, checksum },
        authPackage: 'Kerberos',
      }),
    });
    const keyed = forBob(16, nodeCrypto.checksum(tgt.key, 17, bob));
    // CRC32, MD4, MD5, SHA1 twice, HMAC-MD5, one of another etype: with keyed checksums or without, the answer is the same today.
    const claims = [keyed, ...[1, 2, 7, 10, 14, -138, 15].map((type) => forBob(type, new Uint8Array(16)))];
    const malformed = ['', '00', '3000', '3080', 'ff'].map((hex) => ({
      padataType: 129,
      padataValue: fromHex(hex),
    }));
    const byCertificate = { padataType: 130, padataValue: keyed.padataValue };
    for (const padata of [...claims, ...malformed, byCertificate])
      t.same(await refused(realm, tgt, { padata: [padata] }), refusedS4u, 'S4U2Self');

    const badOption = [ErrorCode.KDC_ERR_BADOPTION, 'option-refused'];
    const service = await getTicket(realm, tgt, DEVICE);
    const anonymous = { body: { kdcOptions: KdcOption.REQUEST_ANONYMOUS }, padata: [keyed] };
    t.same(
      await refused(realm, tgt, anonymous),
      refusedS4u,
      'S4U2Self that asks to be anonymous (CVE-2016-3120)',
    );
    for (const additionalTickets of [undefined, [service.ticket], [tgt.ticket, service.ticket]]) {
      const body = { kdcOptions: KdcOption.CNAME_IN_ADDL_TKT, additionalTickets };
      t.same(await refused(realm, tgt, { body }), badOption, 'S4U2Proxy');
      t.same(
        await refused(realm, tgt, { body, padata: [keyed] }),
        refusedS4u,
        'both at once (CVE-2017-11368)',
      );
    }

    for (const etype of [1, 3, 16, 23]) {
      const older = { ...tgt, ticket: { ...tgt.ticket, encPart: { ...tgt.ticket.encPart, etype } } };
      const [, reason] = await refused(realm, older, { padata: [keyed] });
      t.equal(reason, 'unknown-ticket-key', `with a ticket of etype ${etype} (CVE-2018-20217)`);
    }
    t.notOk(realm.events.some(({ reason }) => reason === 'internal-error'));
    t.ok(await getTicket(realm, tgt, DEVICE), 'without all that the same credential gets its ticket');
  },
);

await t.test('a Join-Realm account gets nothing from the TGS for a device', async (t) => {
  const { realm } = await setUp();
  await realm.addUser('stage', 'x', { right: 'Join-Realm' });
  const tgt = await login(realm, 'stage');
  t.same(await refused(realm, tgt), [ErrorCode.KDC_ERR_POLICY, 'join-only']);
});

await t.test('missing and unknown things give a clean error (CVE-2021-37750)', async (t) => {
  const { realm, tgt } = await setUp();
  t.same(await refused(realm, tgt, { body: { sname: undefined } }), [
    ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN,
    'no-server-name',
  ]);
  t.same(await refused(realm, tgt, { body: { sname: name('host/nowhere') } }), [
    ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN,
    'unknown-server',
  ]);
  t.same(await refused(realm, tgt, { body: { realm: 'TEST' } }), [
    ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN,
    'unknown-server',
  ]);
  const request = decode(TgsReq, tgsReq(realm.clock, tgt));
  const without = [
    encode(TgsReq, { ...request, padata: undefined }),
    encode(TgsReq, { ...request, padata: [] }),
    encode(TgsReq, { ...request, padata: [{ padataType: 1, padataValue: new Uint8Array(0) }] }),
  ];
  t.same(await Promise.all(without.map(async (bytes) => (await askForError(realm, bytes)).errorCode)), [
    ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP,
    ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP,
    ErrorCode.KRB_AP_ERR_MODIFIED,
  ]);
});

await t.test(
  'no bit of a TGS request, changed or cut off, brings the KDC down or gets a ticket',
  async (t) => {
    const { realm, tgt } = await setUp();
    const request = tgsReq(realm.clock, tgt, { body: { sname: name(DEVICE) } });
    let tickets = 0;
    for (let i = 0; i < request.length; i++) {
      const changed = request.slice();
      changed[i] = (changed[i] as number) ^ (1 << (i % 8));
      const reply = await realm.kdc(changed, ORIGIN);
      if (reply?.[0] === 0x6d) tickets++;
      await realm.kdc(request.subarray(0, i), ORIGIN);
    }
    // Name types are hints outside of every checksum: sname and realm of the AP-REQ's ticket, and AP options.
    t.ok(tickets <= 8, `${tickets} requests survived a changed bit`);
    t.same(
      realm.events.filter(({ reason }) => reason === 'internal-error'),
      [],
    );
  },
);

await t.test(
  'sspi-rs (skew on the right side): a ticket that starts within the allowed skew is valid, one that starts later is not',
  async (t) => {
    const { realm, tgt } = await setUp();
    const from = (seconds: number): Credential =>
      reforged(tgt, realm.key(KRBTGT, 20), (part) => ({ ...part, starttime: part.authtime + seconds }));
    t.ok(await getTicket(realm, from(300), DEVICE));
    t.same(await refused(realm, from(301)), [ErrorCode.KRB_AP_ERR_TKT_NYV, 'ticket-not-yet-valid']);
  },
);

await t.test(
  'a forged service ticket is not renewed: its ticket signature is missing or wrong',
  async (t) => {
    const { realm, tgt } = await setUp({ kdcOptions: EVERYTHING >>> 0, rtime: 0 });
    const service = await getTicket(realm, tgt, DEVICE, {
      body: { kdcOptions: KdcOption.RENEWABLE, till: realm.clock.seconds + 600, rtime: 0 },
    });
    // Who holds the device's key can make what it likes of the ticket, but not sign it for the KDC (CVE-2020-17049).
    const forged = reforged(service, realm.key(DEVICE, 20), (part) => ({
      ...part,
      flags: (part.flags | TicketFlag.FORWARDABLE) >>> 0,
    }));
    t.same(await refused(realm, forged, { body: { kdcOptions: KdcOption.RENEW } }), [
      ErrorCode.KDC_ERR_TGT_REVOKED,
      'pac-ticket-signature',
    ]);
  },
);
