import { type Kysely, sql } from 'kysely';

/** Trusts, with their sealed keys. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('trust')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('realm', 'text', (column) => column.notNull().unique())
    .addColumn('folded', 'text', (column) => column.notNull().unique())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('netbios', 'text')
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('direction', 'text', (column) => column.notNull())
    .addColumn('mode', 'text', (column) => column.notNull())
    .addColumn('report_only', 'integer', (column) => column.notNull())
    .addColumn('domain_sids', 'text', (column) => column.notNull())
    .addColumn('kdcs', 'text', (column) => column.notNull())
    .addColumn('etypes', 'text', (column) => column.notNull())
    .addColumn('domains', 'text', (column) => column.notNull())
    .addColumn('transits', 'text', (column) => column.notNull())
    .addColumn('rights', 'text', (column) => column.notNull())
    .addColumn('inbound_keys', 'blob', (column) => column.notNull())
    .addColumn('outbound_keys', 'blob', (column) => column.notNull())
    .modifyEnd(sql`strict`)
    .execute();
}
