import type { Seconds } from '../base/ports.ts';
import { type Sid, withRid } from '../base/sid.ts';
import { RightRid } from '../spec/right-rids.ts';
import type { AttemptLimit } from './attempts.ts';
import type { PrincipalKey } from './principal.ts';
import { type Right, RIGHTS } from './right.ts';

/** What the other realm runs: it decides what its tickets carry (docs/decisions/0003). */
export const TRUST_KINDS = ['ad', 'realmward', 'mit'] as const;
export type TrustKind = (typeof TRUST_KINDS)[number];

/** Inbound: their users come to us. Outbound: our users go to them. */
export const TRUST_DIRECTIONS = ['inbound', 'outbound', 'both'] as const;
export type TrustDirection = (typeof TRUST_DIRECTIONS)[number];

/** One line of a rights map: whoever is in the group `sid` has the right. Always a full SID, never a name or a bare RID. */
export interface RightRule {
  readonly sid: Sid;
  readonly right: Right;
}

/** A trusted realm. Immutable: a change makes a new object with new key objects. */
export interface Trust {
  readonly realm: string;
  readonly netbios: string | undefined;
  readonly kind: TrustKind;
  /** Pinned SIDs of the domains whose accounts may come; empty for `mit`. The first is that of `realm` itself. */
  readonly domainSids: readonly Sid[];
  readonly direction: TrustDirection;
  /** Realms behind this one: their users may come through it, and ours reach them through it. */
  readonly transits: readonly string[];
  /** Whether users who came over one trust go on over another: both must say so (docs/decisions/0014). */
  readonly transitive: boolean;
  /** DNS suffixes whose hosts belong to that realm, and UPN suffixes of its users, in lower case. */
  readonly domains: readonly string[];
  /** `keep`: the other realmward realm states rights itself. `groups`: `rights` maps its groups. */
  readonly mode: 'keep' | 'groups';
  /** Grant nothing, and log what would be granted. */
  readonly reportOnly: boolean;
  readonly rights: readonly RightRule[];
  /** Wrong passwords of one of its accounts that are tried there through us. */
  readonly attempts: AttemptLimit;
  /** Keys of `krbtgt/US@THEM` and `krbtgt/THEM@US`: those of the current secret before those of the one before it. */
  readonly inboundKeys: readonly PrincipalKey[];
  readonly outboundKeys: readonly PrincipalKey[];
}

/** The trusts of a realm, in memory. */
export interface TrustDirectory {
  /** The trust with that realm itself. */
  find(realm: string): Trust | undefined;
  all(): readonly Trust[];
}

/** What a member of some groups may do: at most one right to log in, and apart from it the right to join devices. */
export interface GrantedRights {
  readonly login: 'Administrator' | 'Viewer' | undefined;
  readonly join: boolean;
  /** The rules that matched, in the map's order. */
  readonly matched: readonly RightRule[];
}

export const NO_RIGHTS: GrantedRights = { login: undefined, join: false, matched: [] };

/**
 * The rights that follow from groups: deny by default; of several groups the highest right wins, Administrator over Viewer. An Administrator may join
 * devices, too; Join-Realm alone is no login.
 */
export function grantRights(trust: Trust, groups: readonly Sid[]): GrantedRights {
  const held: ReadonlySet<Sid> = new Set(groups);
  const matched = rightRules(trust).filter(({ sid }) => held.has(sid));
  const has = (right: Right): boolean => matched.some((rule) => rule.right === right);
  const login = has('Administrator') ? 'Administrator' : has('Viewer') ? 'Viewer' : undefined;
  return { login, join: has('Join-Realm'), matched };
}

/** The rules of a trust: its map, or for `keep` the other realm's own SIDs for the three rights. */
export function rightRules(trust: Trust): readonly RightRule[] {
  const partner = trust.domainSids[0];
  if (trust.mode === 'groups' || partner === undefined) return trust.rights;
  return RIGHTS.map((right) => ({ sid: withRid(partner, RightRid[right]), right }));
}

/** The pinned domains; the NETBIOS name is that of the realm's own. */
export function trustedDomains({ domainSids, netbios }: Pick<Trust, 'domainSids' | 'netbios'>): readonly {
  readonly sid: Sid;
  readonly netbios: string | undefined;
}[] {
  return domainSids.map((sid, i) => ({ sid, netbios: i === 0 ? netbios : undefined }));
}

/** In the hour after a change a domain controller uses, and takes in tickets that name no kvno, the secret before it (docs/active-directory.md). */
const AD_USES_OLD_SECRET: Seconds = 3600;

/** From when on tickets for the trusted realm are made with the current secret; `undefined`: they are already. */
export function outboundSwitch(
  { kind, outboundKeys }: Pick<Trust, 'kind' | 'outboundKeys'>,
  now: Seconds,
): Seconds | undefined {
  const newest = outboundKeys[0];
  if (kind !== 'ad' || newest?.created === undefined || outboundKeys.at(-1)?.kvno === newest.kvno)
    return undefined;
  const at = newest.created + AD_USES_OLD_SECRET;
  return at > now ? at : undefined;
}

/** The key that tickets for the trusted realm are made with. */
export function outboundKey(trust: Trust, now: Seconds): PrincipalKey | undefined {
  const newest = trust.outboundKeys[0];
  return outboundSwitch(trust, now) === undefined
    ? newest
    : trust.outboundKeys.find(({ kvno }) => kvno !== newest?.kvno);
}

export function isInbound(trust: Trust): boolean {
  return trust.direction !== 'outbound';
}

export function isOutbound(trust: Trust): boolean {
  return trust.direction !== 'inbound';
}
