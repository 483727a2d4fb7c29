import { type Kysely, sql, type Transaction } from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import { nameTaken } from '../realm/account-name.ts';
import { foldName } from '../realm/name.ts';
import type { NewPrincipal, PrincipalRepository, PrincipalSummary } from '../realm/ports.ts';
import type { Principal, PrincipalKey } from '../realm/principal.ts';
import { FIRST_ACCOUNT_RID } from '../spec/right-rids.ts';
import { noteChanges } from './change-log.ts';
import { sortKeys } from './key-list.ts';
import type { MasterKey, MasterKeyRing } from './master-key.ts';
import {
  changeableColumns,
  COLUMNS,
  KEY_COLUMNS,
  keyColumns,
  type PrincipalRow,
  toPrincipal,
  withoutKeys,
} from './principal-rows.ts';
import type { Tables } from './schema.ts';
import { sealingKey } from './sealing-key.ts';

/** The repository over `db`; `onChange` is called when a change is committed, before the caller learns of it. */
export function createPrincipalRepository(
  db: Kysely<Tables>,
  ring: MasterKeyRing,
  onChange: () => void,
): PrincipalRepository {
  /** One transaction; `work` adds to `changed` the names of what it changed. */
  const write = async <T>(
    work: (transaction: Transaction<Tables>, changed: string[]) => Promise<T>,
  ): Promise<T> => {
    const changed: string[] = [];
    const result = await db.transaction().execute(async (transaction) => {
      const value = await work(transaction, changed);
      await noteChanges(transaction, changed);
      return value;
    });
    if (changed.length > 0) onChange();
    return result;
  };

  return {
    find: principalFinder(db, ring),

    taken: (names) => findTaken(db, names),

    async summary(name) {
      const row = await summaryRows(db).where('name', '=', name).executeTakeFirst();
      return row && toSummary(row);
    },

    async list({ kind } = {}) {
      const rows = summaryRows(db).orderBy('name');
      return (await (kind === undefined ? rows : rows.where('kind', '=', kind)).execute()).map(toSummary);
    },

    add: (principal) =>
      write(async (transaction, changed) => {
        const existing = (await findTaken(transaction, [principal.name])).get(principal.name);
        if (existing !== undefined) throw nameTaken(principal.name, existing);
        changed.push(principal.name);
        const master = await sealingKey(transaction, ring);
        return insertPrincipal(transaction, master, await nextId(transaction), principal);
      }),

    addMany: (principals) =>
      write(async (transaction, changed) => {
        const master = await sealingKey(transaction, ring);
        let id = await nextId(transaction);
        const names = principals.map((principal) => principal.name);
        const taken = await findTaken(transaction, names);
        const folded = new Map<string, string>();
        for (const principal of principals) {
          const { name } = principal;
          const existing = taken.get(name) ?? folded.get(foldName(name));
          if (existing === name) continue;
          if (existing !== undefined) throw nameTaken(name, existing);
          folded.set(foldName(name), name);
          await insertPrincipal(transaction, master, id++, principal);
          changed.push(name);
        }
        return changed.length;
      }),

    change: (name, change) =>
      write(async (transaction, changed) => {
        const current = await principalFinder(transaction, ring)(name);
        if (current === undefined) throw notFound(name);
        const wanted = typeof change === 'function' ? change(current) : change;
        const next: Principal = { ...current, ...wanted, keys: sortKeys(wanted.keys ?? current.keys) };

        const columns = changeableColumns(next);
        const otherColumns = !sameColumns(columns, changeableColumns(current));
        const otherKeys = !sameKeys(next.keys, current.keys);
        // Taking a lock away forgives what led to it; a count of failures is not part of the principal, so that alone is no change of it.
        const forgive = 'lockedUntil' in wanted && wanted.lockedUntil === undefined;
        if (otherColumns || otherKeys || forgive) {
          const keys = otherKeys
            ? keyColumns(current.id, next.keys, await sealingKey(transaction, ring))
            : {};
          const counter = forgive ? { failures: 0 } : {};
          const update = transaction.updateTable('principal').set({ ...columns, ...keys, ...counter });
          await update.where('id', '=', current.id).execute();
        }
        if (!otherColumns && !otherKeys) return current;
        changed.push(name);
        return next;
      }),

    remove: (name) =>
      write(async (transaction, changed) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('principal')
          .where('name', '=', name)
          .executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) throw notFound(name);
        changed.push(name);
      }),
  };
}

