import { Key } from '../base/key.ts';
import type { EncryptionKey } from '../codec/krb5/basic.ts';
import { keyLengthOf } from '../crypto/etypes.ts';
import { refuse } from './reason.ts';

/** A key that came in a message. Throws `ApError` `unusable-key` when its etype is not among `etypes`, or its length is not the etype's. */
export function wireKey(key: EncryptionKey, etypes: readonly number[]): Key;
export function wireKey(key: EncryptionKey | undefined, etypes: readonly number[]): Key | undefined;
export function wireKey(key: EncryptionKey | undefined, etypes: readonly number[]): Key | undefined {
  if (key === undefined) return undefined;
  const { keytype, keyvalue } = key;
  if (!etypes.includes(keytype)) refuse('unusable-key', `It is of encryption type ${keytype}.`);
  if (keyLengthOf(keytype) !== keyvalue.length) refuse('unusable-key', `It has ${keyvalue.length} bytes.`);
  return new Key(keytype, keyvalue);
}
