import type { Sid } from '../base/sid.ts';
import { type Right, RIGHTS } from '../realm/right.ts';
import { grantRights, rightRules, type RightRule, type Trust } from '../realm/trust.ts';

/** What somebody may do, and why. */
export interface Verdict {
  /** What is granted; empty: nothing. */
  readonly rights: readonly Right[];
  /** What would be granted if nothing stood in the way (`because`). */
  readonly would: readonly Right[];
  /** Rules that matched, in the map's order. */
  readonly matched: readonly RightRule[];
  readonly because: string;
  /** For each right that is not granted, why. */
  readonly others: readonly { readonly right: Right; readonly why: string }[];
}

/** What follows from the groups of a user of a trusted realm. */
export function foreignVerdict(trust: Trust, groups: readonly Sid[]): Verdict {
  const { login, join, matched } = grantRights(trust, groups);
  const would: Right[] = [
    ...(login === undefined ? [] : [login]),
    ...(join ? (['Join-Realm'] as const) : []),
  ];
  const rights = trust.reportOnly ? [] : would;
  return {
    rights,
    would,
    matched,
    because: reason(trust, would, matched),
    others: RIGHTS.filter((right) => !would.includes(right)).map((right) => ({
      right,
      why: whyNot(right, trust, login),
    })),
  };
}

/** What an account of our own realm may do: its right, unless it cannot be used at all (`obstacle`, a sentence). */
export function ownVerdict(right: Right | undefined, obstacle: string | undefined): Verdict {
  const would = right === undefined ? [] : [right];
  const stated =
    right === undefined ? 'The account carries no right.' : `The account carries the right ${right}.`;
  return {
    rights: obstacle === undefined ? would : [],
    would,
    matched: [],
    because: obstacle === undefined ? stated : `${obstacle} ${stated}`,
    others: RIGHTS.filter((other) => other !== right).map((other) => ({
      right: other,
      why: ownWhyNot(other, right),
    })),
  };
}

function reason(trust: Trust, would: readonly Right[], matched: readonly RightRule[]): string {
  if (trust.kind === 'mit')
    return `Users of ${trust.realm} have no groups: a realm of the kind mit never gives a right.`;
  if (matched.length === 0) {
    if (trust.mode === 'keep')
      return `${trust.realm} states no right for this user, and the trust keeps what it states.`;
    return trust.rights.length === 0
      ? 'The rights map of the trust is empty.'
      : 'None of the groups is in the rights map of the trust.';
  }
  const rules = matched.map(({ sid, right }) => `${sid} gives ${right}`).join(', ');
  const source = trust.mode === 'keep' ? `${trust.realm} states it: ${rules}.` : `${rules}.`;
  return trust.reportOnly
    ? `${source} But the trust is report-only: nothing is granted. It would be ${would.join(', ')}.`
    : source;
}

function whyNot(right: Right, trust: Trust, login: Right | undefined): string {
  if (login === 'Administrator' && right === 'Viewer') return 'Administrator is higher.';
  if (login === 'Administrator' && right === 'Join-Realm') return 'An Administrator may join devices, too.';
  if (trust.kind === 'mit') return 'A realm of the kind mit never gives a right.';
  const groups = rightRules(trust).filter((rule) => rule.right === right);
  if (trust.mode === 'keep') return `${trust.realm} does not state it.`;
  if (groups.length === 0) return 'No group gives it: the rights map has no rule for it.';
  return `It takes the group ${groups.map(({ sid }) => sid).join(' or ')}.`;
}

function ownWhyNot(other: Right, right: Right | undefined): string {
  if (right === 'Administrator')
    return other === 'Viewer' ? 'Administrator is higher.' : 'An Administrator may join devices, too.';
  return 'An account has one right, and this one has another or none; "realmward user set --right" changes it.';
}
