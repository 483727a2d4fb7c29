import { type Kysely, sql } from 'kysely';
import { FIRST_ACCOUNT_RID } from '../../spec/right-rids.ts';

/** Principals, their sealed keys, the change feed, and the realm's settings. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('principal')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('folded', 'text', (column) => column.notNull().unique())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('right', 'text')
    .addColumn('disabled', 'integer', (column) => column.notNull())
    .addColumn('expires', 'integer')
    .addColumn('password_expires', 'integer')
    .addColumn('password_changed', 'integer', (column) => column.notNull())
    .addColumn('max_life', 'integer')
    .addColumn('max_renew', 'integer')
    .addColumn('locked_until', 'integer')
    .addColumn('kvno', 'integer', (column) => column.notNull())
    .addColumn('etypes', 'text', (column) => column.notNull())
    .addColumn('keys', 'blob')
    .addColumn('last_success', 'integer')
    .addColumn('last_failure', 'integer')
    .addColumn('failures', 'integer', (column) => column.notNull().defaultTo(0))
    .modifyEnd(sql`strict`)
    .execute();
  // AUTOINCREMENT remembers the highest id ever given in sqlite_sequence; this makes the first one a RID that is free for accounts.
  await sql`insert into sqlite_sequence (name, seq) values ('principal', ${sql.lit(FIRST_ACCOUNT_RID - 1)})`.execute(
    db,
  );

  await db.schema
    .createTable('change')
    .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('principal', 'text', (column) => column.notNull())
    .modifyEnd(sql`strict`)
    .execute();

  await db.schema
    .createTable('setting')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .modifyEnd(sql`strict`)
    .execute();
}
