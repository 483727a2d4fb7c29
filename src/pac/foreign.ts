import type { Sid } from '../base/sid.ts';
import { splitRid, withRid } from '../base/sid.ts';
import type { PacContents } from './contents.ts';
import type { LogonInfo, SidAndAttributes } from './logon-info.ts';
import { ORDINARY_GROUP, UserFlag, groupSids, ridSid } from './logon-info.ts';
import { sameName } from './names.ts';
import type { PacReason } from './reason.ts';

/** A domain whose accounts a trust lets in. */
export interface TrustedDomain {
  /** Pinned: nothing else identifies the domain. */
  readonly sid: Sid;
  /** Its NETBIOS name; `undefined` where the configuration has none (child domains). */
  readonly netbios: string | undefined;
}

/** What a trust allows the PACs of its users to say. */
export interface ForeignPacPolicy {
  readonly ownSid: Sid;
  readonly domains: readonly TrustedDomain[];
}

/** Why a SID was taken out. */
export type DropReason =
  /** It belongs to our own realm: only we say who has our rights. */
  | 'own-domain'
  /** It belongs to a domain that the trust does not name (SID history, a third domain, or a forgery). */
  | 'other-domain'
  /** S-1-5-32-…: groups of the machine that reads the PAC, such as its administrators. */
  | 'builtin'
  /** Any other: what a logon is (S-1-5-…), everyone (S-1-1-0), creator placeholders (S-1-3-…), integrity labels (S-1-16-…), and so on. */
  | 'well-known';

export interface DroppedSid {
  readonly sid: Sid;
  readonly why: DropReason;
}

/** A foreign PAC after the filter. */
export interface FilteredPac {
  readonly logonInfo: LogonInfo;
  /** Groups that count, of the trust's domains and S-1-18-…: what rights may be derived from. */
  readonly groups: readonly Sid[];
  /** What was taken out, in the PAC's order. */
  readonly dropped: readonly DroppedSid[];
}

/**
 * The two identities that a KDC asserts about how the client authenticated (MS-DTYP 2.4.2.4): by itself, or by a service that speaks for it.
 * They are about no domain, give no access to anything by themselves, and each KDC is meant to pass them on.
 */
const ASSERTED_IDENTITIES: ReadonlySet<string> = new Set(['S-1-18-1', 'S-1-18-2']);

const BUILTIN = 'S-1-5-32';
const DOMAIN_PREFIX = 'S-1-5-21-';

/** S-1-5-21-0-0-0-R: not a domain's, but compounded authentication (496) and claims valid (497). */
const NO_DOMAIN = 'S-1-5-21-0-0-0';

/**
 * Takes out of a foreign PAC every SID that the trust's other side has no say in, so that it may be signed anew by us (MS-PAC 4.1.2.2). Call it
 * after the server signature and `checkPacConsistency`.
 *
 * Refused whole: an account of our own realm or of a domain that the trust does not name, a known domain under another NETBIOS name, resource
 * groups of ours. Such a PAC is not an honest one with a few SIDs too many.
 *
 * What stays is a closed list: SIDs of the pinned domains, and S-1-18-1 and S-1-18-2. MS-PAC goes the other way round and lists, for each kind of
 * trust, what is taken out. Whoever reads our tickets knows the pinned domains and our own realm only, so nothing is lost by the shorter
 * rule, and no SID is forgotten: groups of the machine that reads the PAC, whatever a well-known SID stands for, SID history.
 */
export function filterForeignPac(contents: PacContents, policy: ForeignPacPolicy): FilteredPac | PacReason {
  const info = contents.logonInfo;
  if (info === undefined) return 'pac-no-logon-info';
  if (info.logonDomainId === policy.ownSid) return 'pac-own-domain';
  const domain = policy.domains.find(({ sid }) => sid === info.logonDomainId);
  if (domain === undefined) return 'pac-domain-sid';
  if (domain.netbios !== undefined && !sameName(domain.netbios, info.logonDomainName))
    return 'pac-domain-name';
  if (info.resourceGroupDomainSid === policy.ownSid) return 'pac-own-resource-groups';

  const dropped: DroppedSid[] = [];
  const extraSids: SidAndAttributes[] = [];
  for (const extra of info.extraSids) {
    const why = dropReason(extra.sid, policy);
    if (why === undefined) extraSids.push(extra);
    else dropped.push({ sid: extra.sid, why });
  }
  const resourceDomain = info.resourceGroupDomainSid;
  const keepsResources = resourceDomain !== undefined && isTrusted(resourceDomain, policy);
  if (resourceDomain !== undefined && !keepsResources) {
    for (const { rid } of info.resourceGroupIds) {
      const sid = ridSid(resourceDomain, rid);
      dropped.push({ sid, why: dropReason(sid, policy) ?? 'other-domain' });
    }
  }
  const logonInfo: LogonInfo = {
    ...info,
    extraSids,
    resourceGroupDomainSid: keepsResources ? resourceDomain : undefined,
    resourceGroupIds: keepsResources ? info.resourceGroupIds : [],
    // Encoding sets them again by what is left.
    userFlags: (info.userFlags & ~(UserFlag.EXTRA_SIDS | UserFlag.RESOURCE_GROUPS)) >>> 0,
    // What changes with each login says nothing here: when it was is in the ticket (`timedByTicket`), the counters are that domain's own.
    logonTime: 0n,
    logonCount: 0,
    badPasswordCount: 0,
    // Zero in Kerberos; never to be passed on where it is not.
    userSessionKey: new Uint8Array(16),
  };
  return { logonInfo, groups: groupSids(logonInfo), dropped };
}

/** The same account with a right of our realm (`RightRid`) beside its own groups, as an extra SID: its GroupIds are relative to its own domain. */
export function grantRight(info: LogonInfo, ownSid: Sid, rightRid: number): LogonInfo {
  const right = { sid: withRid(ownSid, rightRid), attributes: ORDINARY_GROUP };
  return { ...info, extraSids: [...info.extraSids, right], userFlags: info.userFlags | UserFlag.EXTRA_SIDS };
}

function dropReason(sid: Sid, policy: ForeignPacPolicy): DropReason | undefined {
  if (ASSERTED_IDENTITIES.has(sid)) return undefined;
  const domain = splitRid(sid)?.domain;
  // Ours first: a trust that pins our own SID by mistake must not let our rights in.
  if (sid === policy.ownSid || domain === policy.ownSid) return 'own-domain';
  if (domain !== undefined && isTrusted(domain, policy)) return undefined;
  if (sid === BUILTIN || sid.startsWith(`${BUILTIN}-`)) return 'builtin';
  return sid.startsWith(DOMAIN_PREFIX) && domain !== NO_DOMAIN ? 'other-domain' : 'well-known';
}

function isTrusted(domain: Sid, policy: ForeignPacPolicy): boolean {
  return policy.domains.some(({ sid }) => sid === domain);
}
