import type { Clock } from '../base/ports.ts';

/**
 * The system's clock, which gives no microsecond twice: old replay caches know an authenticator by its client and its time alone. When it is
 * set back it follows.
 */
export function uniqueClock(): Clock {
  let last = 0;
  const microseconds = (): number => {
    const now = Date.now() * 1000;
    last = now > last || last - now > 1_000_000 ? now : last + 1;
    return last;
  };
  return { microseconds };
}
