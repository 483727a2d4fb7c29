import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { RealmwardError } from '../base/errors.ts';
import { appendToKeytab, type KeytabEntry, readKeytab } from '../codec/keytab.ts';
import { etypeName } from '../crypto/etypes.ts';
import { formatName } from '../realm/name.ts';
import { isoTime } from './iso-time.ts';

/** A line of a keytab: everything but the key. */
export interface KeytabLine {
  /** `name@REALM`. */
  readonly principal: string;
  readonly kvno: number;
  readonly etype: string;
  /** When the entry was made, ISO 8601; `null` where the file does not say. */
  readonly written: string | null;
}

/** What is in a keytab file, in its order. Throws `RealmwardError` `bad-keytab`, or the system's error. */
export function listKeytab(file: string): KeytabLine[] {
  return readKeytab(readFileSync(file)).map(keytabLine);
}

export function keytabLine({ name, realm, kvno, key, timestamp }: KeytabEntry): KeytabLine {
  return {
    principal: `${formatName(name.nameString)}@${realm}`,
    kvno,
    etype: etypeName(key.etype),
    written: timestamp === 0 ? null : isoTime(timestamp),
  };
}

/**
 * Adds entries behind what the file holds, as `ktutil` does; a new file gets mode 0600, an existing one keeps its mode and owner. The file is
 * replaced as a whole: whoever reads it sees all or nothing. Resolves to whether others than its owner may read it. Throws `RealmwardError`
 * `bad-keytab` where something else is in the file, or the system's error.
 */
export function appendToKeytabFile(
  file: string,
  entries: readonly KeytabEntry[],
): { readonly exposed: boolean } {
  // Of a link the file behind it is meant.
  const target = existsSync(file) ? realpathSync(file) : file;
  const old = existsSync(target) ? statSync(target) : undefined;
  if (old !== undefined && !old.isFile()) throw new RealmwardError('bad-keytab', `${file} is not a file`);
  const bytes = appendToKeytab(old === undefined ? new Uint8Array(0) : readFileSync(target), entries);
  const draft = `${target}.${randomBytes(6).toString('hex')}.new`;
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeSync(fd, bytes);
    fsyncSync(fd);
    if (old !== undefined) {
      const { uid, gid } = statSync(draft);
      if (old.uid !== uid || old.gid !== gid) chownSync(draft, old.uid, old.gid);
      chmodSync(draft, old.mode & 0o7777);
    }
    renameSync(draft, target);
  } catch (error) {
    unlinkSync(draft);
    throw error;
  } finally {
    closeSync(fd);
  }
  return { exposed: ((old?.mode ?? 0) & 0o077) !== 0 };
}
