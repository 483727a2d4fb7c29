import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import { isBusy } from './sqlite.ts';

/**
 * Kysely over Node's own SQLite. Statements are prepared once and kept. `shared: true` is for a connection on which nothing ever begins a
 * transaction: each statement is one synchronous call, so they need not queue for the connection.
 */
export function nodeSqliteDialect(database: DatabaseSync, options: { shared: boolean }): Dialect {
  return {
    createDriver: () => new NodeSqliteDriver(database),
    createAdapter: () => new NodeSqliteAdapter(options.shared),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/** Bounds the memory that prepared statements take; the project has a few dozen. */
const MAX_STATEMENTS = 200;
/** How long a write waits for another process' transaction before it gives up, and how long it sleeps in between, in milliseconds. */
const MAX_WAIT = 10_000;
const PAUSE = 4;

class NodeSqliteAdapter extends SqliteAdapter {
  readonly #shared: boolean;

  constructor(shared: boolean) {
    super();
    this.#shared = shared;
  }

  override get supportsMultipleConnections(): boolean {
    return this.#shared;
  }

  // So that all migrations of a start are one transaction: two processes that start at once cannot run them twice, a crash leaves nothing half done.
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class NodeSqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #connection: NodeSqliteConnection;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#connection = new NodeSqliteConnection(database);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  // IMMEDIATE takes the write lock at once. A transaction that begins as a reader and writes later fails when another process wrote in between.
  async beginTransaction(): Promise<void> {
    await whenFree(() => this.#database.exec('begin immediate'));
  }

  async commitTransaction(): Promise<void> {
    this.#database.exec('commit');
  }

  async rollbackTransaction(): Promise<void> {
    // SQLite has rolled back by itself after a full disk or an I/O error; asking again would hide that error behind another one.
    if (this.#database.isTransaction) this.#database.exec('rollback');
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#connection.forgetStatements();
    this.#database.close();
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, { statement: StatementSync; returnsRows: boolean }>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return whenFree(() => this.#run<R>(sql, parameters as readonly SQLInputValue[]));
  }

  async *streamQuery<R>(
    { sql, parameters }: CompiledQuery,
    chunkSize: number,
  ): AsyncIterableIterator<QueryResult<R>> {
    // A statement of its own: the kept one may be asked again while this one is still being read.
    let rows: R[] = [];
    for (const row of this.#database.prepare(sql).iterate(...(parameters as readonly SQLInputValue[]))) {
      if (rows.push(row as R) < chunkSize) continue;
      yield { rows };
      rows = [];
    }
    if (rows.length > 0) yield { rows };
  }

  forgetStatements(): void {
    this.#statements.clear();
  }

  #run<R>(sql: string, values: readonly SQLInputValue[]): QueryResult<R> {
    const { statement, returnsRows } = this.#prepare(sql);
    if (returnsRows) return { rows: statement.all(...values) as R[] };
    const { changes, lastInsertRowid } = statement.run(...values);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  #prepare(sql: string): { statement: StatementSync; returnsRows: boolean } {
    const kept = this.#statements.get(sql);
    if (kept !== undefined) return kept;
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    const statement = this.#database.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

/**
 * Runs `attempt` as soon as no other process holds the lock it needs. SQLite's own busy timeout would wait inside the synchronous call, and
 * the KDC would answer nobody meanwhile; so that is zero, and the wait is here.
 */
function whenFree<T>(attempt: () => T): T | Promise<T> {
  try {
    return attempt();
  } catch (error) {
    if (!isBusy(error)) throw error;
    return waitUntilFree(attempt);
  }
}

async function waitUntilFree<T>(attempt: () => T): Promise<T> {
  for (let waited = 0; waited < MAX_WAIT; waited += PAUSE) {
    await sleep(PAUSE);
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }
  throw new RealmwardError(
    'store-busy',
    `another process has been writing to the store for ${MAX_WAIT / 1000} seconds`,
    {
      hint: 'Try again when it has ended; fuser on the store file names the process.',
    },
  );
}
