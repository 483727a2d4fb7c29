import type { Seconds } from '../base/ports.ts';
import type { Sid } from '../base/sid.ts';
import { NameType } from '../spec/name-types.ts';
import type { PacContents } from './contents.ts';
import { fromFiletime } from './filetime.ts';
import { accountSid } from './logon-info.ts';
import { sameName } from './names.ts';
import type { PacReason } from './reason.ts';

/** What the ticket says about its client. */
export interface TicketClient {
  /** Components of cname joined by `/`, nothing escaped: the form that CLIENT_INFO has. */
  readonly cname: string;
  readonly nameType: number;
  readonly crealm: string;
  readonly authTime: Seconds;
  /** Whether the ticket is a ticket-granting ticket: those must name the account that asked for them (REQUESTER_SID). */
  readonly isTgt: boolean;
  /** The account's SID, where it is known: it is for users of our own realm. */
  readonly sid?: Sid | undefined;
}

/**
 * Whether a PAC speaks of its ticket's client, and of nobody else; each disagreement has its reason, and `undefined` is agreement.
 *
 * CLIENT_INFO has the ticket's cname and authtime. The cname is LOGON_INFO's EffectiveName or, as an enterprise name, the UPN; the UPN may
 * differ from the account's name. UPN_DNS_INFO has EffectiveName as account name and the client's realm as domain. LOGON_INFO, UPN_DNS_INFO
 * and REQUESTER_SID have one SID. Names compare without regard to case.
 *
 * A name is never enough: whoever may choose names in the other realm (a UPN, a machine account without its `$`) could be anyone. What
 * rights follow from is the SID, which this check makes one.
 */
export function checkPacConsistency(contents: PacContents, client: TicketClient): PacReason | undefined {
  const { logonInfo, clientInfo, upnDnsInfo, requesterSid } = contents;
  if (logonInfo === undefined) return 'pac-no-logon-info';
  if (clientInfo === undefined) return 'pac-no-client-info';
  if (requesterSid === undefined && client.isTgt) return 'pac-no-requester-sid';

  if (!sameName(clientInfo.name, client.cname)) return 'pac-client-name';
  if (fromFiletime(clientInfo.authTime) !== client.authTime) return 'pac-client-time';
  const isUpn =
    client.nameType === NameType.ENTERPRISE &&
    upnDnsInfo !== undefined &&
    sameName(client.cname, upnDnsInfo.upn);
  if (!isUpn && !sameName(client.cname, logonInfo.effectiveName)) return 'pac-account-name';

  const sid = accountSid(logonInfo);
  if (client.sid !== undefined && sid !== client.sid) return 'pac-sid';
  if (requesterSid !== undefined && requesterSid !== sid) return 'pac-sid';
  if (upnDnsInfo !== undefined) {
    if (!sameName(upnDnsInfo.dnsDomainName, client.crealm)) return 'pac-realm';
    const { account } = upnDnsInfo;
    if (account !== undefined && account.sid !== sid) return 'pac-sid';
    if (account !== undefined && !sameName(account.samName, logonInfo.effectiveName)) return 'pac-sam-name';
  }
  return undefined;
}
