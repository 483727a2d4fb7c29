import type { Kysely, Transaction } from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import {
  createMasterKeyFile,
  formatKeyId,
  type MasterKey,
  MasterKeyRing,
  type MasterKeySource,
} from './master-key.ts';
import { createSettings } from './settings.ts';
import type { Tables } from './schema.ts';

/**
 * The store itself says which master key seals new values: once a rotation has changed that, no process can go on sealing with the old key,
 * whatever it has in memory.
 */
export const SEALING_KEY_SETTING = 'master-key';

/** The key that values written in this transaction are sealed with. Throws as `MasterKeyRing.get` does. */
export async function sealingKey(transaction: Transaction<Tables>, ring: MasterKeyRing): Promise<MasterKey> {
  const id = await createSettings(transaction).get(SEALING_KEY_SETTING);
  if (id === undefined)
    throw new RealmwardError('bad-store', 'the store does not say which master key seals it');
  return ring.get(Number.parseInt(id, 16));
}

/**
 * The master keys of a store that is being opened. A new store gets a key of its own, made in `data` if nobody gave one; for a store that is
 * in use a missing key is never replaced. Throws `RealmwardError` `unknown-master-key`, `bad-master-key`, `exposed-master-key`.
 */
export async function openRing(
  db: Kysely<Tables>,
  data: string,
  source: MasterKeySource,
): Promise<MasterKeyRing> {
  const settings = createSettings(db);
  const sealedWith = await settings.get(SEALING_KEY_SETTING);
  if (sealedWith === undefined && source.write !== undefined && source.read() === undefined)
    createMasterKeyFile(data);
  const ring = new MasterKeyRing(source);
  // Where two processes begin a store at once, both find the same key: the file was made once. Keys given from outside must agree.
  const id = sealedWith ?? (await settings.once(SEALING_KEY_SETTING, formatKeyId(newestKey(ring).id)));
  ring.get(Number.parseInt(id, 16));
  return ring;
}

function newestKey(ring: MasterKeyRing): MasterKey {
  const [newest] = ring.reload();
  if (newest !== undefined) return newest;
  throw new RealmwardError('bad-master-key', `${ring.source.name} holds no master key`, {
    hint: 'Start again.',
  });
}
