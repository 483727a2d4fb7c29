import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** A folder that only the device's own user may look into. */
export interface Folder {
  /** `undefined` where there is no such file. */
  read(name: string): Buffer | undefined;
  /** Of mode 0600, completely or not at all, also when the power fails. */
  write(name: string, content: string | Uint8Array): void;
  remove(name: string): void;
}

export function openFolder(path: string): Folder {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return {
    read(name) {
      try {
        return readFileSync(join(path, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    write(name, content) {
      const draft = join(path, `${name}.new`);
      rmSync(draft, { force: true });
      const file = openSync(draft, 'wx', 0o600);
      try {
        writeSync(file, typeof content === 'string' ? Buffer.from(content) : content);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(draft, join(path, name));
    },
    remove: (name) => rmSync(join(path, name), { force: true }),
  };
}
