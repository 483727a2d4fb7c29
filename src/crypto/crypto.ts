import { equalConstantTime } from '../base/bytes.ts';
import { Key } from '../base/key.ts';
import { Etype } from '../spec/etypes.ts';
import { CryptoError } from './errors.ts';
import { ETYPES, iterationsOf, unsupportedEtype } from './etypes.ts';
import type { Primitives } from './primitives.ts';
import type { EtypeRow } from './scheme.ts';

/**
 * Everything Kerberos asks of cryptography, over one row of primitives: `nodeCrypto` (crypto/node.ts) or `portableCrypto`
 * (crypto/portable.ts). Key usages are those of spec/key-usages.ts. Synchronous but for `stringToKey`, whose PBKDF2 must not run on the
 * event loop. Whatever takes an etype or a key throws `CryptoError` `unsupported-etype` for an etype it does not speak, and `bad-key` for
 * a key whose length is not the etype's.
 */
export interface Crypto {
  /** `length` fresh random bytes. */
  randomBytes(length: number): Uint8Array;
  /** A fresh random protocol key (RFC 3961 random-to-key). Throws `CryptoError` `unsupported-etype`. */
  randomKey(etype: number): Key;
  /**
   * Key of a password (RFC 3961 string-to-key), a text or its UTF-8 bytes, which stay the caller's to wipe. `params` is s2kparams as on the wire; left out: the etype's default. Rejects with
   * `CryptoError` `bad-s2kparams` where they are malformed or ask for too many iterations.
   */
  stringToKey(etype: number, password: string | Uint8Array, salt: string, params?: Uint8Array): Promise<Key>;
  /** RFC 3961 encryption with a random confounder. */
  encrypt(key: Key, usage: number, plaintext: Uint8Array): Uint8Array;
  /**
   * RFC 3961 decryption. Throws `CryptoError` `integrity` for a wrong key, a truncated or a changed ciphertext alike. The result may share
   * memory with nothing else: the caller owns it.
   */
  decrypt(key: Key, usage: number, ciphertext: Uint8Array): Uint8Array;
  /** The etype's mandatory keyed checksum (`checksumTypeOf(key.etype)`) of `data`. */
  checksum(key: Key, usage: number, data: Uint8Array): Uint8Array;
  /** Whether `mac` is that checksum; constant time. False, too, where `checksumType` is not the one of the key's etype. */
  verifyChecksum(key: Key, usage: number, checksumType: number, data: Uint8Array, mac: Uint8Array): boolean;
  /** RFC 3961 pseudo-random function. */
  prf(key: Key, data: Uint8Array): Uint8Array;
}

/**
 * The `Crypto` over these primitives. RC4 is refused like an unknown etype unless `rc4` is set, which is for a trust whose operator switched it
 * on, and for nothing else.
 */
export function createCrypto(primitives: Primitives, options: { rc4?: boolean } = {}): Crypto {
  const rows: (EtypeRow | undefined)[] = [];
  for (const row of ETYPES) if (row.etype !== Etype.RC4_HMAC || options.rc4 === true) rows[row.etype] = row;

  function rowOf(etype: number): EtypeRow {
    const row = rows[etype];
    if (row === undefined) throw unsupportedEtype(etype);
    return row;
  }

  /** A key may come from the wire: its length has to be looked at. */
  function rowOfKey(key: Key): EtypeRow {
    const row = rowOf(key.etype);
    if (key.bytes.length !== row.keyLength) {
      const lengths = `${key.bytes.length} bytes instead of ${row.keyLength}`;
      throw new CryptoError('bad-key', `a key of type ${row.name} has ${lengths}`);
    }
    return row;
  }

  function randomBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    primitives.randomFill(bytes, 0, length);
    return bytes;
  }

  return {
    randomBytes,
    randomKey: (etype) => new Key(etype, randomBytes(rowOf(etype).keyLength)),
    async stringToKey(etype, password, salt, params) {
      const row = rowOf(etype);
      const iterations = iterationsOf(etype, params);
      return new Key(etype, await row.scheme.stringToKey(primitives, row, password, salt, iterations));
    },
    encrypt(key, usage, plaintext) {
      const row = rowOfKey(key);
      return row.scheme.encrypt(primitives, row, key, usage, plaintext);
    },
    decrypt(key, usage, ciphertext) {
      const row = rowOfKey(key);
      return row.scheme.decrypt(primitives, row, key, usage, ciphertext);
    },
    checksum(key, usage, data) {
      const row = rowOfKey(key);
      return row.scheme.checksum(primitives, row, key, usage, data);
    },
    verifyChecksum(key, usage, checksumType, data, mac) {
      const row = rowOfKey(key);
      if (checksumType !== row.checksumType) return false;
      return equalConstantTime(row.scheme.checksum(primitives, row, key, usage, data), mac);
    },
    prf(key, data) {
      const row = rowOfKey(key);
      return row.scheme.prf(primitives, row, key, data);
    },
  };
}
