import type { Kysely } from 'kysely';

/** How users of a trusted realm log in through us: where they change their passwords, and how many wrong ones are tried. */
export async function up(db: Kysely<never>): Promise<void> {
  const whole = (name: string, standard: number): Promise<void> =>
    db.schema
      .alterTable('trust')
      .addColumn(name, 'integer', (column) => column.notNull().defaultTo(standard))
      .execute();
  await db.schema
    .alterTable('trust')
    .addColumn('kpasswd', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute();
  await whole('max_failures', 3);
  await whole('failure_window', 1800);
}
