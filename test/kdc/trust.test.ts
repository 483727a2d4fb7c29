import t from 'tap';
import { parseSid, withRid } from '../../src/base/sid.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { AdCammac, AdIfRelevant, AuthenticationIndicator } from '../../src/codec/krb5/authorization-data.ts';
import { PaPacRequest } from '../../src/codec/krb5/padata.ts';
import type { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { utf8 } from '../../src/base/bytes.ts';
import type { Key } from '../../src/base/key.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { transitedRealms } from '../../src/kdc/transited.ts';
import { decodeContents } from '../../src/pac/contents.ts';
import { groupSids } from '../../src/pac/logon-info.ts';
import { decodePac } from '../../src/pac/pac.ts';
import { verifyForeignPac } from '../../src/pac/verify.ts';
import type { Trust } from '../../src/realm/trust.ts';
import { ErrorCode } from '../../src/spec/error-codes.ts';
import { KdcOption, TicketFlag } from '../../src/spec/flags.ts';
import {
  AD_REALM,
  AD_SID,
  adTrust,
  foreignTicket,
  type ForeignTicketFields,
} from '../support/foreign-tickets.ts';
import { MemoryRealm, REALM, REALM_SID, trustCrypto } from '../support/memory-realm.ts';
import {
  askForError,
  asReq,
  body,
  type Credential,
  getTicket,
  login,
  name,
  openedPart,
  reforged,
  type TgsFields,
  tgsReq,
} from '../support/requests.ts';

const DEVICE = 'host/device1.realm1.example';
const KRBTGT = `krbtgt/${REALM}`;

async function setUp(fields: Partial<Trust> = {}) {
  const realm = new MemoryRealm();
  await realm.addUser('alice', 'x', { right: 'Viewer' });
  realm.add({ name: DEVICE });
  const trust = adTrust(fields);
  realm.trusts.set(trust.realm, trust);
  return { realm, trust };
}

/** The SIDs in the PAC of a service ticket, and its authentication indicators. */
function insideOf(part: EncTicketPart): {
  sids: readonly string[];
  indicators: readonly string[];
  account: string;
} {
  let sids: readonly string[] = [];
  let indicators: readonly string[] = [];
  let account = '';
  for (const element of part.authorizationData ?? []) {
    for (const { adType, adData } of decode(AdIfRelevant, element.adData)) {
      if (adType === 96) {
        indicators = decode(
          AuthenticationIndicator,
          decode(AdCammac, adData).elements[0]?.adData as Uint8Array,
        );
      } else if (adType === 128) {
        const info = decodeContents(decodePac(adData)).logonInfo;
        if (info !== undefined) sids = groupSids(info);
        account = info?.effectiveName ?? '';
      }
    }
  }
  return { sids, indicators, account };
}

async function rightOf(
  realm: MemoryRealm,
  trust: Trust,
  fields: ForeignTicketFields,
): Promise<string | undefined> {
  const ticket = await getTicket(realm, foreignTicket(realm, trust, fields), DEVICE);
  t.ok(ticket);
  return realm.lastEvent().right;
}

async function refused(realm: MemoryRealm, credential: Credential, fields: TgsFields = {}): Promise<string> {
  await askForError(
    realm,
    tgsReq(realm.clock, credential, { ...fields, body: { sname: name(DEVICE), ...fields.body } }),
  );
  return realm.lastEvent().reason ?? '';
}

await t.test('groups of a trusted AD domain decide the right', async (t) => {
  const { realm, trust } = await setUp();
  const ticket = await getTicket(
    realm,
    foreignTicket(realm, trust, {
      groups: [1107, 1108],
      part: { flags: 0x40a00000 | TicketFlag.OK_AS_DELEGATE },
    }),
    DEVICE,
  );
  const part = openedPart(ticket, realm.key(DEVICE, 20));
  t.equal(part.crealm, AD_REALM);
  const inside = insideOf(part);
  t.same(inside.indicators, ['realmward:Administrator'], 'of several groups the highest right wins');
  t.ok(inside.sids.includes(withRid(REALM_SID, 1001)), 'our SID + RID stands in ExtraSids');
  t.ok(inside.sids.includes(withRid(AD_SID, 1107)), 'beside the groups that were received');
  t.notOk(part.flags & TicketFlag.OK_AS_DELEGATE);
  t.match(realm.lastEvent(), { client: `alice@${AD_REALM}`, right: 'Administrator' });
  t.match(realm.lastEvent().groups, `${AD_SID}-1107`);

  t.equal(await rightOf(realm, trust, { groups: [1108] }), 'Viewer');
  t.equal(await rightOf(realm, trust, { groups: [] }), undefined, 'deny by default');
  t.match(realm.lastEvent().groups, `${AD_SID}-513`, 'and whoever asks is told which groups were received');
  t.equal(
    await rightOf(realm, trust, { groups: [1108, 1109] }),
    'Viewer,Join-Realm',
    'login and join are separate',
  );
  const joiner = foreignTicket(realm, trust, { groups: [1109] });
  t.equal(await refused(realm, joiner), 'join-only', 'Join-Realm alone is no login');
});

await t.test('a group is matched by domain SID and RID, never by RID alone', async (t) => {
  const { realm, trust } = await setUp();
  const other = parseSid('S-1-5-21-9-9-9');
  const extraSids = [other, REALM_SID].flatMap((domain) =>
    [1001, 1107].map((rid) => ({ sid: withRid(domain, rid), attributes: 7 })),
  );
  const credential = foreignTicket(realm, trust, { logonInfo: { extraSids, userFlags: 0x20 } });
  const inside = insideOf(openedPart(await getTicket(realm, credential, DEVICE), realm.key(DEVICE, 20)));
  t.equal(realm.lastEvent().right, undefined, 'a right of ours in a foreign PAC is worth nothing');
  t.notOk(
    inside.sids.some((sid) => sid.startsWith(REALM_SID) || sid.startsWith(other)),
    'and is not passed on',
  );
});

await t.test('report-only grants nothing and logs what it would', async (t) => {
  const { realm, trust } = await setUp({ reportOnly: true });
  t.equal(await rightOf(realm, trust, { groups: [1107] }), undefined);
  t.equal(realm.lastEvent().wouldGrant, 'Administrator');
  t.equal(await rightOf(realm, trust, {}), undefined);
  t.equal(realm.lastEvent().wouldGrant, 'none');
});

await t.test(
  'keep mode takes the rights that another realmward realm states, from that realm alone',
  async (t) => {
    const { realm, trust } = await setUp({ kind: 'realmward', mode: 'keep', rights: [] });
    t.equal(await rightOf(realm, trust, { groups: [1002] }), 'Viewer');
    t.equal(await rightOf(realm, trust, { groups: [1001] }), 'Administrator');
    t.equal(await rightOf(realm, trust, { groups: [1107] }), undefined);
  },
);

await t.test('the secret before the current one still opens, kvno absent or foreign', async (t) => {
  const { realm, trust } = await setUp();
  const before = trust.inboundKeys;
  const fresh = { kvno: 2, key: nodeCrypto.randomKey(18), salt: undefined, s2kparams: undefined };
  const rotated = { ...trust, inboundKeys: [fresh, ...before] };
  realm.trusts.set(trust.realm, rotated);
  for (const kvno of [undefined, 1, 2, 77]) {
    for (const { key } of rotated.inboundKeys) {
      const credential = foreignTicket(realm, rotated, {
        key,
        groups: [1107],
        ...(kvno === undefined ? {} : { kvno }),
      });
      t.ok(await getTicket(realm, credential, DEVICE), `kvno ${kvno}, etype ${key.etype}`);
    }
  }
  realm.trusts.set(trust.realm, { ...rotated, inboundKeys: [fresh] });
  t.equal(
    await refused(realm, foreignTicket(realm, trust, { key: before[0]?.key as never })),
    'trust-secret',
  );
  t.equal(
    await refused(realm, foreignTicket(realm, trust, { key: nodeCrypto.randomKey(20) })),
    'trust-etype',
  );
});

await t.test('RC4 is for the ticket of a trust that names it, and for nothing else', async (t) => {
  const rc4 = { kvno: 1, key: trustCrypto.randomKey(23), salt: undefined, s2kparams: undefined };
  const { realm, trust } = await setUp({ inboundKeys: [rc4], outboundKeys: [rc4] });

  await t.test('a user comes with a ticket, and a PAC signature, of RC4', async (t) => {
    const credential = foreignTicket(realm, trust, { groups: [1107] });
    t.equal(credential.ticket.encPart.etype, 23);
    const ticket = await getTicket(realm, credential, DEVICE);
    t.equal(realm.lastEvent().right, 'Administrator');
    t.match(ticket.ticket.encPart.etype, 20, 'what we issue has nothing of it');
    t.equal(ticket.key.etype, 20);
    const flip = (bytes: Uint8Array) => bytes.map((octet, i) => (i === 200 ? octet ^ 1 : octet));
    t.equal(await refused(realm, foreignTicket(realm, trust, { pac: flip })), 'pac-server-signature');
    const other = trustCrypto.randomKey(23);
    t.equal(await refused(realm, foreignTicket(realm, trust, { key: other })), 'trust-secret');
  });

  await t.test('but not with a session key of it', async (t) => {
    const ticket = foreignTicket(realm, trust, { session: 23 });
    const error = await askForError(
      realm,
      tgsReq(realm.clock, { ...ticket, key: nodeCrypto.randomKey(18) }, { body: { sname: name(DEVICE) } }),
    );
    t.equal(error.errorCode, ErrorCode.KDC_ERR_ETYPE_NOSUPP);
    t.equal(realm.lastEvent().reason, 'trust-session-key');
  });

  await t.test('ours go there with a ticket and PAC signatures of it, and an AES session key', async (t) => {
    const referral = await getTicket(realm, await login(realm, 'alice'), `krbtgt/${AD_REALM}`, {
      body: { etype: [23, 20, 18] },
    });
    t.equal(referral.ticket.encPart.etype, 23);
    t.equal(referral.key.etype, 18, 'aes-sha1 is what any domain controller has');
    const part = openedPart(referral, rc4.key, trustCrypto);
    const [pac] = decode(AdIfRelevant, part.authorizationData?.[0]?.adData as Uint8Array);
    t.type(verifyForeignPac(trustCrypto, pac?.adData as Uint8Array, rc4.key), 'object');
    const signature = decodePac(pac?.adData as Uint8Array).buffers.find(({ type }) => type === 6);
    // -138 in little-endian.
    t.same([...(signature?.data ?? [])].slice(0, 4), [0x76, 0xff, 0xff, 0xff]);
    t.equal(
      await refused(realm, await login(realm, 'alice'), {
        body: { sname: name(`krbtgt/${AD_REALM}`), etype: [23] },
      }),
      'no-common-etype',
    );
  });

  await t.test('nor does RC4 open anything but a ticket of that trust', async (t) => {
    const forged = foreignTicket(realm, trust, {});
    const { ticket } = forged;
    for (const [sname, issuer] of [
      [KRBTGT, REALM],
      [DEVICE, REALM],
    ] as const) {
      const asOurs = { ...forged, ticket: { ...ticket, realm: issuer, sname: name(sname) } };
      t.equal(await refused(realm, asOurs), 'unknown-ticket-key', `as ${sname}@${issuer}`);
    }
    // Not even where a principal's record holds such a key.
    realm.change(DEVICE, { keys: [{ ...rc4, kvno: 1 }] });
    t.equal(await refused(realm, await login(realm, 'alice')), 'no-common-etype');
    const other = adTrust({ realm: 'B.EXAMPLE', domains: ['b.example'] });
    realm.trusts.set(other.realm, other);
    t.equal(await refused(realm, foreignTicket(realm, other, { key: rc4.key })), 'trust-etype');
  });
});

await t.test(
  'a changed rights map takes effect at the next ticket, also for a ticket that is remembered',
  async (t) => {
    const { realm, trust } = await setUp();
    const credential = foreignTicket(realm, trust, { groups: [1107] });
    await getTicket(realm, credential, DEVICE);
    t.equal(realm.lastEvent().right, 'Administrator');
    realm.trusts.set(trust.realm, { ...trust, rights: [] });
    await getTicket(realm, credential, DEVICE);
    t.equal(realm.lastEvent().right, undefined);
    realm.trusts.delete(trust.realm);
    t.equal(await refused(realm, credential), 'not-our-ticket');
  },
);

await t.test('forged and foreign PACs: each is refused with its own reason (CVE-2026-11861)', async (t) => {
  const { realm, trust } = await setUp();
  const reasonFor = async (fields: ForeignTicketFields): Promise<string> =>
    await refused(realm, foreignTicket(realm, trust, fields));
  t.equal(await reasonFor({ pac: () => undefined }), 'foreign-pac-missing');
  t.equal(await reasonFor({ domain: parseSid('S-1-5-21-7-7-7') }), 'pac-domain-sid');
  t.equal(await reasonFor({ domain: REALM_SID }), 'pac-own-domain');
  t.equal(await reasonFor({ netbios: 'OTHER' }), 'pac-domain-name');
  t.equal(await reasonFor({ logonInfo: { effectiveName: 'administrator' } }), 'pac-account-name');
  t.equal(await reasonFor({ logonInfo: { userId: 500 } }), 'pac-sid');
  t.equal(
    await reasonFor({
      logonInfo: {
        resourceGroupDomainSid: REALM_SID,
        resourceGroupIds: [{ rid: 1001, attributes: 7 }],
        userFlags: 0x200,
      },
    }),
    'pac-own-resource-groups',
  );
  const renamed = foreignTicket(realm, trust, { part: { cname: name('administrator') } });
  t.equal(await refused(realm, renamed), 'pac-client-name');
  const flip = (at: number) => (bytes: Uint8Array) => bytes.map((octet, i) => (i === at ? octet ^ 1 : octet));
  t.equal(await reasonFor({ pac: flip(200) }), 'pac-server-signature');
  t.equal(await reasonFor({ pac: (bytes) => bytes.subarray(0, 64) }), 'pac-malformed');
  t.equal(await reasonFor({ key: nodeCrypto.randomKey(18) }), 'trust-secret');
  t.equal(await reasonFor({ key: trust.outboundKeys[0]?.key as never }), 'trust-wrong-side');
  t.equal(await reasonFor({ part: { endtime: realm.clock.seconds - 301 } }), 'ticket-expired');
  t.equal(await reasonFor({ part: { crealm: REALM } }), 'foreign-claims-own-client');
  t.equal(await reasonFor({ part: { crealm: 'EVIL.EXAMPLE' } }), 'path-not-accepted');
});

await t.test('a user who came before is looked at as closely as the first time', async (t) => {
  const { realm, trust } = await setUp();
  t.equal(await rightOf(realm, trust, { groups: [1107] }), 'Administrator');
  t.equal(await rightOf(realm, trust, { groups: [1107] }), 'Administrator');
  t.equal(await rightOf(realm, trust, { groups: [1108] }), 'Viewer', 'a group was taken away');
  const flip = (bytes: Uint8Array) => bytes.map((octet, i) => (i === 200 ? octet ^ 1 : octet));
  t.equal(
    await refused(realm, foreignTicket(realm, trust, { groups: [1108], pac: flip })),
    'pac-server-signature',
  );
  const now = realm.clock.seconds;
  const stale = foreignTicket(realm, trust, { groups: [1108], part: { authtime: now } });
  realm.clock.advance(60);
  const part = openedPart(stale, trust.inboundKeys[0]?.key as never);
  const replayed = foreignTicket(realm, trust, {
    part: { authorizationData: part.authorizationData, authtime: now + 60 },
  });
  t.equal(await refused(realm, replayed), 'pac-client-time', 'the PAC of another login');
  const later = await getTicket(realm, foreignTicket(realm, trust, { groups: [1108] }), DEVICE);
  const [element] = openedPart(later, realm.key(DEVICE, 20)).authorizationData ?? [];
  const [pac] = decode(AdIfRelevant, element?.adData as Uint8Array);
  const contents = decodeContents(decodePac(pac?.adData as Uint8Array));
  t.equal(
    contents.logonInfo?.logonTime,
    contents.clientInfo?.authTime,
    'and its PAC has the time of this login',
  );
  realm.trusts.set(trust.realm, { ...trust, rights: [] });
  t.equal(await rightOf(realm, trust, { groups: [1108] }), undefined, 'and the map as it is now');
});

await t.test('the direction of a trust holds', async (t) => {
  const { realm, trust } = await setUp({ direction: 'outbound' });
  t.equal(await refused(realm, foreignTicket(realm, trust)), 'trust-one-way');
  const { realm: other } = await setUp({ direction: 'inbound' });
  const tgt = await login(other, 'alice');
  t.equal(await refused(other, tgt, { body: { sname: name(`krbtgt/${AD_REALM}`) } }), 'unknown-server');
});

await t.test('our users get a ticket-granting ticket for the other realm, as AD demands it', async (t) => {
  const { realm, trust } = await setUp();
  const tgt = await login(realm, 'alice');
  const referral = await getTicket(realm, tgt, `krbtgt/${AD_REALM}`);
  const key = trust.outboundKeys[0]?.key as never;
  const part = openedPart(referral, key);
  t.equal(referral.ticket.encPart.etype, 18);
  t.equal(referral.key.etype, 18, 'the session key follows the trust');
  t.equal(part.authorizationData?.length, 1, 'no indicator goes abroad');
  const [pac] = decode(AdIfRelevant, part.authorizationData?.[0]?.adData as Uint8Array);
  t.type(verifyForeignPac(nodeCrypto, pac?.adData as Uint8Array, key), 'object', 'signed with the trust key');
  const types = decodePac(pac?.adData as Uint8Array).buffers.map(({ type }) => type);
  t.same(
    types.toSorted((a, b) => a - b),
    [1, 6, 7, 10, 12, 17, 18],
    'neither ticket nor full signature',
  );

  const canonicalize = { body: { kdcOptions: KdcOption.CANONICALIZE } };
  const byHost = await getTicket(realm, tgt, 'HTTP/web.ad.example.test', canonicalize);
  t.same(
    byHost.ticket.sname.nameString,
    ['krbtgt', AD_REALM],
    'a host under the suffix of a trust is referred',
  );
  t.same(byHost.reply.sname.nameString, ['krbtgt', AD_REALM]);
  t.match(realm.lastEvent(), { server: `HTTP/web.ad.example.test@${REALM}`, referredTo: AD_REALM });
  await getTicket(realm, tgt, `krbtgt/${AD_REALM}`, canonicalize);
  t.equal(realm.lastEvent().referredTo, undefined, 'who asks for the way itself is not referred');
  t.equal(await refused(realm, tgt, { body: { sname: name('HTTP/web.ad.example.test') } }), 'unknown-server');
  t.equal(
    await refused(realm, tgt, { body: { sname: name('HTTP/badad.example.test'), ...canonicalize.body } }),
    'unknown-server',
  );
});

await t.test('for an hour after a new secret, tickets for AD are made with the one before it', async (t) => {
  const { realm, trust } = await setUp();
  const tgt = await login(realm, 'alice');
  const old = trust.outboundKeys;
  const fresh = [18, 17].map((etype) => ({
    kvno: 2,
    key: nodeCrypto.randomKey(etype),
    salt: undefined,
    s2kparams: undefined,
    created: realm.clock.seconds,
  }));
  const usesNew = async (change: Partial<Trust> = {}): Promise<boolean> => {
    realm.trusts.set(trust.realm, { ...trust, outboundKeys: [...fresh, ...old], ...change });
    const { ticket } = await getTicket(realm, tgt, `krbtgt/${AD_REALM}`);
    const opens = (key: Key): boolean => {
      try {
        nodeCrypto.decrypt(key, 2, ticket.encPart.cipher);
        return true;
      } catch {
        return false;
      }
    };
    const [current, previous] = [fresh[0], old[0]].map((one) => opens(one?.key as Key));
    t.not(current, previous);
    return current === true;
  };
  t.equal(await usesNew(), false);
  t.equal(await usesNew({ kind: 'realmward' }), true, 'others take both');
  t.equal(await usesNew({ outboundKeys: fresh }), true, 'where there is one before it');
  realm.clock.advance(3599);
  t.equal(await usesNew(), false);
  realm.clock.advance(1);
  t.equal(await usesNew(), true, 'nothing is restarted for that');
});

await t.test('an enterprise name of a trusted realm is referred there', async (t) => {
  const { realm } = await setUp();
  for (const text of ['bob@ad.example.test', 'bob@AD.EXAMPLE.TEST', 'carol@corp.example']) {
    const cname = { nameType: 10, nameString: [text] };
    const error = await askForError(
      realm,
      asReq(body(realm.clock, { cname, kdcOptions: KdcOption.CANONICALIZE })),
    );
    t.equal(error.errorCode, ErrorCode.KDC_ERR_WRONG_REALM);
    t.equal(error.crealm, AD_REALM);
  }
  const cname = { nameType: 10, nameString: ['bob@nowhere.example'] };
  const error = await askForError(realm, asReq(body(realm.clock, { cname })));
  t.equal(
    error.errorCode,
    ErrorCode.KDC_ERR_PREAUTH_REQUIRED,
    'a suffix that nobody has is an unknown client',
  );
});

await t.test('a realm in another letter case is told its name, ours and one that we trust', async (t) => {
  const { realm } = await setUp();
  for (const [asked, told] of [
    [REALM.toLowerCase(), REALM],
    [AD_REALM.toLowerCase(), AD_REALM],
    [AD_REALM, AD_REALM],
    ['NOWHERE.EXAMPLE', undefined],
  ] as const) {
    const error = await askForError(realm, asReq(body(realm.clock, { cname: name('alice'), realm: asked })));
    t.equal(error.errorCode, ErrorCode.KDC_ERR_WRONG_REALM);
    t.equal(error.crealm, told, asked);
    t.equal(realm.lastEvent().reason, 'wrong-realm');
  }
});

await t.test('a chain of realms: the path is checked and written on', async (t) => {
  const { realm, trust } = await setUp({
    realm: 'B.EXAMPLE',
    kind: 'mit',
    domainSids: [],
    rights: [],
    transits: ['A.EXAMPLE', 'X.EXAMPLE'],
  });
  const comes = (crealm: string, via = ''): Credential =>
    foreignTicket(realm, trust, {
      pac: () => undefined,
      part: { crealm, transited: { trType: 1, contents: utf8(via) } },
    });
  const pathOf = async (credential: Credential): Promise<string[]> =>
    transitedRealms(openedPart(await getTicket(realm, credential, DEVICE), realm.key(DEVICE, 20)).transited);
  t.same(await pathOf(comes('B.EXAMPLE')), [], 'straight from the trusted realm');
  t.same(await pathOf(comes('A.EXAMPLE')), ['B.EXAMPLE'], 'the realm that issued the ticket is added');
  t.same(await pathOf(comes('A.EXAMPLE', 'X.EXAMPLE')), ['X.EXAMPLE', 'B.EXAMPLE']);
  t.equal(realm.lastEvent().right, undefined, 'an MIT realm never gives a right');
  t.equal(await refused(realm, comes('C.EXAMPLE')), 'path-not-accepted');
  t.equal(await refused(realm, comes('A.EXAMPLE', 'EVIL.EXAMPLE')), 'path-not-accepted');
  t.equal(await refused(realm, comes('A.EXAMPLE', ',')), 'path-not-accepted');
  const ticket = await getTicket(realm, comes('A.EXAMPLE'), DEVICE);
  t.equal(
    openedPart(ticket, realm.key(DEVICE, 20)).authorizationData,
    undefined,
    'without SID there is no PAC',
  );

  const forwarded = await getTicket(realm, comes('A.EXAMPLE'), KRBTGT);
  t.same(
    await pathOf(forwarded),
    ['B.EXAMPLE'],
    'a ticket-granting ticket of ours for a foreign user goes on working',
  );
  realm.trusts.delete('B.EXAMPLE');
  t.equal(await refused(realm, forwarded), 'foreign-client', 'until the trust ends');
});

await t.test(
  'heimdal#656, heimdal#1276: flags of a trusted realm neither replace the check of the path nor go on to our tickets',
  async (t) => {
    const { realm, trust } = await setUp({
      realm: 'B.EXAMPLE',
      kind: 'mit',
      domainSids: [],
      rights: [],
      transits: ['A.EXAMPLE'],
    });
    const { OK_AS_DELEGATE, PRE_AUTHENT, TRANSITED_POLICY_CHECKED } = TicketFlag;
    const comes = (crealm: string, via: string, flags: number): Credential =>
      foreignTicket(realm, trust, {
        pac: () => undefined,
        part: { crealm, transited: { trType: 1, contents: utf8(via) }, flags: PRE_AUTHENT | flags },
      });
    for (const flags of [
      0,
      TRANSITED_POLICY_CHECKED,
      OK_AS_DELEGATE,
      TRANSITED_POLICY_CHECKED | OK_AS_DELEGATE,
    ]) {
      for (const kdcOptions of [0, KdcOption.DISABLE_TRANSITED_CHECK]) {
        const asked = { body: { kdcOptions } };
        const what = `flags ${flags.toString(16)}, options ${kdcOptions.toString(16)}`;
        t.equal(await refused(realm, comes('C.EXAMPLE', '', flags), asked), 'path-not-accepted', what);
        t.equal(
          await refused(realm, comes('A.EXAMPLE', 'EVIL.EXAMPLE', flags), asked),
          'path-not-accepted',
          what,
        );
        const ticket = await getTicket(realm, comes('A.EXAMPLE', '', flags), DEVICE, asked);
        const part = openedPart(ticket, realm.key(DEVICE, 20));
        t.equal(
          part.flags,
          PRE_AUTHENT | TRANSITED_POLICY_CHECKED,
          `what we say after our own check: ${what}`,
        );
        t.equal(ticket.reply.flags, part.flags, 'and to the client');
        const onward = await getTicket(realm, comes('A.EXAMPLE', '', flags), KRBTGT, asked);
        t.notOk(openedPart(onward, realm.key(KRBTGT, 20)).flags & OK_AS_DELEGATE, 'nor do our own');
      }
    }
  },
);

await t.test('who came over a trust goes on over another only where both lead on', async (t) => {
  const { realm, trust } = await setUp();
  const other = adTrust({
    realm: 'B.EXAMPLE',
    netbios: 'B',
    domains: ['b.example'],
    domainSids: [parseSid('S-1-5-21-5-5-5')],
  });
  const onward = async (from: boolean, to: boolean, fields: TgsFields): Promise<string> => {
    const inbound = { ...trust, transitive: from };
    realm.trusts.set(inbound.realm, inbound);
    realm.trusts.set(other.realm, { ...other, transitive: to });
    return refused(realm, foreignTicket(realm, inbound, { groups: [1107] }), fields);
  };
  const byName = { body: { sname: name('krbtgt/B.EXAMPLE') } };
  const byHost = { body: { sname: name('HTTP/web.b.example'), kdcOptions: KdcOption.CANONICALIZE } };
  for (const fields of [byName, byHost]) {
    t.equal(await onward(false, false, fields), 'trust-not-transitive');
    t.equal(await onward(true, false, fields), 'trust-not-transitive');
    t.equal(await onward(false, true, fields), 'trust-not-transitive');
  }
  realm.trusts.set(trust.realm, { ...trust, transitive: true });
  const first = foreignTicket(realm, trust, { groups: [1107] });
  t.ok(await getTicket(realm, first, 'krbtgt/B.EXAMPLE'));
  const ours = await getTicket(realm, first, KRBTGT);
  t.ok(await getTicket(realm, ours, 'krbtgt/B.EXAMPLE'), 'also from a ticket of ours');
  realm.trusts.set(trust.realm, trust);
  t.equal(await refused(realm, ours, byName), 'trust-not-transitive');
  t.ok(await getTicket(realm, await login(realm, 'alice'), 'krbtgt/B.EXAMPLE'), 'our own users always go');
});

await t.test(
  'the right of a foreign user goes on to another realmward realm, and to no other kind',
  async (t) => {
    const { realm, trust } = await setUp({ transitive: true });
    const partner = parseSid('S-1-5-21-5-5-5');
    const fields = { realm: 'B.EXAMPLE', netbios: 'B', domains: ['b.example'], domainSids: [partner] };
    const other = adTrust({ ...fields, transitive: true });
    const sidsAbroad = async (kind: Trust['kind'], groups: readonly number[]): Promise<readonly string[]> => {
      realm.trusts.set(other.realm, { ...other, kind });
      const ticket = await getTicket(realm, foreignTicket(realm, trust, { groups }), 'krbtgt/B.EXAMPLE');
      const part = openedPart(ticket, other.outboundKeys[0]?.key as never);
      t.same(insideOf(part).indicators, [], 'no indicator goes abroad');
      return insideOf(part).sids;
    };
    const ours = (rid: number) => withRid(REALM_SID, rid);
    t.ok((await sidsAbroad('realmward', [1107])).includes(ours(1001)));
    t.ok(
      (await sidsAbroad('realmward', [1107])).includes(withRid(AD_SID, 1107)),
      'beside the groups of its own domain',
    );
    t.same(
      (await sidsAbroad('realmward', [1108])).filter((sid) => sid.startsWith(REALM_SID)),
      [ours(1002)],
    );
    for (const [kind, groups] of [
      ['realmward', []],
      ['ad', [1107]],
    ] as const)
      t.same(
        (await sidsAbroad(kind, groups)).filter((sid) => sid.startsWith(REALM_SID)),
        [],
        kind,
      );
  },
);

await t.test(
  'a ticket of ours for a foreign user stays with the trust over which the user came',
  async (t) => {
    const { realm, trust: near } = await setUp({ realm: 'C.EXAMPLE' });
    const root = parseSid('S-1-5-21-5-5-5');
    const fields = { realm: 'B.EXAMPLE', netbios: undefined, transits: ['C.EXAMPLE'], rights: [] };
    const far = adTrust({ ...fields, domainSids: [root, AD_SID] });
    realm.trusts.set(far.realm, far);
    const comes = (trust: Trust, via = ''): Credential =>
      foreignTicket(realm, trust, {
        groups: [1107],
        domain: AD_SID,
        netbios: 'ADEX',
        part: { crealm: 'C.EXAMPLE', transited: { trType: 1, contents: utf8(via) } },
      });
    const rightLater = async (credential: Credential): Promise<string | undefined> => {
      const ours = await getTicket(realm, credential, KRBTGT);
      await getTicket(realm, ours, DEVICE);
      return realm.lastEvent().right;
    };
    t.equal(await rightLater(comes(near)), 'Administrator', 'straight from its own realm');
    t.equal(await rightLater(comes(far)), undefined, 'over another trust, which grants nothing');
    realm.trusts.set(near.realm, { ...near, rights: [], transits: ['B.EXAMPLE'] });
    realm.trusts.set(far.realm, { ...far, rights: near.rights });
    t.equal(
      await rightLater(comes(near, 'B.EXAMPLE')),
      undefined,
      'a realm does not choose the trust by its path',
    );
    t.equal(await rightLater(comes(far)), 'Administrator');
    const ours = await getTicket(realm, comes(far), KRBTGT);
    realm.trusts.set(near.realm, { ...near, direction: 'outbound' });
    t.ok(await getTicket(realm, ours, DEVICE), 'the trust with its own realm is of no concern');
    realm.trusts.set(far.realm, { ...far, transits: [] });
    t.equal(await refused(realm, ours), 'foreign-client', 'a realm that is no longer behind that trust');
  },
);

await t.test("authorization data of an MIT realm's ticket is handed on, or the ticket refused", async (t) => {
  const { realm, trust } = await setUp({ realm: 'B.EXAMPLE', kind: 'mit', domainSids: [], rights: [] });
  const holds = (...authorizationData: EncTicketPart['authorizationData'] & object): Credential =>
    foreignTicket(realm, trust, { pac: () => undefined, part: { authorizationData } });
  const own = { adType: 77, adData: Uint8Array.of(1, 2, 3) };
  const restricted = await getTicket(realm, holds(own), KRBTGT);
  const ticket = await getTicket(realm, restricted, DEVICE);
  t.same(openedPart(ticket, realm.key(DEVICE, 20)).authorizationData, [own], 'also where it stands alone');
  const mandatory = { adType: 8, adData: new Uint8Array(0) };
  t.equal(await refused(realm, holds(mandatory)), 'authorization-data-refused');
  const forged = { adType: 97, adData: encode(AuthenticationIndicator, ['realmward:Administrator']) };
  const plain = await getTicket(realm, holds(forged), DEVICE);
  t.equal(
    openedPart(plain, realm.key(DEVICE, 20)).authorizationData,
    undefined,
    'but not what only we may state',
  );
});

await t.test(
  'a ticket of ours for a foreign user is as issued however and whenever that user has logged in',
  async (t) => {
    const { realm, trust } = await setUp();
    const authtime = realm.clock.seconds - 6 * 86_400;
    const renewTill = realm.clock.seconds + 30 * 86_400;
    const flags = TicketFlag.RENEWABLE;
    const credential = foreignTicket(realm, trust, {
      part: { authtime, starttime: realm.clock.seconds, renewTill, flags },
    });
    const longAgo = foreignTicket(realm, trust, {
      part: { authtime: authtime - 30 * 86_400, starttime: realm.clock.seconds, renewTill, flags },
    });
    for (const one of [credential, longAgo]) {
      const ours = await getTicket(realm, one, KRBTGT, {
        body: { kdcOptions: KdcOption.RENEWABLE, rtime: 0 },
      });
      t.ok(await getTicket(realm, ours, DEVICE), 'neither preauthenticated nor fresh');
    }
  },
);

await t.test("no ticket of a foreign user can be renewed here, whatever its own realm's can", async (t) => {
  const { realm, trust } = await setUp();
  const renewTill = realm.clock.seconds + 7 * 86_400;
  const credential = foreignTicket(realm, trust, { part: { renewTill, flags: TicketFlag.RENEWABLE } });
  const till = realm.clock.seconds + 30 * 86_400;
  for (const service of [KRBTGT, DEVICE]) {
    for (const kdcOptions of [KdcOption.RENEWABLE, KdcOption.RENEWABLE_OK]) {
      const ticket = await getTicket(realm, credential, service, { body: { kdcOptions, rtime: 0, till } });
      t.equal(ticket.reply.renewTill, undefined, service);
      t.notOk(ticket.reply.flags & TicketFlag.RENEWABLE);
      t.equal(ticket.reply.endtime, realm.clock.seconds + 36_000, 'it ends with the ticket that was shown');
      t.equal(
        await refused(realm, ticket, { body: { sname: name(service), kdcOptions: KdcOption.RENEW } }),
        'option-refused',
      );
    }
  }
  const ours = await getTicket(realm, credential, KRBTGT);
  const renewable = reforged(ours, realm.key(KRBTGT, 20), (part) => ({ ...part, renewTill }));
  t.equal(await refused(realm, renewable), 'ticket-not-as-issued');
});

const pacRequest = (includePac: boolean) => ({
  padataType: 128,
  padataValue: encode(PaPacRequest, { includePac }),
});

await t.test('a PAC goes on saying whether its client has asked for it', async (t) => {
  const { realm, trust } = await setUp();
  const attributes = (ticket: Credential, key: Key): number | undefined => {
    const [element] = openedPart(ticket, key).authorizationData ?? [];
    const [pac] = decode(AdIfRelevant, element?.adData as Uint8Array);
    return decodeContents(decodePac(pac?.adData as Uint8Array)).attributes;
  };
  const krbtgt = realm.key(KRBTGT, 20);
  for (const wanted of [0, 1, 2]) {
    const own = await login(realm, 'alice', { padata: wanted === 2 ? [] : [pacRequest(wanted === 1)] });
    t.equal(attributes(own, krbtgt), wanted);
    const forwarded = await getTicket(realm, own, KRBTGT);
    t.equal(attributes(forwarded, krbtgt), wanted, 'in a ticket-granting ticket made with it');
    const abroad = await getTicket(realm, forwarded, `krbtgt/${AD_REALM}`);
    t.equal(attributes(abroad, trust.outboundKeys[0]?.key as Key), wanted);
  }
  const visitor = foreignTicket(realm, trust, { groups: [1107] });
  t.equal(attributes(await getTicket(realm, visitor, KRBTGT), krbtgt), 2, 'and as AD says it');
});

await t.test('DOMAIN-X500-COMPRESS is read as RFC 4120 section 3.3.3.2 has it', (t) => {
  const read = (text: string): string[] => transitedRealms({ trType: 1, contents: utf8(text) });
  t.same(read('EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.'), [
    'EDU',
    'MIT.EDU',
    'ATHENA.MIT.EDU',
    'WASHINGTON.EDU',
    'CS.WASHINGTON.EDU',
  ]);
  t.same(read('/COM/HP,/APOLLO, /COM/DEC'), ['/COM/HP', '/COM/HP/APOLLO', '/COM/DEC']);
  t.same(read('a\\,b,c\\\\d'), ['a,b', 'c\\d']);
  t.end();
});

await t.test(
  "a foreign user's forwarded ticket keeps its groups, and its right follows the map",
  async (t) => {
    const { realm, trust } = await setUp();
    const credential = foreignTicket(realm, trust, {
      groups: [1107],
      part: { flags: 0x60a00000 | TicketFlag.FORWARDABLE },
    });
    const forwarded = await getTicket(realm, credential, KRBTGT, {
      body: { kdcOptions: KdcOption.FORWARDED },
    });
    const inside = insideOf(openedPart(await getTicket(realm, forwarded, DEVICE), realm.key(DEVICE, 20)));
    t.same(inside.indicators, ['realmward:Administrator']);
    t.equal(inside.sids.filter((sid) => sid === `${REALM_SID}-1001`).length, 1);
  },
);
