import { MAX_NAME_LENGTH } from '../realm/name.ts';
import { NotInMemory, type PrincipalDirectory } from '../realm/ports.ts';
import type { Principal } from '../realm/principal.ts';
import { BoundedMap } from './bounded-map.ts';

/**
 * Principals kept in memory by default. One takes 2 kB here, and several times that with what the KDC remembers with it once it was used; one
 * that is not in memory costs a request some 50 microseconds more.
 */
const DEFAULT_MAX_PRINCIPALS = 8_192;
/** Names kept that the realm does not have. Apart from the others, so that a flood of invented names pushes nobody out. */
export const MAX_UNKNOWN_NAMES = 8_192;

/** The directory, and how it is told that the store has changed. */
export interface CachedDirectory extends PrincipalDirectory {
  /** Forgets what memory holds about these names. */
  forget(names: readonly string[]): void;
  /** Forgets everything: changes may have been missed. */
  forgetAll(): void;
}

/** A directory that keeps the answers of `find`. A principal's object stays the same until it is forgotten. */
export function createDirectory(
  find: (name: string) => Promise<Principal | undefined>,
  options: { maxPrincipals?: number | undefined } = {},
): CachedDirectory {
  const known = new BoundedMap<Principal>(options.maxPrincipals ?? DEFAULT_MAX_PRINCIPALS);
  const unknown = new BoundedMap<true>(MAX_UNKNOWN_NAMES);
  const loading = new Map<string, Load>();

  const fetch = async (name: string, load: Load): Promise<void> => {
    try {
      let found: Principal | undefined;
      do {
        load.overtaken = false;
        found = await find(name);
        // What was read may be older than a change that came to be known meanwhile.
      } while (load.overtaken);
      if (found === undefined) unknown.set(name, true);
      else known.set(name, found);
    } finally {
      loading.delete(name);
    }
  };

  return {
    get(name) {
      const principal = known.get(name);
      if (principal !== undefined) return principal;
      // No principal has a longer name (accountName), and names from the wire must not fill the memory.
      if (name.length > MAX_NAME_LENGTH || unknown.get(name) === true) return undefined;
      throw new NotInMemory(name);
    },

    load(name) {
      // Somebody else's load may have come first; loading again would make another object of the same principal.
      if (known.get(name) !== undefined || unknown.get(name) === true) return Promise.resolve();
      const running = loading.get(name);
      if (running !== undefined) return running.done;
      const load: Load = { overtaken: false, done: Promise.resolve() };
      loading.set(name, load);
      load.done = fetch(name, load);
      return load.done;
    },

    forget(names) {
      for (const name of names) {
        known.delete(name);
        unknown.delete(name);
        const load = loading.get(name);
        if (load !== undefined) load.overtaken = true;
      }
    },

    forgetAll() {
      known.clear();
      unknown.clear();
      for (const load of loading.values()) load.overtaken = true;
    },
  };
}

interface Load {
  /** A change of this principal came to be known after the store was asked. */
  overtaken: boolean;
  done: Promise<void>;
}
