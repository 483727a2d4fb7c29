/** What a transaction does to rows of `principal`: the parts that the repositories of principals and of devices share. */
import { type Kysely, sql, type Transaction } from 'kysely';
import { foldName } from '../realm/name.ts';
import { nameTaken } from '../realm/account-name.ts';
import type { NewPrincipal, PrincipalChange } from '../realm/ports.ts';
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

/** Runs `work` in one transaction; it adds to `changed` the names of the principals that it changed. */
export type Write = <T>(
  work: (transaction: Transaction<Tables>, changed: string[]) => Promise<T>,
) => Promise<T>;

/** Transactions over `db` that tell the change feed; `onChange` is called when a change is committed, before the caller learns of it. */
export function principalWriter(db: Kysely<Tables>, onChange: () => void): Write {
  return async (work) => {
    const changed: string[] = [];
    const result = await db.transaction().execute(async (transaction) => {
      const value = await work(transaction, changed);
      await noteChanges(transaction, changed);
      return value;
    });
    if (changed.length > 0) onChange();
    return result;
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

/** See `PrincipalRepository.taken`. */
export async function findTaken(
  db: Kysely<Tables>,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
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

/** Adds a principal. Throws `RealmwardError` `exists` when the name is taken. */
export async function addPrincipal(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
  principal: NewPrincipal,
): Promise<Principal> {
  const existing = (await findTaken(transaction, [principal.name])).get(principal.name);
  if (existing !== undefined) throw nameTaken(principal.name, existing);
  const master = await sealingKey(transaction, ring);
  return insertPrincipal(transaction, master, await nextId(transaction), principal);
}

/** The id that the next principal gets. The transaction holds the write lock, so nobody else takes it. */
export async function nextId(transaction: Transaction<Tables>): Promise<number> {
  const { rows } = await sql<{
    seq: number;
  }>`select seq from sqlite_sequence where name = 'principal'`.execute(transaction);
  return (rows[0]?.seq ?? FIRST_ACCOUNT_RID - 1) + 1;
}

/** Adds a principal whose name is known to be free. */
export async function insertPrincipal(
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

/** Changes the principal `current`; where nothing differs the result is `current` itself, and nothing is written. */
export async function updatePrincipal(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
  current: Principal,
  wanted: PrincipalChange,
): Promise<Principal> {
  const next: Principal = { ...current, ...wanted, keys: sortKeys(wanted.keys ?? current.keys) };
  const columns = changeableColumns(next);
  const otherColumns = !sameColumns(columns, changeableColumns(current));
  const otherKeys = !sameKeys(next.keys, current.keys);
  // Taking a lock away forgives what led to it; a count of failures is not part of the principal, so that alone is no change of it.
  const forgive = 'lockedUntil' in wanted && wanted.lockedUntil === undefined;
  if (otherColumns || otherKeys || forgive) {
    const keys = otherKeys ? keyColumns(current.id, next.keys, await sealingKey(transaction, ring)) : {};
    const counter = forgive ? { failures: 0 } : {};
    const update = transaction.updateTable('principal').set({ ...columns, ...keys, ...counter });
    await update.where('id', '=', current.id).execute();
  }
  return otherColumns || otherKeys ? next : current;
}

type ChangeableColumns = ReturnType<typeof changeableColumns>;

function sameColumns(a: ChangeableColumns, b: ChangeableColumns): boolean {
  return (Object.keys(a) as (keyof ChangeableColumns)[]).every((column) => a[column] === b[column]);
}

/** Whether the keys are the very same objects, as `change` hands them out and callers put them back. */
function sameKeys(a: readonly PrincipalKey[], b: readonly PrincipalKey[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}
