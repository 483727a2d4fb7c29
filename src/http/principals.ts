import type { Principal } from '../ap/principal.ts';
import type { ServiceKey } from '../ap/verify-ap-req.ts';
import { formatName } from '../realm/name.ts';
import { NotInMemory, type PrincipalDirectory } from '../realm/ports.ts';

/** A piece of work touches few names: client, service, krbtgt. */
const MAX_LOADS = 8;

/**
 * Does `work`, which reads principals from memory; when one is not there it is loaded, and `work` is done again from its start
 * (docs/decisions/0005). Rejects with what `work` throws.
 */
export async function withPrincipals<T>(directory: PrincipalDirectory, work: () => T): Promise<T> {
  for (let loads = 0; ; loads++) {
    try {
      return work();
    } catch (thrown) {
      if (!(thrown instanceof NotInMemory)) throw thrown;
      if (loads === MAX_LOADS) throw new Error(`"${thrown.name}" does not stay in memory`, { cause: thrown });
      await directory.load(thrown.name);
    }
  }
}

/**
 * The look-up of keys that an acceptor wants: those of the services of ours that `names` lists (canonical names, `HTTP/realm.example`), of no
 * others. Throws `NotInMemory`.
 */
export function serviceKeys(
  directory: PrincipalDirectory,
  realm: string,
  names: () => readonly string[],
): (server: Principal) => readonly ServiceKey[] {
  return (server) => {
    const name = formatName(server.name.nameString);
    if (server.realm !== realm || !names().includes(name)) return [];
    const principal = directory.get(name);
    if (principal === undefined || principal.disabled) return [];
    return principal.keys.map(({ kvno, key }) => ({ realm, name: server.name, kvno, key }));
  };
}
