import type { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import { encode } from '../codec/der/type.ts';
import { AuthorizationData, type HostAddress, type PrincipalName } from '../codec/krb5/basic.ts';
import { PAC_PLACEHOLDER } from '../codec/krb5/find-pac.ts';
import { withAuthorizationData } from '../codec/krb5/extend-ticket.ts';
import { EncTicketPart, type Ticket } from '../codec/krb5/ticket.ts';
import type { Right } from '../realm/right.ts';
import { AdType } from '../spec/ad-types.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { indicatorOf } from './indicator.ts';
import type { Lifetime } from './lifetimes.ts';
import { servicePac, tgtPac } from './pac.ts';
import type { KdcRealm } from './realm.ts';
import type { NamedClient } from './refusal.ts';
import type { TicketClient } from './steps/ticket-client.ts';
import { type TicketTarget, ticketKeys } from './target.ts';
import type { Transited } from './transited.ts';

/** What came of a request that was granted. */
export interface Issued {
  readonly reply: Uint8Array;
  readonly client: NamedClient;
  readonly ticketEtype: number;
  readonly sessionEtype: number;
  readonly replyEtype: number;
  /** Rights that stand in the ticket. */
  readonly rights: readonly Right[];
  /** Whom the ticket speaks for, for the log. */
  readonly subject: TicketClient;
  /** The realm whose ticket-granting ticket was given in place of the service's ticket. */
  readonly referredTo: string | undefined;
}

/** Everything that makes a new ticket. */
export interface NewTicket {
  readonly target: TicketTarget;
  /** Key to seal the ticket with instead of the target's own: the session key of its ticket-granting ticket (user-to-user). */
  readonly sealWith: Key | undefined;
  readonly client: TicketClient;
  readonly cname: PrincipalName;
  readonly crealm: string;
  readonly flags: number;
  readonly sessionEtype: number;
  readonly transited: Transited;
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
  readonly rights: readonly Right[];
}

/** LastReq "MUST" be there (RFC 4120 section 5.4.2); lr-type 0 conveys no information. */
export const NEVER_USED = [{ lrType: 0, lrValue: 0 }];

const NONE: readonly Right[] = [];

/** Makes the ticket: session key, PAC with its signatures, authentication indicator, encryption (RFC 4120 section 3.1.3). */
export function sealTicket(realm: KdcRealm, wanted: NewTicket): SealedTicket {
  const keys = ticketKeys(realm, wanted.target, wanted.sealWith);
  const sessionKey = realm.crypto.randomKey(wanted.sessionEtype);
  const { lifetime } = wanted;
  const bare = encode(EncTicketPart, {
    flags: wanted.flags,
    key: { keytype: wanted.sessionEtype, keyvalue: sessionKey.bytes },
    crealm: wanted.crealm,
    cname: wanted.cname,
    transited: wanted.transited,
    authtime: wanted.authtime,
    // "If this field is absent, its value is treated as being equal to that of authtime" (section 5.3); replies should be small.
    starttime: lifetime.starttime === wanted.authtime ? undefined : lifetime.starttime,
    endtime: lifetime.endtime,
    renewTill: lifetime.renewTill,
    caddr: wanted.caddr,
    authorizationData: undefined,
  });

  const inherited = wanted.inherited ?? [];
  const rights = keys.forKdc ? NONE : rightsOf(wanted.client);
  let authorizationData: AuthorizationData;
  if (!hasPac(wanted.client)) {
    authorizationData = inherited;
  } else if (keys.forKdc) {
    authorizationData = [pacElement(tgtPac(realm, wanted, keys)), ...inherited];
  } else {
    const others =
      rights.length === 0 ? inherited : [indicatorOf(realm, rights, bare, keys.key, keys.kdc), ...inherited];
    // MS-PAC 2.8.3: the ticket signature is made "of the encoded ticket with the PAC's data replaced by a single zero byte".
    const unsigned = withAuthorizationData(bare, [PLACEHOLDER_ELEMENT, ...others]);
    authorizationData = [pacElement(servicePac(realm, wanted, keys.kdc.key, keys.key, unsigned)), ...others];
  }
  const part = authorizationData.length === 0 ? bare : withAuthorizationData(bare, authorizationData);
  return {
    ticket: {
      tktVno: 5,
      realm: realm.realm,
      sname: wanted.target.sname,
      encPart: {
        etype: keys.key.etype,
        kvno: keys.kvno,
        cipher: keys.crypto.encrypt(keys.key, KeyUsage.TICKET, part),
      },
    },
    sessionKey,
    rights,
  };
}

/** The rights of a ticket's client. */
export function rightsOf(client: TicketClient): readonly Right[] {
  if (client.foreign !== undefined) return client.foreign.rights;
  const { right } = client.account.principal;
  return right === undefined ? NONE : SINGLE[right];
}

const SINGLE: Record<Right, readonly Right[]> = {
  Administrator: ['Administrator'],
  Viewer: ['Viewer'],
  'Join-Realm': ['Join-Realm'],
};

/** Only of users of MIT realms nothing but the name is known: they have no SID, and so no PAC. */
function hasPac(client: TicketClient): boolean {
  return client.foreign === undefined || client.foreign.abroad !== undefined;
}

/** A PAC goes into an AD-IF-RELEVANT of its own (MS-PAC 2.1), before everything else. */
function pacElement(pac: Uint8Array): AuthorizationData[number] {
  return {
    adType: AdType.IF_RELEVANT,
    adData: encode(AuthorizationData, [{ adType: AdType.WIN2K_PAC, adData: pac }]),
  };
}

const PLACEHOLDER_ELEMENT = pacElement(PAC_PLACEHOLDER);
