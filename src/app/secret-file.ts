import { closeSync, fstatSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { RealmwardError } from '../base/errors.ts';
import { createPrivateFile } from '../store/data-dir.ts';

export { replacePrivateFile as replaceSecretFile } from '../store/data-dir.ts';

/** Writes a new file that only its owner may read, complete or not at all. Throws `RealmwardError` `exists`, or the system's error. */
export function createSecretFile(file: string, text: string): void {
  if (createPrivateFile(file, text)) return;
  throw new RealmwardError('exists', `${file} exists already`, {
    hint: 'Name another file, or remove this one first.',
  });
}

/**
 * Removes a file that holds a secret, after writing over it. Where the file system keeps older versions, as on flash or with snapshots, these
 * stay until it lets them go.
 */
export function wipeFile(file: string): void {
  const fd = openSync(file, 'r+');
  try {
    writeSync(fd, Buffer.alloc(fstatSync(fd).size), 0, undefined, 0);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  unlinkSync(file);
}
