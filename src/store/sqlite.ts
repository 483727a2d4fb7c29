import { DatabaseSync } from 'node:sqlite';
import { RealmwardError } from '../base/errors.ts';
import { ensurePrivateFile, reasonOf } from './data-dir.ts';

/**
 * What a connection is for. `durable`: every commit is on the disk when it returns (synchronous = FULL): an account or a key that somebody
 * was told about must survive a power cut. `relaxed` (NORMAL): a power cut may take the last commits but never the store's consistency; for
 * counters and times of logins, which must not cost an fsync each. `reading`: cannot write.
 */
export type ConnectionUse = 'durable' | 'relaxed' | 'reading';

/** Keeps the log file from staying as large as the largest import made it, in bytes. */
const MAX_IDLE_LOG = 16 * 1024 * 1024;

/** Opens the SQLite file, made 0600 where it is missing. Throws `RealmwardError` `bad-store`. */
export function openSqlite(file: string, use: ConnectionUse): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    ensurePrivateFile(file);
    // While opening, waiting is right: another process may be at the same point, and nobody is served yet.
    database = new DatabaseSync(file, { timeout: 10_000 });
    // Readers go on while one writes, and a commit appends to one file.
    const mode = database.prepare('pragma journal_mode = wal').get()?.['journal_mode'];
    if (mode !== 'wal') throw new Error(`its journal mode is ${String(mode)} (a network file system?)`);
    database.exec(`
      pragma synchronous = ${use === 'durable' ? 'full' : 'normal'};
      pragma journal_size_limit = ${MAX_IDLE_LOG};
      pragma query_only = ${use === 'reading' ? 'on' : 'off'};
      pragma busy_timeout = 0;
    `);
    return database;
  } catch (error) {
    database?.close();
    throw new RealmwardError('bad-store', `the store ${file} cannot be opened: ${reasonOf(error)}`, {
      hint: 'The file must be a SQLite database on a local disk that the user whom realmward runs as may write; else restore a backup.',
      cause: error,
    });
  }
}

/** Whether SQLite refused because another connection holds the lock; the low byte of its extended codes says so. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}

const SQLITE_BUSY = 5;
