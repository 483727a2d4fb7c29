import type { Kysely } from 'kysely';

/** Whether a trust leads on to others; those that are there do not (docs/decisions/0014). */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('trust')
    .addColumn('transitive', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
