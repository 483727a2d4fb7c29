import type { Seconds } from '../base/ports.ts';

export interface ReplayCacheOptions {
  /** As the acceptor's: how far a client's clock may be off. An authenticator can come again for twice as long. Default 300. */
  readonly clockSkew?: Seconds;
  /** Most authenticators that are remembered, about 100 bytes each. Default 100 000. */
  readonly capacity?: number;
  /**
   * Since when track is kept, in epoch microseconds as `Clock` gives them: a server gives its start, so that what it was sent before is not taken
   * for new. Left out: since ever.
   */
  readonly since?: number;
}

/** Remembers authenticators for as long as they could be sent again. */
export interface ReplayCache {
  /**
   * Whether this is certainly the first time that `tag` is shown, which is then remembered. `ctime` and `cusec` are the authenticator's time, which
   * is within clock skew of `now`. Tags of what was made with a key need not be hashed: the MAC at the end of an authenticator's ciphertext is one.
   */
  firstTime(tag: string, ctime: Seconds, cusec: number, now: Seconds): boolean;
  /** Authenticators remembered at the moment. */
  readonly size: number;
}

/**
 * A replay cache in memory, bounded in size and time. "If a server loses track of authenticators presented within the allowable clock skew, it
 * MUST reject all requests until the clock skew interval has passed, providing assurance that any lost or replayed authenticators will fall
 * outside the allowable clock skew" (RFC 4120 section 3.2.3): so when there are too many, the oldest are forgotten, and whatever is not
 * younger than these is refused from then on.
 */
export function createReplayCache(options: ReplayCacheOptions = {}): ReplayCache {
  const { clockSkew = 300, capacity = 100_000, since = -Infinity } = options;
  /** Tags by the second of their authenticator. */
  const seconds = new Map<Seconds, Set<string>>();
  /** Nothing up to this second is known any more. */
  let forgotten = -Infinity;
  let size = 0;

  const forget = (second: Seconds): void => {
    size -= seconds.get(second)?.size ?? 0;
    seconds.delete(second);
  };

  return {
    get size() {
      return size;
    },
    firstTime(tag, ctime, cusec, now) {
      if (ctime <= forgotten || ctime * 1_000_000 + cusec < since) return false;
      const tags = seconds.get(ctime);
      if (tags?.has(tag) === true) return false;
      if (tags === undefined) {
        // A new second is the time to let go of those that no acceptor takes any more: there are as many of them as of new ones.
        for (const second of seconds.keys()) if (second < now - clockSkew) forget(second);
        seconds.set(ctime, new Set([tag]));
      } else {
        tags.add(tag);
      }
      size++;
      if (size > capacity) {
        forgotten = Math.min(...seconds.keys());
        forget(forgotten);
      }
      return true;
    },
  };
}
