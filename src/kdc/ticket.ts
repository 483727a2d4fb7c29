import type { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import { encode } from '../codec/der/type.ts';
import { AuthorizationData, type HostAddress, type PrincipalName } from '../codec/krb5/basic.ts';
import { EncTicketPart, type Ticket } from '../codec/krb5/ticket.ts';
import { AdType } from '../spec/ad-types.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { TransitedType } from '../spec/transited-types.ts';
import { type Account, accountOf } from './account.ts';
import { indicatorOf } from './indicator.ts';
import type { Lifetime } from './lifetimes.ts';
import { PAC_PLACEHOLDER, servicePac, tgtPac } from './pac.ts';
import type { KdcRealm } from './realm.ts';
import { type NamedClient, refuse } from './refusal.ts';

/** What came of a request that was granted. */
export interface Issued {
  readonly reply: Uint8Array;
  readonly client: NamedClient;
  readonly ticketEtype: number;
  readonly sessionEtype: number;
  readonly replyEtype: number;
  readonly right: string | undefined;
}

/** Everything that makes a new ticket. */
export interface NewTicket {
  readonly sname: PrincipalName;
  readonly server: Account;
  /** Key to seal the ticket with instead of the server's own: the session key of its ticket-granting ticket (user-to-user). */
  readonly sealWith: Key | undefined;
  readonly client: Account;
  readonly cname: PrincipalName;
  readonly crealm: string;
  readonly flags: number;
  readonly sessionEtype: number;
  readonly authtime: Seconds;
  readonly lifetime: Lifetime;
  readonly caddr: readonly HostAddress[] | undefined;
  /** Authorization data that the client asked for or brought along. */
  readonly inherited: AuthorizationData | undefined;
  /** Flags of ATTRIBUTES_INFO in the PAC of a ticket-granting ticket. */
  readonly pacAttributes: number;
}

/** A ticket as it goes into the reply, with what the reply's own part needs. */
export interface SealedTicket {
  readonly ticket: Ticket;
  readonly sessionKey: Key;
  readonly flags: number;
  readonly right: string | undefined;
}

/** LastReq "MUST" be there (RFC 4120 section 5.4.2); lr-type 0 conveys no information. */
export const NEVER_USED = [{ lrType: 0, lrValue: 0 }];

const NO_TRANSIT = { trType: TransitedType.DOMAIN_X500_COMPRESS, contents: new Uint8Array(0) };

/** Makes the ticket: session key, PAC with its signatures, authentication indicator, encryption (RFC 4120 section 3.1.3). */
export function sealTicket(realm: KdcRealm, wanted: NewTicket): SealedTicket {
  const own = wanted.server.keys[0];
  const key = wanted.sealWith ?? own?.key;
  if (key === undefined) refuse('server-without-keys');
  const krbtgt = krbtgtKey(realm);
  const sessionKey = realm.crypto.randomKey(wanted.sessionEtype);
  const { lifetime } = wanted;
  const bare = {
    flags: wanted.flags,
    key: { keytype: wanted.sessionEtype, keyvalue: sessionKey.bytes },
    crealm: wanted.crealm,
    cname: wanted.cname,
    transited: NO_TRANSIT,
    authtime: wanted.authtime,
    starttime: lifetime.starttime,
    endtime: lifetime.endtime,
    renewTill: lifetime.renewTill,
    caddr: wanted.caddr,
  };

  const forKdc = wanted.server.principal.kind === 'realm';
  const right = wanted.client.principal.right;
  const inherited = wanted.inherited ?? [];
  let authorizationData: AuthorizationData;
  if (forKdc) {
    authorizationData = [pacElement(tgtPac(realm, wanted, krbtgt.key, key)), ...inherited];
  } else {
    const others =
      right === undefined ? inherited : [indicatorOf(realm, right, bare, key, krbtgt), ...inherited];
    // MS-PAC 2.8.3: the ticket signature is made "of the encoded ticket with the PAC's data replaced by a single zero byte".
    const unsigned = encode(EncTicketPart, { ...bare, authorizationData: [PLACEHOLDER_ELEMENT, ...others] });
    authorizationData = [pacElement(servicePac(realm, wanted, krbtgt.key, key, unsigned)), ...others];
  }
  const part = encode(EncTicketPart, { ...bare, authorizationData });
  return {
    ticket: {
      tktVno: 5,
      realm: realm.realm,
      sname: wanted.sname,
      encPart: {
        etype: key.etype,
        kvno: wanted.sealWith === undefined ? own?.kvno : undefined,
        cipher: realm.crypto.encrypt(key, KeyUsage.TICKET, part),
      },
    },
    sessionKey,
    flags: wanted.flags,
    right: forKdc ? undefined : right,
  };
}

/** The realm's current key for ticket-granting tickets, with which it signs every PAC. */
export function krbtgtKey(realm: KdcRealm): { readonly key: Key; readonly kvno: number } {
  const principal = realm.directory.get(realm.krbtgtName);
  const key = principal === undefined ? undefined : accountOf(realm, principal).keys[0];
  if (key === undefined)
    throw new Error(`${realm.krbtgtName} has no key of an etype that policy.etypes allows`);
  return key;
}

/** A PAC goes into an AD-IF-RELEVANT of its own (MS-PAC 2.1), before everything else. */
function pacElement(pac: Uint8Array): AuthorizationData[number] {
  return {
    adType: AdType.IF_RELEVANT,
    adData: encode(AuthorizationData, [{ adType: AdType.WIN2K_PAC, adData: pac }]),
  };
}

const PLACEHOLDER_ELEMENT = pacElement(PAC_PLACEHOLDER);
