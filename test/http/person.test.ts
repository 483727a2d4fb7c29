/** Who a service ticket speaks for: rights come from a PAC that our KDC has signed, and from nothing else. */
import t from 'tap';
import type { Key } from '../../src/base/key.ts';
import { withRid } from '../../src/base/sid.ts';
import { encode } from '../../src/codec/der/type.ts';
import { encodeWithoutPac, findPac } from '../../src/codec/krb5/find-pac.ts';
import { AdIfRelevant } from '../../src/codec/krb5/authorization-data.ts';
import { AuthorizationData } from '../../src/codec/krb5/basic.ts';
import type { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { personOf } from '../../src/http/person.ts';
import { TicketError, type TicketReason } from '../../src/http/ticket-error.ts';
import { ownIdentity } from '../../src/pac/own-account.ts';
import { grantRight } from '../../src/pac/foreign.ts';
import { issueServicePac, type PacIdentity, prepareServicePac } from '../../src/pac/template.ts';
import { RIGHTS } from '../../src/realm/right.ts';
import { AD_REALM, AD_SID, adTrust, foreignTicket } from '../support/foreign-tickets.ts';
import { MemoryRealm, REALM, REALM_SID } from '../support/memory-realm.ts';
import { type Credential, getTicket, login, name, openedPart } from '../support/requests.ts';

const DEVICE = 'host/device1.realm1.example';
const WEB = 'HTTP/realm1.example';

const realm = new MemoryRealm();
realm.add({ name: DEVICE });
realm.add({ name: WEB, kind: 'realm' });
await realm.addUser('alice', 'x', { right: 'Administrator' });
await realm.addUser('vera', 'x', { right: 'Viewer' });
await realm.addUser('stage', 'x', { right: 'Join-Realm' });
await realm.addUser('nobody', 'x');
const trust = adTrust();
realm.trusts.set(trust.realm, trust);

const serverKey = realm.key(DEVICE, 20);
const kdcKeys = realm.principals.get(`krbtgt/${REALM}`)?.keys.map(({ key }) => key) ?? [];
const options = { realm: REALM, sid: REALM_SID, crypto: nodeCrypto, serverKey, kdcKeys };
const webOptions = { ...options, serverKey: realm.key(WEB, 20) };

async function ticketOf(tgt: Credential, service = DEVICE): Promise<EncTicketPart> {
  return openedPart(await getTicket(realm, tgt, service), realm.key(service, 20));
}

const own = async (user: string, service = DEVICE) => ticketOf(await login(realm, user), service);
const foreign = async (groups: readonly number[], service = DEVICE) =>
  ticketOf(foreignTicket(realm, trust, { user: 'carol', groups }), service);

function reasonOf(part: EncTicketPart, more: Partial<typeof options> = {}): TicketReason | undefined {
  try {
    personOf(part, { ...options, ...more });
    return undefined;
  } catch (error) {
    if (error instanceof TicketError) return error.code;
    throw error;
  }
}

await t.test('an account of ours has the right that our KDC wrote among its groups', async (t) => {
  const expected = {
    alice: { login: 'Administrator', join: false },
    vera: { login: 'Viewer', join: false },
    nobody: { login: undefined, join: false },
  };
  for (const [user, rights] of Object.entries(expected)) {
    const person = personOf(await own(user), options);
    t.match(person, { realm: REALM, name: user });
    t.strictSame(person.rights, rights, user);
  }
  t.ok(personOf(await own('vera'), options).groups.includes(withRid(REALM_SID, 1002)));
});

await t.test(
  "the realm's own web server learns the rights, too, of join-only accounts as well",
  async (t) => {
    t.strictSame(personOf(await own('alice', WEB), webOptions).rights, {
      login: 'Administrator',
      join: false,
    });
    t.strictSame(personOf(await own('stage', WEB), webOptions).rights, { login: undefined, join: true });
    const rights = { 1107: { login: 'Administrator', join: false }, 1109: { login: undefined, join: true } };
    for (const [rid, expected] of Object.entries(rights))
      t.strictSame(personOf(await foreign([Number(rid)], WEB), webOptions).rights, expected);
  },
);

await t.test(
  'a user of a trusted realm has the rights that our KDC added to the SIDs of its groups',
  async (t) => {
    const person = personOf(await foreign([1108, 1109]), options);
    t.match(person, { realm: AD_REALM, name: 'carol', rights: { login: 'Viewer', join: true } });
    t.ok(person.groups.includes(withRid(AD_SID, 1108)), 'the groups are told, too');
    t.equal(personOf(await foreign([1107, 1108]), options).rights.login, 'Administrator', 'the highest wins');
  },
);

await t.test('a group of the other domain with the number of a right of ours is no right', async (t) => {
  const { rights } = personOf(await foreign([1001, 1002, 1003]), options);
  t.strictSame(rights, { login: undefined, join: false });
});

await t.test('a user of an MIT realm has neither groups nor rights', async (t) => {
  const other = new MemoryRealm();
  other.add({ name: DEVICE });
  const mit = adTrust({ kind: 'mit', domainSids: [], rights: [] });
  other.trusts.set(mit.realm, mit);
  const credential = await getTicket(other, foreignTicket(other, mit, { user: 'carol' }), DEVICE);
  const person = personOf(openedPart(credential, other.key(DEVICE, 20)), {
    ...options,
    serverKey: other.key(DEVICE, 20),
    kdcKeys: other.principals.get(`krbtgt/${REALM}`)?.keys.map(({ key }) => key) ?? [],
  });
  t.strictSame(person, {
    realm: AD_REALM,
    name: 'carol',
    rights: { login: undefined, join: false },
    groups: [],
  });
});

await t.test('an enterprise name and another letter case are the same person', async (t) => {
  const enterprise = name(`vera\\@${REALM.toLowerCase()}`, 10);
  const part = await ticketOf(await login(realm, 'vera', { body: { cname: enterprise } }));
  t.strictSame(
    part.cname.nameString,
    [`vera@${REALM.toLowerCase()}`],
    'the ticket has the name that was typed',
  );
  t.match(personOf(part, options), { name: 'vera', rights: { login: 'Viewer' } });
  const shouting = await ticketOf(
    foreignTicket(realm, trust, { user: 'carol', groups: [1108], part: { cname: name('CAROL') } }),
  );
  t.equal(personOf(shouting, options).name, 'carol');
});

/** A ticket as somebody would make it who has these keys and no others. */
function forged(
  part: EncTicketPart,
  identity: PacIdentity,
  keys: { readonly serverKey: Key; readonly kdcKey: Key },
): EncTicketPart {
  const template = prepareServicePac(identity, { server: keys.serverKey.etype, kdc: keys.kdcKey.etype });
  const withPac = (adData: Uint8Array): EncTicketPart => ({
    ...part,
    authorizationData: [{ adType: 1, adData: encode(AuthorizationData, [{ adType: 128, adData }]) }],
  });
  const ticketBytes = encodeWithoutPac(withPac(new Uint8Array(1)));
  return withPac(issueServicePac(nodeCrypto, template, { authTime: part.authtime, ticketBytes, ...keys }));
}

function identity(user: string, rightRid: number | undefined): PacIdentity {
  return ownIdentity(
    { realm: REALM, netbios: 'REALM1', sid: REALM_SID },
    { name: user, rid: 2999, rightRid, passwordChanged: 0, passwordExpires: undefined, expires: undefined },
  );
}

await t.test(
  'CVE-2020-17049, CVE-2022-37967: whoever has the key of a service alone forges no right',
  async (t) => {
    const part = await own('nobody');
    const kdcKey = kdcKeys[0] as Key;
    const admin = identity('nobody', 1001);
    t.equal(
      personOf(forged(part, admin, { serverKey, kdcKey }), options).rights.login,
      'Administrator',
      'our KDC may',
    );
    t.equal(reasonOf(forged(part, admin, { serverKey, kdcKey: serverKey })), 'pac-kdc-signature');
    t.equal(
      reasonOf(forged(part, admin, { serverKey, kdcKey: nodeCrypto.randomKey(18) })),
      'pac-kdc-signature',
    );
    t.equal(
      reasonOf(forged(part, admin, { serverKey: nodeCrypto.randomKey(20), kdcKey })),
      'pac-server-signature',
    );
    // The ticket around a genuine PAC is covered as well: its flags, here.
    t.equal(reasonOf({ ...(await own('vera')), flags: 0x4000_0000 }), 'pac-ticket-signature');
  },
);

await t.test(
  'CVE-2020-25717, CVE-2021-42278: a name is no account, and a PAC of another account is refused',
  async (t) => {
    const vera = await own('vera');
    t.equal(reasonOf({ ...vera, cname: name('alice') }), 'pac-ticket-signature');
    const kdcKey = kdcKeys[0] as Key;
    const keys = { serverKey, kdcKey };
    t.equal(
      reasonOf(forged({ ...vera, cname: name('alice') }, identity('vera', 1002), keys)),
      'pac-client-name',
    );
    t.equal(reasonOf({ ...vera, authorizationData: undefined }), 'pac-missing');
    const ad = ownIdentity(
      { realm: REALM, netbios: 'REALM1', sid: AD_SID },
      {
        name: 'vera',
        rid: 2999,
        rightRid: 1001,
        passwordChanged: 0,
        passwordExpires: undefined,
        expires: undefined,
      },
    );
    t.equal(reasonOf(forged(vera, ad, keys)), 'pac-foreign-account', 'an account of ours has our SID');
    const abroad = { ...vera, crealm: AD_REALM };
    const claimed = ownIdentity(
      { realm: AD_REALM, netbios: 'REALM1', sid: REALM_SID },
      {
        name: 'vera',
        rid: 2999,
        rightRid: 1001,
        passwordChanged: 0,
        passwordExpires: undefined,
        expires: undefined,
      },
    );
    t.equal(reasonOf(forged(abroad, claimed, keys)), 'pac-own-account', 'and one of another realm has not');
  },
);

await t.test('each kind of account has its rights in one place', async (t) => {
  const keys = { serverKey, kdcKey: kdcKeys[0] as Key };
  const vera = await own('vera');
  const plain = identity('vera', undefined);
  for (const right of RIGHTS) {
    const rid = { Administrator: 1001, Viewer: 1002, 'Join-Realm': 1003 }[right];
    const extra = { ...plain, logonInfo: grantRight(plain.logonInfo, REALM_SID, rid) };
    t.strictSame(
      personOf(forged(vera, extra, keys), options).rights,
      { login: undefined, join: false },
      `an account of ours has ${right} not as an extra SID`,
    );
  }
  const denied = {
    ...plain,
    logonInfo: { ...plain.logonInfo, groupIds: [{ rid: 1001, attributes: 0x10 }] },
  };
  t.equal(personOf(forged(vera, denied, keys), options).rights.login, undefined, 'a group for denials only');
});

await t.test(
  'CVE-2022-42898: a malformed PAC is an error with a code, whatever is wrong with it',
  async (t) => {
    const part = await own('vera');
    const pac = findPac(part.authorizationData) as Uint8Array;
    const replaced = (adData: Uint8Array): EncTicketPart => ({
      ...part,
      authorizationData: part.authorizationData?.map((element, i) =>
        i === 0 ? { adType: 1, adData: encode(AdIfRelevant, [{ adType: 128, adData }]) } : element,
      ),
    });
    t.equal(reasonOf(replaced(pac)), undefined, 'unchanged it is right');
    for (let length = 0; length < pac.length; length += 7)
      t.match(reasonOf(replaced(pac.slice(0, length))), /^pac-/, `cut to ${length}`);
    for (let at = 0; at < pac.length; at += 5) {
      const changed = pac.slice();
      changed[at] = (changed[at] as number) ^ 0x41;
      t.match(reasonOf(replaced(changed)), /^pac-/, `byte ${at}`);
    }
    t.equal(
      reasonOf({ ...part, authorizationData: [{ adType: 1, adData: Uint8Array.of(0x30, 0x05) }] }),
      'pac-malformed',
    );
  },
);
