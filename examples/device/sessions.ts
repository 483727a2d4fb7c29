import { createHmac, randomBytes } from 'node:crypto';
import type { Granted } from './result.ts';

/** Who is logged in, for a while: so that the realm is asked once for a login, and not once for each request. */
export interface Sessions {
  /** `secret` is what the browser shows again: a cookie of ours, or its `Authorization` field. */
  begin(secret: string, who: Granted): void;
  find(secret: string): Granted | undefined;
}

/** A right that was taken away counts for as long, at most. */
const LIFE = 15 * 60_000;
const CAPACITY = 256;

export function createSessions(): Sessions {
  // Kept as hashes: nobody reads passwords out of this memory, and no comparison takes longer for a guess that is nearly right.
  const key = randomBytes(32);
  const nameOf = (secret: string): string => createHmac('sha256', key).update(secret).digest('base64');
  const sessions = new Map<string, { readonly who: Granted; readonly until: number }>();
  return {
    begin(secret, who) {
      const [oldest] = sessions.keys();
      if (sessions.size >= CAPACITY && oldest !== undefined) sessions.delete(oldest);
      sessions.set(nameOf(secret), { who, until: Math.min(who.expires, Date.now() + LIFE) });
    },
    find(secret) {
      const name = nameOf(secret);
      const session = sessions.get(name);
      if (session !== undefined && session.until > Date.now()) return session.who;
      sessions.delete(name);
      return undefined;
    },
  };
}