/** Reads principals by name. Throws as `unseal` does. */
export function principalFinder(
  db: Kysely<Tables>,
  ring: MasterKeyRing,
): (name: string) => Promise<Principal | undefined> {
  // Compiled once: building the same query anew would take as long as running it.
  const query = db
    .selectFrom('principal')
    .select(COLUMNS)
    .select(KEY_COLUMNS)
    .where('name', '=', '')
    .compile();
  return async (name) => {
    const { rows } = await db.executeQuery<PrincipalRow>({ ...query, parameters: [name] });
    return rows[0] && toPrincipal(rows[0], ring);
  };
}

const NAMES_PER_QUERY = 250;

async function findTaken(db: Kysely<Tables>, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const existing = new Map<string, string>();
  for (let at = 0; at < names.length; at += NAMES_PER_QUERY) {
    const folded = names.slice(at, at + NAMES_PER_QUERY).map(foldName);
    const rows = await db
      .selectFrom('principal')
      .select(['name', 'folded'])
      .where('folded', 'in', folded)
      .execute();
    for (const row of rows) existing.set(row.folded, row.name);
  }
  const taken = new Map<string, string>();
  for (const name of names) {
    const other = existing.get(foldName(name));
    if (other !== undefined) taken.set(name, other);
  }
  return taken;
}

/** The id that the next principal gets. The transaction holds the write lock, so nobody else takes it. */
async function nextId(transaction: Transaction<Tables>): Promise<number> {
  const { rows } = await sql<{
    seq: number;
  }>`select seq from sqlite_sequence where name = 'principal'`.execute(transaction);
  return (rows[0]?.seq ?? FIRST_ACCOUNT_RID - 1) + 1;
}

async function insertPrincipal(
  transaction: Transaction<Tables>,
  master: MasterKey,
  id: number,
  principal: NewPrincipal,
): Promise<Principal> {
  const { name, kind } = principal;
  const keys = sortKeys(principal.keys);
  const row = { id, name, kind, ...changeableColumns(principal) };
  await transaction
    .insertInto('principal')
    .values({ ...row, folded: foldName(name), ...keyColumns(id, keys, master) })
    .execute();
  return { ...withoutKeys(row), keys };
}

type ChangeableColumns = ReturnType<typeof changeableColumns>;

function sameColumns(a: ChangeableColumns, b: ChangeableColumns): boolean {
  return (Object.keys(a) as (keyof ChangeableColumns)[]).every((column) => a[column] === b[column]);
}

/** Whether the keys are the very same objects, as `change` hands them out and callers put them back. */
function sameKeys(a: readonly PrincipalKey[], b: readonly PrincipalKey[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}

function summaryRows(db: Kysely<Tables>) {
  return db
    .selectFrom('principal')
    .select(COLUMNS)
    .select(['kvno', 'etypes', 'last_success', 'last_failure', 'failures']);
}

type SummaryRow = Awaited<ReturnType<ReturnType<typeof summaryRows>['execute']>>[number];

function toSummary(row: SummaryRow): PrincipalSummary {
  return {
    ...withoutKeys(row),
    kvno: row.kvno,
    etypes: row.etypes === '' ? [] : row.etypes.split(',').map(Number),
    lastSuccess: row.last_success ?? undefined,
    lastFailure: row.last_failure ?? undefined,
    failures: row.failures,
  };
}

function notFound(name: string): RealmwardError {
  return new RealmwardError('not-found', `the realm has no principal "${name}"`, {
    hint: 'Names are case-sensitive; a listing shows those that exist.',
  });
}
