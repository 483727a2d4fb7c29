import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { RealmwardError } from '../../base/errors.ts';
import * as principals from './0001-principals.ts';
import * as trusts from './0002-trusts.ts';
import * as devices from './0003-devices.ts';
import * as transitiveTrusts from './0004-transitive-trusts.ts';
import * as trustLogins from './0005-trust-logins.ts';

/** Every migration by name, in order. One that was published is never edited: what comes later is a migration of its own. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-principals': principals,
  '0002-trusts': trusts,
  '0003-devices': devices,
  '0004-transitive-trusts': transitiveTrusts,
  '0005-trust-logins': trustLogins,
};

/**
 * Brings the tables of `db` to the newest form; with nothing to do it only looks. Throws `RealmwardError` `newer-store` when a newer realmward
 * wrote the store, `migration-failed` when a step fails; the store is then as it was before.
 */
export async function migrate(db: Kysely<never>): Promise<void> {
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => MIGRATIONS },
  }).migrateToLatest();
  if (error === undefined) return;
  const unknown = await unknownMigrations(db);
  if (unknown.length > 0) {
    throw new RealmwardError(
      'newer-store',
      `the store was written by a newer realmward: it has ${unknown.join(', ')}`,
      {
        hint: 'Run that version, or restore the backup that was made before the upgrade.',
        cause: error,
      },
    );
  }
  const why = error instanceof Error ? error.message : 'unknown error';
  throw new RealmwardError('migration-failed', `the store could not be brought to this version: ${why}`, {
    hint: 'Nothing was changed. Check the space on the disk, and that the files belong to the user that realmward runs as.',
    cause: error,
  });
}

async function unknownMigrations(db: Kysely<never>): Promise<string[]> {
  try {
    const table = (db as unknown as Kysely<{ kysely_migration: { name: string } }>).selectFrom(
      'kysely_migration',
    );
    const rows = await table.select('name').execute();
    return rows.map((row) => row.name).filter((name) => !(name in MIGRATIONS));
  } catch {
    // The table itself may be what could not be made.
    return [];
  }
}
