import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import type { Clock, Logger } from '../base/ports.ts';
import type { AttemptCounter } from '../realm/attempts.ts';
import type { DeviceDirectory, DeviceRepository } from '../realm/device.ts';
import type { JoinTokenRepository } from '../realm/join-token.ts';
import type {
  LoginRecorder,
  PrincipalDirectory,
  PrincipalRepository,
  Settings,
  TrustRepository,
} from '../realm/ports.ts';
import type { TrustDirectory } from '../realm/trust.ts';
import { createAttemptCounter } from './attempts.ts';
import { followChanges } from './change-feed.ts';
import { dataFile, ensureDataDir } from './data-dir.ts';
import { nodeSqliteDialect } from './dialect.ts';
import { createDeviceDirectory } from './device-directory.ts';
import { createDeviceRepository } from './devices.ts';
import { createDirectory } from './directory.ts';
import { createJoinTokenRepository } from './join-tokens.ts';
import { createLoginRecorder, type LockoutPolicy } from './login-recorder.ts';
import { masterKeySource } from './master-key.ts';
import { migrate } from './migrations/migrate.ts';
import { principalFinder } from './principal-writes.ts';
import { createPrincipalRepository } from './principals.ts';
import { type MasterKeyRotation, rotateMasterKey } from './rotate-master-key.ts';
import type { Tables } from './schema.ts';
import { openRing } from './sealing-key.ts';
import { createSettings } from './settings.ts';
import { type ConnectionUse, openSqlite } from './sqlite.ts';
import { createTrustDirectory } from './trust-directory.ts';
import { createTrustRepository, isTrustMark } from './trusts.ts';

export interface StoreOptions {
  /** The data folder; made, 0700, where it is missing. */
  readonly data: string;
  /** The realm that the store belongs to. */
  readonly realm: string;
  /** Environment variables, for the master key (`masterKeySource`). */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  /** Left out: no account is ever locked. */
  readonly lockout?: LockoutPolicy | undefined;
  /** Left out: the system's. */
  readonly clock?: Clock | undefined;
  /** Principals kept in memory; left out: `DEFAULT_MAX_PRINCIPALS`. */
  readonly maxPrincipals?: number | undefined;
}

/** An open store. */
export interface Store {
  readonly principals: PrincipalRepository;
  readonly directory: PrincipalDirectory;
  readonly trusts: TrustRepository;
  readonly trustDirectory: TrustDirectory;
  readonly recorder: LoginRecorder;
  readonly attempts: AttemptCounter;
  readonly devices: DeviceRepository;
  readonly deviceDirectory: DeviceDirectory;
  readonly joinTokens: JoinTokenRepository;
  readonly settings: Settings;
  /** See `rotateMasterKey`. */
  rotateMasterKey(onProgress?: (done: number, total: number) => void): Promise<MasterKeyRotation>;
  /** Writes what waits to be written, and closes the files. */
  close(): Promise<void>;
}

const SYSTEM_CLOCK: Clock = { microseconds: () => Date.now() * 1000 };

const REALM_SETTING = 'realm';

/**
 * Opens the SQLite store of a data folder, for a server or a command beside it: makes what is missing, brings the tables to the newest form,
 * and checks that the master key fits. Throws `RealmwardError` `bad-data-dir`, `bad-store`, `newer-store`, `migration-failed`, `other-realm`,
 * `unknown-master-key`, `bad-master-key`, `exposed-master-key`, each with what to do.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { data, log } = options;
  ensureDataDir(data, log);
  const connections: Connection[] = [];
  const connect = (use: ConnectionUse): Connection => {
    const connection = openConnection(dataFile.store(data), use);
    connections.push(connection);
    return connection;
  };
  const closeAll = async (): Promise<void> => {
    for (const connection of connections) await connection.close();
  };

  try {
    const { db } = connect('durable');
    await migrate(db as unknown as Kysely<never>);
    const settings = createSettings(db);
    await checkRealm(settings, options.realm, data);
    const ring = await openRing(db, data, masterKeySource(data, options.environment));

    const reader = connect('reading');
    const directory = createDirectory(principalFinder(reader.db, ring), options);
    const trustDirectory = createTrustDirectory(reader.database, ring, log);
    const feed = followChanges(reader.database, {
      changed(names) {
        directory.forget(names);
        if (names.some(isTrustMark)) trustDirectory.reload();
      },
      missed() {
        directory.forgetAll();
        try {
          trustDirectory.reload();
        } catch {
          // The store cannot be read: the feed says so, and tries again.
        }
      },
      failed: (error) => log.error({ err: error }, 'the change feed cannot be read; trying again'),
    });
    const { lockout } = options;
    const counters = connect('relaxed').db;
    const { clock = SYSTEM_CLOCK } = options;
    const deviceDirectory = createDeviceDirectory({ reader: reader.db, writer: counters }, { clock, log });
    const recorder = createLoginRecorder(counters, { lockout, onChange: feed.catchUp, log });

    return {
      principals: createPrincipalRepository(db, ring, feed.catchUp),
      directory,
      trusts: createTrustRepository(db, ring, feed.catchUp),
      trustDirectory,
      recorder,
      attempts: createAttemptCounter(counters),
      devices: createDeviceRepository(db, ring, feed.catchUp),
      deviceDirectory,
      joinTokens: createJoinTokenRepository(db),
      settings,
      rotateMasterKey: (onProgress = () => {}) => rotateMasterKey(db, ring, onProgress),
      async close() {
        feed.stop();
        await recorder.close();
        await deviceDirectory.close();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

interface Connection {
  readonly database: DatabaseSync;
  readonly db: Kysely<Tables>;
  close(): Promise<void>;
}

function openConnection(file: string, use: ConnectionUse): Connection {
  const database = openSqlite(file, use);
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(database, { shared: use === 'reading' }) });
  return {
    database,
    db,
    async close() {
      await db.destroy();
      // Kysely closes only what it was asked to use.
      if (database.isOpen) database.close();
    },
  };
}

async function checkRealm(settings: Settings, realm: string, data: string): Promise<void> {
  const owner = await settings.once(REALM_SETTING, realm);
  if (owner === realm) return;
  throw new RealmwardError(
    'other-realm',
    `the data folder ${data} belongs to the realm "${owner}", not to "${realm}"`,
    {
      hint: 'Realm names are case-sensitive. Correct the name, or give this realm a data folder of its own.',
    },
  );
}
