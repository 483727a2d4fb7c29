import type { Seconds } from '../base/ports.ts';

/** How many attempts at somebody's password may fail, in which time. */
export interface AttemptLimit {
  readonly maxFailures: number;
  /** In seconds, sliding: no stretch of this length sees more failures. */
  readonly window: Seconds;
}

/** What became of an attempt that was allowed. `untried`: no password reached the KDC that judges it. */
export type AttemptOutcome = 'succeeded' | 'failed' | 'untried';

/** An attempt that may be made. It counts as failed until it is settled, so a server that dies in between forgets none. */
export interface AllowedAttempt {
  readonly allowed: true;
  /**
   * A success takes back what was settled as failed before this attempt began, as the counter of an Active Directory does; what failed beside
   * it stays. A second call does nothing.
   */
  settle(outcome: AttemptOutcome, now: Seconds): Promise<void>;
}

export interface LockedAttempt {
  readonly allowed: false;
  /** When the next attempt may be made, at the earliest. */
  readonly lockedUntil: Seconds;
}

/**
 * Counts attempts at passwords, for all servers of the realm together: an attempt is reserved before it is made, so that attempts side by
 * side cannot exceed the limit either (CVE-2021-20251).
 */
export interface AttemptCounter {
  /** `user` is compared as `foldName` does; only a hash of it is kept, as people type passwords into the field for names. */
  reserve(
    realm: string,
    user: string,
    limit: AttemptLimit,
    now: Seconds,
  ): Promise<AllowedAttempt | LockedAttempt>;
}
