import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RealmwardError } from '../base/errors.ts';
import { fromHex } from '../base/bytes.ts';
import { createPrivateFile, dataFile, reasonOf, replacePrivateFile } from './data-dir.ts';

/** A key that seals the store's secrets. It is told from others by `id`, which is computed from it and gives nothing of it away. */
export interface MasterKey {
  /** 32 bits, from the key itself. */
  readonly id: number;
  readonly key: KeyObject;
}

/** Where master keys come from, the newest first. More than one while a rotation is under way. */
export interface MasterKeySource {
  /** For messages: a file's path, or the name of a variable. */
  readonly name: string;
  /** Reads the keys as they are now; `undefined` when there is no such source. */
  read(): MasterKey[] | undefined;
  /** Puts `keys` in place of what is there, the newest first; `undefined` where realmward cannot write. */
  readonly write: ((keys: readonly MasterKey[]) => void) | undefined;
}

export const MASTER_KEY_VARIABLE = 'REALMWARD_MASTER_KEY';
const MASTER_KEY_CREDENTIAL = 'realmward-master-key';

/**
 * The source that this start uses: the environment variable REALMWARD_MASTER_KEY, else the systemd credential `realmward-master-key`, else
 * the file `master.key` in the data folder.
 */
export function masterKeySource(
  data: string,
  environment: Readonly<Record<string, string | undefined>>,
): MasterKeySource {
  const text = environment[MASTER_KEY_VARIABLE];
  if (text !== undefined) {
    return {
      name: `$${MASTER_KEY_VARIABLE}`,
      read: () => parseKeys(text, `$${MASTER_KEY_VARIABLE}`),
      write: undefined,
    };
  }
  const credentials = environment['CREDENTIALS_DIRECTORY'];
  if (credentials !== undefined) {
    const file = join(credentials, MASTER_KEY_CREDENTIAL);
    // systemd guards the folder, and shows the access list that it sets on a credential as bits of the group: so the mode says nothing.
    const read = () => readKeys(file, { anyMode: true });
    if (read() !== undefined) return { name: file, read, write: undefined };
  }
  const file = dataFile.masterKey(data);
  return {
    name: file,
    read: () => readKeys(file, { anyMode: false }),
    write: (keys) => replacePrivateFile(file, formatKeys(keys)),
  };
}

/** Makes the first key of a store, in a file that did not exist; another process may be faster, so read the source afterwards. */
export function createMasterKeyFile(data: string): void {
  createPrivateFile(dataFile.masterKey(data), formatKeys([newMasterKey()]));
}

export function newMasterKey(): MasterKey {
  return masterKey(randomBytes(KEY_LENGTH));
}

/** How an id is shown to people and kept among the settings: eight hexadecimal digits. */
export function formatKeyId(id: number): string {
  return id.toString(16).padStart(8, '0');
}

/**
 * The master keys that this process knows. They are read again when one is met that it does not know: another process is rotating. None is
 * forgotten before the process ends, as a row may have been read just before it was sealed anew.
 */
export class MasterKeyRing {
  readonly source: MasterKeySource;
  readonly #keys = new Map<number, MasterKey>();

  constructor(source: MasterKeySource) {
    this.source = source;
    this.reload();
  }

  /** The keys of the source as it is now, the newest first. */
  reload(): readonly MasterKey[] {
    const keys = this.source.read() ?? [];
    for (const key of keys) if (!this.#keys.has(key.id)) this.#keys.set(key.id, key);
    return keys;
  }

  /** The key of that id. Throws `RealmwardError` `unknown-master-key`. */
  get(id: number): MasterKey {
    const key = this.#keys.get(id);
    if (key !== undefined) return key;
    const found = this.reload();
    const late = this.#keys.get(id);
    if (late !== undefined) return late;
    const has =
      found.length === 0
        ? 'there is none'
        : `it holds ${found.map((known) => formatKeyId(known.id)).join(', ')}`;
    throw new RealmwardError(
      'unknown-master-key',
      `the store is sealed with the master key ${formatKeyId(id)}, which ${this.source.name} does not hold: ${has}`,
      {
        hint: `Put the right key there: it was saved with the backup of this store, or set by $${MASTER_KEY_VARIABLE}.`,
      },
    );
  }
}

const KEY_LENGTH = 32;

function masterKey(bytes: Uint8Array): MasterKey {
  const id = createHmac('sha256', bytes).update('realmward master key id').digest().readUInt32BE(0);
  return { id, key: createSecretKey(bytes) };
}

function readKeys(file: string, options: { anyMode: boolean }): MasterKey[] | undefined {
  try {
    return parseKeys(readPrivate(file, options), file);
  } catch (error) {
    if (error instanceof RealmwardError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RealmwardError('bad-master-key', `the master key ${file} cannot be read: ${reasonOf(error)}`, {
      hint: 'It must be a file that the user whom realmward runs as may read.',
      cause: error,
    });
  }
}

function readPrivate(file: string, { anyMode }: { anyMode: boolean }): string {
  const fd = openSync(file, 'r');
  try {
    const { mode } = fstatSync(fd);
    if (anyMode || (mode & 0o077) === 0) return readFileSync(fd, 'utf8');
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    throw new RealmwardError(
      'exposed-master-key',
      `the master key ${file} can be read by others: its mode is ${shown}`,
      {
        hint: `chmod 600 ${file}, and rotate it with "realmward master-key rotate" if somebody may have read it.`,
      },
    );
  } finally {
    closeSync(fd);
  }
}

/** Keys in base64 or hexadecimal, apart by blanks, commas or line ends; lines that begin with # are comments. */
function parseKeys(text: string, name: string): MasterKey[] {
  const tokens = text
    .replace(/^\s*#.*$/gm, '')
    .split(/[\s,]+/)
    .filter((token) => token !== '');
  if (tokens.length === 0) throw badKey(name, 'it is empty');
  return tokens.map((token) => {
    const bytes = /^[0-9a-fA-F]{64}$/.test(token) ? fromHex(token) : fromBase64(token);
    if (bytes?.length !== KEY_LENGTH)
      throw badKey(
        name,
        `${token.length} characters that are not ${KEY_LENGTH} bytes in base64 or hexadecimal`,
      );
    return masterKey(bytes);
  });
}

function fromBase64(text: string): Uint8Array | undefined {
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

function badKey(name: string, why: string): RealmwardError {
  return new RealmwardError('bad-master-key', `${name} holds no master key: ${why}`, {
    hint: 'Make one with: openssl rand -base64 32',
  });
}

function formatKeys(keys: readonly MasterKey[]): string {
  const lines = keys.map(({ id, key }) => `# ${formatKeyId(id)}\n${key.export().toString('base64')}\n`);
  return `# realmward master key. Keep a copy apart from the backups of the store: without it they are worthless.\n${lines.join('')}`;
}
