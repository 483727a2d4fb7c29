import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { RealmwardError } from '../base/errors.ts';
import { toHex } from '../base/bytes.ts';
import type { Logger } from '../base/ports.ts';

/** Files of a data folder. */
export const dataFile = {
  store: (data: string) => join(data, 'store.sqlite'),
  masterKey: (data: string) => join(data, 'master.key'),
  serverLock: (data: string) => join(data, 'server.lock'),
  serverNote: (data: string) => join(data, 'server.json'),
};

/** Makes the data folder, 0700, where it is missing. Throws `RealmwardError` `bad-data-dir` when it cannot be used. */
export function ensureDataDir(data: string, log: Logger): void {
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const stat = statSync(data);
    // Not refused: volumes of containers often come like this, and the files inside have modes of their own.
    if ((stat.mode & 0o022) !== 0)
      log.warn({ data }, `others may write to the data folder: chmod go-w ${data}`);
  } catch (error) {
    throw new RealmwardError('bad-data-dir', `the data folder ${data} cannot be used: ${reasonOf(error)}`, {
      hint: 'It must be a folder that the user whom realmward runs as may write to.',
      cause: error,
    });
  }
}

/** Creates an empty file with mode 0600 where there is none; SQLite gives the files beside it the same mode. */
export function ensurePrivateFile(file: string): void {
  try {
    // Exclusive, so that a file that exists is never opened here: closing it would drop the locks that SQLite holds on it in this process.
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Writes `text` to a new file, 0600, complete or not at all. False when the file exists: somebody else was first. */
export function createPrivateFile(file: string, text: string): boolean {
  const draft = writeDraft(file, text);
  try {
    // A link, unlike a rename, fails when the name is taken.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(dirname(file));
  return true;
}

/** Replaces a file by `contents`, 0600, complete or not at all, and on the disk when this returns. */
export function replacePrivateFile(file: string, contents: string | Uint8Array): void {
  renameSync(writeDraft(file, contents), file);
  syncFolder(dirname(file));
}

/** Why the system refused, in the words of the system: `EACCES: permission denied, …`. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function writeDraft(file: string, contents: string | Uint8Array): string {
  const draft = `${file}.${toHex(randomBytes(6))}.new`;
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeSync(fd, Buffer.from(contents));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return draft;
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
