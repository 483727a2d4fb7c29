import { addressGroup } from '../base/address.ts';
import type { Seconds } from '../base/ports.ts';
import { RecentMap } from '../base/recent-map.ts';
import type { ThrottlePolicy } from '../realm/policy.ts';

/**
 * Slows guessing down: failures of preauthentication take tokens out of a bucket for the address and out of one for the name, whether there is
 * such an account or not; who finds a bucket empty has to wait, and is refused before a password is tried. Buckets fill again steadily.
 *
 * Successes cost nothing, so that a site behind one address may log in as often as it likes. Only those who fail are remembered, and of
 * them a bounded number.
 */
export class Throttle {
  readonly #addresses: Buckets;
  readonly #names: Buckets;

  constructor({ perAddress, perPrincipal, window }: ThrottlePolicy) {
    this.#addresses = new Buckets(perAddress, window);
    this.#names = new Buckets(perPrincipal, window);
  }

  /** For how many seconds that address, or whoever asks for that name, has to wait; 0: not at all. */
  wait(address: string, name: string, now: Seconds): Seconds {
    // Nearly always nobody has failed lately.
    const byAddress = this.#addresses.size === 0 ? 0 : this.#addresses.wait(addressGroup(address), now);
    return byAddress > 0 || this.#names.size === 0 ? byAddress : this.#names.wait(name, now);
  }

  /** `name`: left out for a failure that says nothing about the password. */
  failed(address: string, name: string | undefined, now: Seconds): void {
    this.#addresses.take(addressGroup(address), now);
    if (name !== undefined) this.#names.take(name, now);
  }
}

/** Buckets that are remembered: four megabytes of the longest names. */
const MAX_BUCKETS = 4096;

class Buckets {
  readonly #capacity: number;
  /** Seconds in which one token comes back. */
  readonly #interval: number;
  readonly #buckets = new RecentMap<string, { tokens: number; at: Seconds }>(MAX_BUCKETS);

  /** A capacity of 0: there is no limit. */
  constructor(capacity: number, window: Seconds) {
    this.#capacity = capacity;
    this.#interval = window / capacity;
  }

  get size(): number {
    return this.#buckets.size;
  }

  wait(key: string, now: Seconds): Seconds {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    const tokens = this.#tokens(bucket, now);
    return tokens >= 1 ? 0 : Math.ceil((1 - tokens) * this.#interval);
  }

  take(key: string, now: Seconds): void {
    if (this.#capacity === 0) return;
    const bucket = this.#buckets.get(key);
    const tokens = bucket === undefined ? this.#capacity : this.#tokens(bucket, now);
    this.#buckets.set(key, { tokens: Math.max(0, tokens - 1), at: now });
  }

  /** A clock that was set back fills nothing. */
  #tokens({ tokens, at }: { tokens: number; at: Seconds }, now: Seconds): number {
    return Math.min(this.#capacity, tokens + Math.max(0, now - at) / this.#interval);
  }
}
