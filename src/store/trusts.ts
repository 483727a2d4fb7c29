import { type Kysely, sql, type Transaction } from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import type { TrustRepository } from '../realm/ports.ts';
import type { TrustRecord } from '../realm/trust-settings.ts';
import { noteChanges } from './change-log.ts';
import { sortKeys } from './key-list.ts';
import type { MasterKeyRing } from './master-key.ts';
import type { Tables } from './schema.ts';
import { sealingKey } from './sealing-key.ts';
import { settingColumns, toTrust, trustKeyColumns, type TrustRow } from './trust-rows.ts';

/** How the change feed names a trusted realm. */
function trustMark(realm: string): string {
  return `@${realm}`;
}

/** Whether a line of the change feed is about a trust. */
export function isTrustMark(name: string): boolean {
  return name.startsWith('@');
}

/** The repository over `db`; `onChange` is called when a change is committed, before the caller learns of it. */
export function createTrustRepository(
  db: Kysely<Tables>,
  ring: MasterKeyRing,
  onChange: () => void,
): TrustRepository {
  /** One transaction that changes the trust with `realm`, unless `work` says that it does not. */
  const write = async <T>(
    realm: string,
    work: (transaction: Transaction<Tables>) => Promise<{ value: T; changed: boolean }>,
  ): Promise<T> => {
    const { value, changed } = await db.transaction().execute(async (transaction) => {
      const result = await work(transaction);
      if (result.changed) await noteChanges(transaction, [trustMark(realm)]);
      return result;
    });
    if (changed) onChange();
    return value;
  };

  return {
    async find(realm) {
      const row = await findRow(db, realm);
      return row && toTrust(row, ring);
    },

    async list() {
      const rows = await db.selectFrom('trust').selectAll().orderBy('realm').execute();
      return rows.map((row) => toTrust(row, ring));
    },

    add: (record) =>
      write(record.realm, async (transaction) => {
        const { realm } = record;
        const folded = realm.toLowerCase();
        const other = await transaction
          .selectFrom('trust')
          .select('realm')
          .where('folded', '=', folded)
          .executeTakeFirst();
        if (other !== undefined) throw taken(realm, other.realm);
        const id = await nextId(transaction);
        const master = await sealingKey(transaction, ring);
        const keys = trustKeyColumns({ id, realm }, record.keys, master);
        await transaction
          .insertInto('trust')
          .values({ id, realm, folded, version: 1, ...settingColumns(record), ...keys })
          .execute();
        return { value: undefined, changed: true };
      }),

    change: (realm, change) =>
      write(realm, async (transaction) => {
        const row = await findRow(transaction, realm);
        if (row === undefined) throw notFound(realm);
        const current = toTrust(row, ring);
        const wanted = typeof change === 'function' ? change(current) : change;
        const next: TrustRecord = { ...current, ...wanted, realm };
        const columns = settingColumns(next);
        const otherColumns = (Object.keys(columns) as (keyof typeof columns)[]).some(
          (column) => columns[column] !== row[column],
        );
        if (!otherColumns && wanted.keys === undefined) return { value: current, changed: false };
        const keys =
          wanted.keys === undefined
            ? {}
            : trustKeyColumns(row, next.keys, await sealingKey(transaction, ring));
        const update = transaction
          .updateTable('trust')
          .set({ ...columns, ...keys, version: row.version + 1 });
        await update.where('id', '=', row.id).execute();
        const { inbound, outbound } = next.keys;
        const sorted = { inbound: sortKeys(inbound), outbound: sortKeys(outbound) };
        return { value: { ...next, keys: sorted }, changed: true };
      }),

    remove: (realm) =>
      write(realm, async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('trust')
          .where('realm', '=', realm)
          .executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) throw notFound(realm);
        return { value: undefined, changed: true };
      }),
  };
}

function findRow(db: Kysely<Tables>, realm: string): Promise<TrustRow | undefined> {
  return db.selectFrom('trust').selectAll().where('realm', '=', realm).executeTakeFirst();
}

/** The id that the next trust gets, never one that was given before: a removed trust's sealed keys must not open in a new one's place. */
async function nextId(transaction: Transaction<Tables>): Promise<number> {
  const { rows } = await sql<{
    seq: number;
  }>`select seq from sqlite_sequence where name = 'trust'`.execute(transaction);
  return (rows[0]?.seq ?? 0) + 1;
}

function taken(realm: string, existing: string): RealmwardError {
  return new RealmwardError(
    'exists',
    existing === realm
      ? `there is a trust with ${realm} already`
      : `there is a trust with ${existing} already, whose name differs from ${realm} in letter case alone`,
    { hint: `"realmward trust set" changes it, "realmward trust remove" takes it away.` },
  );
}

function notFound(realm: string): RealmwardError {
  return new RealmwardError('not-found', `there is no trust with the realm "${realm}"`, {
    hint: 'Names of realms are case-sensitive; "realmward trust list" shows those that exist.',
  });
}
