import type { Transaction } from 'kysely';
import type { Tables } from './schema.ts';

/**
 * How many rows of the change feed are kept. Who reads it falls behind by those that are written in 100 ms; who was stopped for longer sees
 * from the numbers that rows are missing, and starts over.
 */
export const KEPT_CHANGES = 20_000;

/** Tells every process, in the transaction that changes them, that these principals changed; drops rows that are too old to be read. */
export async function noteChanges(transaction: Transaction<Tables>, names: readonly string[]): Promise<void> {
  let newest = 0n;
  for (const principal of names) {
    const { insertId } = await transaction
      .insertInto('change')
      .values({ principal })
      .executeTakeFirstOrThrow();
    newest = insertId ?? newest;
  }
  const oldest = Number(newest) - KEPT_CHANGES;
  if (oldest > 0) await transaction.deleteFrom('change').where('seq', '<=', oldest).execute();
}
