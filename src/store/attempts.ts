import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Seconds } from '../base/ports.ts';
import type { AllowedAttempt, AttemptCounter, AttemptLimit } from '../realm/attempts.ts';
import { foldName } from '../realm/name.ts';
import type { Tables } from './schema.ts';

/**
 * How many ids of attempts reach back: who wants an older failure forgotten by a flood of invented names has to make a quarter as many
 * attempts within its window.
 */
const KEPT_IDS = 400_000;
/** Rows that have run out are taken away with new ones, so many at a time. */
const PRUNE = 100;

/** The counter over `db`: one row for each failed attempt within its window, and for each that is under way. */
export function createAttemptCounter(db: Kysely<Tables>): AttemptCounter {
  return {
    reserve: (realm, user, limit, now) => {
      const account = createHash('sha256')
        .update(`${realm}\0${foldName(user)}`)
        .digest();
      return db.transaction().execute(async (transaction) => {
        await prune(transaction, now);
        const lockedUntil = await lockOf(transaction, account, limit, now);
        if (lockedUntil !== undefined) return { allowed: false, lockedUntil };
        const id = await insert(transaction, { account, at: now, window: limit.window, settled: 0 });
        return allowed(db, id, account, limit.window);
      });
    },
  };
}

function allowed(db: Kysely<Tables>, id: number, account: Uint8Array, window: Seconds): AllowedAttempt {
  let settled = false;
  return {
    allowed: true,
    async settle(outcome, now) {
      if (settled) return;
      settled = true;
      await db.transaction().execute(async (transaction) => {
        await transaction.deleteFrom('attempt').where('id', '=', id).execute();
        // A new id: an attempt that began before this failure was known does not take it back when it succeeds.
        if (outcome === 'failed') await insert(transaction, { account, at: now, window, settled: 1 });
        if (outcome === 'succeeded') {
          const earlier = transaction.deleteFrom('attempt').where('account', '=', account);
          await earlier.where('settled', '=', 1).where('id', '<', id).execute();
        }
      });
    },
  };
}

/** Until when `account` has used up `limit`; `undefined`: it has not. */
async function lockOf(
  transaction: Transaction<Tables>,
  account: Uint8Array,
  { maxFailures, window }: AttemptLimit,
  now: Seconds,
): Promise<Seconds | undefined> {
  // The newest ones that there may be: when the oldest of them leaves the window, one more may be made.
  const rows = await transaction
    .selectFrom('attempt')
    .select('at')
    .where('account', '=', account)
    .where('at', '>', now - window)
    .orderBy('at', 'desc')
    .limit(maxFailures)
    .execute();
  const oldest = rows[maxFailures - 1];
  return oldest && oldest.at + window;
}

async function insert(
  transaction: Transaction<Tables>,
  { account, at, window, settled }: { account: Uint8Array; at: Seconds; window: Seconds; settled: number },
): Promise<number> {
  const values = { account, at, expires: at + window, settled };
  const { insertId } = await transaction.insertInto('attempt').values(values).executeTakeFirstOrThrow();
  return Number(insertId);
}

async function prune(transaction: Transaction<Tables>, now: Seconds): Promise<void> {
  const old = transaction.selectFrom('attempt').select('id').where('expires', '<=', now);
  await transaction.deleteFrom('attempt').where('id', 'in', old.limit(PRUNE)).execute();
  await sql`delete from attempt where id <= (select max(id) from attempt) - ${KEPT_IDS}`.execute(transaction);
}
