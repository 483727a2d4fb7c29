import { readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { RealmwardError } from '../base/errors.ts';
import { type Clock, nowSeconds } from '../base/ports.ts';
import { dataFile, ensurePrivateFile, reasonOf, replacePrivateFile } from './data-dir.ts';
import { isBusy } from './sqlite.ts';

/** The server's hold on a data folder. */
export interface ServerLock {
  release(): void;
}

/**
 * Takes the data folder for this server; command line verbs work beside it and do not ask. The lock is one of the operating system, held by
 * way of an empty SQLite file: it ends with the process however that ends, so there is no stale lock to recognise, and a pid that means
 * another process in another container cannot mislead. The folder must exist. Throws `RealmwardError` `data-in-use`, which names the holder.
 */
export function lockDataDir(data: string, clock: Clock): ServerLock {
  const lock = takeLock(data);
  held.add(lock);
  const note = dataFile.serverNote(data);
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date(nowSeconds(clock) * 1000).toISOString(),
  };
  replacePrivateFile(note, `${JSON.stringify(holder)}\n`);
  return {
    release() {
      rmSync(note, { force: true });
      held.delete(lock);
      lock.close();
    },
  };
}

/** Locks end with their database object, so the garbage collector must not find it: not even when the caller forgets what it was given. */
const held = new Set<DatabaseSync>();

interface Holder {
  pid: number;
  host: string;
  since: string;
}

function takeLock(data: string): DatabaseSync {
  const file = dataFile.serverLock(data);
  let database: DatabaseSync | undefined;
  try {
    ensurePrivateFile(file);
    database = new DatabaseSync(file);
    database.exec('begin exclusive');
    return database;
  } catch (error) {
    database?.close();
    if (isBusy(error)) throw inUse(data);
    throw new RealmwardError('bad-data-dir', `the data folder ${data} cannot be locked: ${reasonOf(error)}`, {
      hint: 'It must be on a local disk that the user whom realmward runs as may write to.',
      cause: error,
    });
  }
}

function inUse(data: string): RealmwardError {
  return new RealmwardError(
    'data-in-use',
    `another realmward server uses the data folder ${data}: ${whoHolds(data)}`,
    {
      hint: 'Stop that server first, or give this one a data folder of its own. Command line verbs work beside a running server.',
    },
  );
}

function whoHolds(data: string): string {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(dataFile.serverNote(data), 'utf8')) as Holder;
    return `process ${pid} on ${host}, since ${since}`;
  } catch {
    // It has the lock but has not said so yet.
    return 'a process that is just starting';
  }
}
