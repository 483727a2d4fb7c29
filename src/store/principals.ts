import type { Kysely, Transaction } from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import { nameTaken } from '../realm/account-name.ts';
import { foldName } from '../realm/name.ts';
import type { PrincipalRepository, PrincipalSummary } from '../realm/ports.ts';
import type { MasterKeyRing } from './master-key.ts';
import { COLUMNS, etypeList, withoutKeys } from './principal-rows.ts';
import {
  addPrincipal,
  findTaken,
  insertPrincipal,
  nextId,
  principalFinder,
  principalWriter,
  updatePrincipal,
} from './principal-writes.ts';
import type { Tables } from './schema.ts';
import { sealingKey } from './sealing-key.ts';

/** The repository over `db`; `onChange` is called when a change is committed, before the caller learns of it. */
export function createPrincipalRepository(
  db: Kysely<Tables>,
  ring: MasterKeyRing,
  onChange: () => void,
): PrincipalRepository {
  const write = principalWriter(db, onChange);

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
        changed.push(principal.name);
        return addPrincipal(transaction, ring, principal);
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
        const next = await updatePrincipal(transaction, ring, current, wanted);
        if (next !== current) changed.push(name);
        return next;
      }),

    remove: (name) =>
      write(async (transaction, changed) => {
        // A device's HTTP/ goes with its host/.
        const http = await httpOfDevice(transaction, name);
        for (const one of http === undefined ? [name] : [name, http]) {
          const remove = transaction.deleteFrom('principal').where('name', '=', one);
          const { numDeletedRows } = await remove.executeTakeFirstOrThrow();
          if (numDeletedRows === 0n) throw notFound(one);
          changed.push(one);
        }
      }),
  };
}

async function httpOfDevice(transaction: Transaction<Tables>, name: string): Promise<string | undefined> {
  const row = await transaction
    .selectFrom('device')
    .innerJoin('principal as host', 'host.id', 'device.principal')
    .innerJoin('principal as http', 'http.id', 'device.http')
    .select('http.name')
    .where('host.name', '=', name)
    .executeTakeFirst();
  return row?.name;
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
    etypes: etypeList(row.etypes),
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
