import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../base/ports.ts';
import type { Trust, TrustDirectory } from '../realm/trust.ts';
import { trustOf } from '../realm/trust-settings.ts';
import type { MasterKeyRing } from './master-key.ts';
import { toTrust, type TrustRow } from './trust-rows.ts';

/** The trusts in memory, all of them: there are few. */
export interface StoredTrusts extends TrustDirectory {
  /**
   * Reads the trusts anew. One that has not changed stays the same object. One that cannot be read is logged, and is no trust until it can be:
   * better nobody comes than somebody with rights that were taken away. Throws where the store cannot be read at all.
   */
  reload(): void;
}

/** Reads the trusts, over a connection on which nothing begins transactions. */
export function createTrustDirectory(
  database: DatabaseSync,
  ring: MasterKeyRing,
  log: Pick<Logger, 'error'>,
): StoredTrusts {
  const query = database.prepare('select * from trust order by realm');
  let known = new Map<number, Known>();
  let byRealm: ReadonlyMap<string, Trust> = new Map();
  let all: readonly Trust[] = [];

  const read = (row: TrustRow): Known => {
    const before = known.get(row.id);
    if (before?.version === row.version && before.trust !== undefined) return before;
    try {
      return { version: row.version, trust: trustOf(toTrust(row, ring)) };
    } catch (error) {
      log.error({ err: error, realm: row.realm }, 'a trust cannot be read, and does not count');
      return { version: row.version, trust: undefined };
    }
  };

  const trusts: StoredTrusts = {
    find: (realm) => byRealm.get(realm),
    all: () => all,
    reload() {
      const rows = query.all() as unknown as TrustRow[];
      known = new Map(rows.map((row) => [row.id, read(row)]));
      all = Array.from(known.values(), ({ trust }) => trust).filter((trust) => trust !== undefined);
      byRealm = new Map(all.map((trust) => [trust.realm, trust]));
    },
  };
  trusts.reload();
  return trusts;
}

interface Known {
  readonly version: number;
  readonly trust: Trust | undefined;
}
