import type { Sid } from '../base/sid.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import { type FilteredPac, grantRight } from '../pac/foreign.ts';
import type { PacIdentity } from '../pac/template.ts';
import type { UpnDnsInfo } from '../pac/upn-dns-info.ts';
import type { Right } from '../realm/right.ts';
import { type GrantedRights, grantRights, NO_RIGHTS, type Trust } from '../realm/trust.ts';
import { RightRid } from '../spec/right-rids.ts';
import type { ServiceTemplate, TgtTemplate } from '../pac/template.ts';

/** A user of a trusted realm, as its verified and filtered PAC tells; of an MIT realm only its name is known. */
export interface ForeignUser {
  readonly trust: Trust;
  /** The realm that the user belongs to: the trusted one, or one behind it. */
  readonly crealm: string;
  /** Groups that count, for the log and for whoever asks why there is no right. */
  readonly groups: readonly Sid[];
  /** What the groups give; `rights` is what is granted, nothing for a trust that is report-only. */
  readonly found: GrantedRights;
  readonly rights: readonly Right[];
  /** What PACs say of the user: to realms that know nothing of our rights, and where these stand beside: for our services, and realmward realms. */
  readonly abroad: PacIdentity | undefined;
  readonly here: PacIdentity | undefined;
  /** PAC templates by what they are for: see `pac.ts`. */
  readonly tgtPacs: Map<number, TgtTemplate>;
  readonly servicePacs: Map<number, ServiceTemplate>;
}

/** The user of a ticket that came through `trust`; `pac` is `undefined` for MIT realms. */
export function foreignUser(
  trust: Trust,
  ownSid: Sid,
  part: EncTicketPart,
  pac: { readonly filtered: FilteredPac; readonly upnDnsInfo: UpnDnsInfo | undefined } | undefined,
): ForeignUser {
  const found = pac === undefined ? NO_RIGHTS : grantRights(trust, pac.filtered.groups);
  const rights: Right[] = [];
  if (!trust.reportOnly) {
    if (found.login !== undefined) rights.push(found.login);
    if (found.join) rights.push('Join-Realm');
  }
  const abroad: PacIdentity | undefined = pac && {
    logonInfo: pac.filtered.logonInfo,
    clientName: part.cname.nameString.join('/'),
    upnDnsInfo: pac.upnDnsInfo,
    timedByTicket: true,
  };
  return {
    trust,
    crealm: part.crealm,
    groups: pac?.filtered.groups ?? [],
    found,
    rights,
    abroad,
    here: abroad && {
      ...abroad,
      logonInfo: rights.reduce((info, right) => grantRight(info, ownSid, RightRid[right]), abroad.logonInfo),
    },
    tgtPacs: new Map(),
    servicePacs: new Map(),
  };
}

/** Whether the user may join devices and nothing else. */
export function isJoinOnly(rights: readonly Right[]): boolean {
  return rights.length === 1 && rights[0] === 'Join-Realm';
}
