/** Ticket-granting tickets as a trusted realm issues them, made by hand so that each part of them can be wrong. */
import { Key } from '../../src/base/key.ts';
import { parseSid, type Sid } from '../../src/base/sid.ts';
import { encode } from '../../src/codec/der/type.ts';
import { AuthorizationData } from '../../src/codec/krb5/basic.ts';
import { EncTicketPart } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { LogonInfo } from '../../src/pac/logon-info.ts';
import { ownIdentity } from '../../src/pac/own-account.ts';
import { issueTgtPac, prepareTgtPac } from '../../src/pac/template.ts';
import type { Trust } from '../../src/realm/trust.ts';
import { type MemoryRealm, REALM, trustCrypto } from './memory-realm.ts';
import { type Credential, name } from './requests.ts';

export const AD_REALM = 'AD.EXAMPLE.TEST';
export const AD_SID = parseSid('S-1-5-21-1000000001-2000000002-3000000003');

/** A trust with an AD realm, both ways, whose keys are random. */
export function adTrust(fields: Partial<Trust> = {}): Trust {
  const keys = [18, 17].map((etype) => ({
    kvno: 1,
    key: nodeCrypto.randomKey(etype),
    salt: undefined,
    s2kparams: undefined,
  }));
  return {
    realm: AD_REALM,
    netbios: 'ADEX',
    kind: 'ad',
    domainSids: [AD_SID],
    direction: 'both',
    transits: [],
    transitive: false,
    domains: ['ad.example.test', 'corp.example'],
    mode: 'groups',
    reportOnly: false,
    rights: [
      { sid: parseSid(`${AD_SID}-1107`), right: 'Administrator' },
      { sid: parseSid(`${AD_SID}-1108`), right: 'Viewer' },
      { sid: parseSid(`${AD_SID}-1109`), right: 'Join-Realm' },
    ],
    attempts: { maxFailures: 3, window: 1800 },
    inboundKeys: keys,
    outboundKeys: keys.map(({ kvno, key }) => ({
      kvno,
      key: nodeCrypto.randomKey(key.etype),
      salt: undefined,
      s2kparams: undefined,
    })),
    ...fields,
  };
}

export interface ForeignTicketFields {
  readonly user?: string;
  /** RIDs of groups in the foreign domain. */
  readonly groups?: readonly number[];
  readonly logonInfo?: Partial<LogonInfo>;
  readonly part?: Partial<EncTicketPart>;
  /** Changes the signed PAC's bytes; `undefined` leaves the PAC out. */
  readonly pac?: (bytes: Uint8Array) => Uint8Array | undefined;
  readonly key?: Key;
  /** Etype of the session key; default aes256-sha1. */
  readonly session?: number;
  readonly kvno?: number;
  readonly domain?: Sid;
  readonly netbios?: string;
}

/** A referral ticket `krbtgt/REALM1@AD` for a user of that realm, with its session key. */
export function foreignTicket(
  realm: MemoryRealm,
  trust: Trust,
  fields: ForeignTicketFields = {},
): Credential {
  const user = fields.user ?? 'alice';
  const key = fields.key ?? trust.inboundKeys[0]?.key;
  if (key === undefined) throw new Error('the trust has no key');
  const crealm = fields.part?.crealm ?? trust.realm;
  const authtime = fields.part?.authtime ?? realm.clock.seconds;
  const session = trustCrypto.randomKey(fields.session ?? 18);
  const own = ownIdentity(
    {
      realm: crealm,
      netbios: fields.netbios ?? trust.netbios ?? 'X',
      sid: fields.domain ?? trust.domainSids[0] ?? AD_SID,
    },
    {
      name: user,
      rid: 1103,
      rightRid: undefined,
      passwordChanged: 1_700_000_000,
      passwordExpires: undefined,
      expires: undefined,
    },
  );
  const groupIds = [513, ...(fields.groups ?? [])].map((rid) => ({ rid, attributes: 7 }));
  const logonInfo = { ...own.logonInfo, groupIds, ...fields.logonInfo };
  const template = prepareTgtPac({ ...own, timedByTicket: false, logonInfo }, { server: key.etype, kdc: 18 });
  const signed = issueTgtPac(trustCrypto, template, {
    authTime: authtime,
    attributes: 2,
    serverKey: key,
    // AD signs with its own krbtgt key, which nobody here has.
    kdcKey: nodeCrypto.randomKey(18),
  });
  const pac = fields.pac === undefined ? signed : fields.pac(signed);
  const inner = pac && encode(AuthorizationData, [{ adType: 128, adData: pac }]);
  const part: EncTicketPart = {
    flags: 0x40a00000 | 0,
    key: { keytype: session.etype, keyvalue: session.bytes },
    crealm,
    cname: name(user),
    transited: { trType: 1, contents: new Uint8Array(0) },
    authtime,
    endtime: realm.clock.seconds + 36_000,
    authorizationData: inner && [{ adType: 1, adData: inner }],
    ...fields.part,
  };
  const cipher = trustCrypto.encrypt(key, 2, encode(EncTicketPart, { ...part, flags: part.flags >>> 0 }));
  return {
    ticket: {
      tktVno: 5,
      realm: trust.realm,
      sname: name(`krbtgt/${REALM}`),
      encPart: { etype: key.etype, kvno: fields.kvno, cipher },
    },
    key: session,
    cname: part.cname,
    crealm,
    reply: undefined as never,
  };
}
