import type { Seconds } from '../base/ports.ts';
import { etypeName } from '../crypto/etypes.ts';
import type { PrincipalSummary } from '../realm/ports.ts';
import { isoTime } from './iso-time.ts';

/** A principal as the command line shows it; with `--json` as it is. Times are ISO 8601, durations seconds; `null`: there is none. */
export interface PrincipalView {
  readonly name: string;
  /** `name@REALM`. */
  readonly principal: string;
  readonly kind: string;
  readonly rid: number;
  readonly right: string | null;
  /** What keeps it from being used: the first of `disabled`, `expired`, `locked`, `must-change`, `no-keys` that holds; else `ok`. */
  readonly state: PrincipalState;
  readonly disabled: boolean;
  readonly expires: string | null;
  readonly lockedUntil: string | null;
  readonly passwordChanged: string;
  readonly passwordExpires: string | null;
  readonly mustChange: boolean;
  readonly maxLife: number | null;
  readonly maxRenew: number | null;
  readonly kvno: number;
  readonly etypes: readonly string[];
  readonly lastSuccess: string | null;
  readonly lastFailure: string | null;
  readonly failures: number;
}

export type PrincipalState = 'ok' | 'disabled' | 'expired' | 'locked' | 'must-change' | 'no-keys';

/** What `summary` says, at the time `now`. */
export function principalView(summary: PrincipalSummary, realm: string, now: Seconds): PrincipalView {
  const { passwordExpires } = summary;
  return {
    name: summary.name,
    principal: `${summary.name}@${realm}`,
    kind: summary.kind,
    rid: summary.rid,
    right: summary.right ?? null,
    state: stateOf(summary, now),
    disabled: summary.disabled,
    expires: isoTime(summary.expires),
    lockedUntil: isAfter(summary.lockedUntil, now) ? isoTime(summary.lockedUntil) : null,
    passwordChanged: isoTime(summary.passwordChanged),
    // 0 is no time but says "at once".
    passwordExpires: passwordExpires === 0 ? null : isoTime(passwordExpires),
    mustChange: passwordExpires !== undefined && passwordExpires <= now,
    maxLife: summary.maxLife ?? null,
    maxRenew: summary.maxRenew ?? null,
    kvno: summary.kvno,
    etypes: summary.etypes.map(etypeName),
    lastSuccess: isoTime(summary.lastSuccess),
    lastFailure: isoTime(summary.lastFailure),
    failures: summary.failures,
  };
}

function stateOf(summary: PrincipalSummary, now: Seconds): PrincipalState {
  if (summary.disabled) return 'disabled';
  if (summary.expires !== undefined && summary.expires <= now) return 'expired';
  if (isAfter(summary.lockedUntil, now)) return 'locked';
  if (summary.passwordExpires !== undefined && summary.passwordExpires <= now) return 'must-change';
  return summary.etypes.length === 0 ? 'no-keys' : 'ok';
}

function isAfter(time: Seconds | undefined, now: Seconds): boolean {
  return time !== undefined && time > now;
}
