import { type Kysely, sql } from 'kysely';

/** Devices and what they joined with, answers to joins that may be asked for again, and attempts at passwords. */
export async function up(db: Kysely<never>): Promise<void> {
  // What belongs to a principal goes with it, whichever way that is removed.
  await db.schema
    .createTable('device')
    .addColumn('principal', 'integer', (column) =>
      column.primaryKey().references('principal.id').onDelete('cascade'),
    )
    .addColumn('http', 'integer', (column) => column.unique().references('principal.id').onDelete('set null'))
    .addColumn('host', 'text', (column) => column.notNull().unique())
    .addColumn('serial', 'text')
    .addColumn('model', 'text')
    .addColumn('joined', 'integer', (column) => column.notNull())
    .addColumn('joined_by', 'text', (column) => column.notNull())
    .addColumn('joined_from', 'text', (column) => column.notNull())
    .addColumn('last_seen', 'integer')
    .modifyEnd(sql`strict`)
    .execute();

  await db.schema
    .createTable('device_token')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('hash', 'blob', (column) => column.notNull().unique())
    .addColumn('device', 'integer', (column) =>
      column.notNull().references('device.principal').onDelete('cascade'),
    )
    .modifyEnd(sql`strict`)
    .execute();
  await db.schema.createIndex('device_token_device').on('device_token').column('device').execute();

  await db.schema
    .createTable('join_token')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('hash', 'blob', (column) => column.notNull().unique())
    .addColumn('created', 'integer', (column) => column.notNull())
    .addColumn('expires', 'integer', (column) => column.notNull())
    .addColumn('uses', 'integer', (column) => column.notNull())
    .addColumn('used', 'integer', (column) => column.notNull())
    .modifyEnd(sql`strict`)
    .execute();

  await db.schema
    .createTable('join_answer')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('request', 'blob', (column) => column.notNull().unique())
    .addColumn('body', 'blob', (column) => column.notNull())
    .addColumn('device', 'integer', (column) =>
      column.notNull().references('device.principal').onDelete('cascade'),
    )
    .addColumn('expires', 'integer', (column) => column.notNull())
    .addColumn('answer', 'blob', (column) => column.notNull())
    .modifyEnd(sql`strict`)
    .execute();
  await db.schema.createIndex('join_answer_device').on('join_answer').column('device').execute();
  await db.schema.createIndex('join_answer_expires').on('join_answer').column('expires').execute();

  await db.schema
    .createTable('attempt')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('account', 'blob', (column) => column.notNull())
    .addColumn('at', 'integer', (column) => column.notNull())
    .addColumn('expires', 'integer', (column) => column.notNull())
    .addColumn('settled', 'integer', (column) => column.notNull())
    .modifyEnd(sql`strict`)
    .execute();
  await db.schema.createIndex('attempt_account').on('attempt').columns(['account', 'at']).execute();
  await db.schema.createIndex('attempt_expires').on('attempt').column('expires').execute();
}
