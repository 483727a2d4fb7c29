import { createHash, randomBytes } from 'node:crypto';

/** Values that whoever shows their ticket may have, for a while. */
export interface OneTime<T> {
  /** Keeps `value` for `owner`; the ticket is a text of 256 random bits that fits into a URL. `undefined`: `owner` has too many already. */
  issue(owner: string, value: T): string | undefined;
  /** The value, which stays. */
  look(ticket: string): T | undefined;
  /** The value, which is gone then. */
  take(ticket: string): T | undefined;
}

export interface OneTimeOptions {
  /** How long a value is kept, in milliseconds. */
  readonly life: number;
  /** How many one owner may have at a time. The owners are bounded elsewhere: devices that have joined. */
  readonly perOwner: number;
  /** How many there may be in all; the oldest one makes way. */
  readonly capacity: number;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
}

/**
 * Keeps values in the memory of this process, by the hash of their ticket: what is read out of memory or a core file opens nothing. Whoever
 * runs several servers sends browser and device of one login to the same one, which its URL says.
 */
export function createOneTime<T>({ life, perOwner, capacity, now }: OneTimeOptions): OneTime<T> {
  interface Entry {
    readonly owner: string;
    readonly value: T;
    readonly until: number;
  }
  // In the order in which they were made, which is that in which they end.
  const entries = new Map<string, Entry>();
  const counts = new Map<string, number>();

  const remove = (key: string): Entry | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    entries.delete(key);
    const left = (counts.get(entry.owner) ?? 1) - 1;
    if (left === 0) counts.delete(entry.owner);
    else counts.set(entry.owner, left);
    return entry;
  };
  const expire = (): void => {
    for (const [key, { until }] of entries) {
      if (until > now() && entries.size < capacity) return;
      remove(key);
    }
  };

  return {
    issue(owner, value) {
      expire();
      const count = counts.get(owner) ?? 0;
      if (count >= perOwner) return undefined;
      const ticket = randomBytes(32).toString('base64url');
      entries.set(hashOf(ticket), { owner, value, until: now() + life });
      counts.set(owner, count + 1);
      return ticket;
    },
    look(ticket) {
      const entry = entries.get(hashOf(ticket));
      return entry !== undefined && entry.until > now() ? entry.value : undefined;
    },
    take(ticket) {
      const entry = remove(hashOf(ticket));
      return entry !== undefined && entry.until > now() ? entry.value : undefined;
    },
  };
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64url');
}
