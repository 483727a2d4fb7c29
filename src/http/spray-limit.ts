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
 * Counts in the memory of this process: several servers allow as many times more. IPv6 addresses count by their /64. Attempts that run side by
 * side may exceed the limit by as many as run at a time; what must hold exactly is counted by `AttemptCounter`.
 */
export function createSprayLimit({ maxFailures, window }: AttemptLimit): SprayLimit {
  const limiter = new RateLimiterMemory({ points: maxFailures, duration: window });
  return {
    async blocked(address) {
      const counted = await limiter.get(addressGroup(address));
      if (counted === null || counted.consumedPoints < maxFailures) return undefined;
      return Math.max(1, Math.ceil(counted.msBeforeNext / 1000));
    },
    failed: async (address) => void (await limiter.penalty(addressGroup(address))),
  };
}
