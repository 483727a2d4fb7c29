import { createHmac, randomBytes } from 'node:crypto';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { addressGroup } from '../base/address.ts';
import type { AttemptLimit } from '../realm/attempts.ts';

/** Bounds the failures that come from one address, whoever they are about: one password tried on many accounts. */
export interface SprayLimit {
  /** Seconds after which this address may try again; `undefined`: it may now. */
  blocked(address: string): Promise<number | undefined>;
  failed(address: string): Promise<void>;
}

/**
 * Counters that are kept. Whoever owns more IPv6 networks than these cannot make the server remember each; addresses that share a counter are
 * strangers to each other, as nobody can know which do.
 */
const COUNTERS = 1 << 14;

/**
 * Counts in the memory of this process: several servers allow as many times more. IPv6 addresses count by their /64. Attempts that run side by
 * side may exceed the limit by as many as run at a time; what must hold exactly is counted by `AttemptCounter`.
 */
export function createSprayLimit({ maxFailures, window }: AttemptLimit): SprayLimit {
  const limiter = new RateLimiterMemory({ points: maxFailures, duration: window });
  const secret = randomBytes(32);
  const counterOf = (address: string): number =>
    createHmac('sha256', secret).update(addressGroup(address)).digest().readUInt32BE() % COUNTERS;
  return {
    async blocked(address) {
      const counted = await limiter.get(counterOf(address));
      if (counted === null || counted.consumedPoints < maxFailures) return undefined;
      return Math.max(1, Math.ceil(counted.msBeforeNext / 1000));
    },
    failed: async (address) => void (await limiter.penalty(counterOf(address))),
  };
}
