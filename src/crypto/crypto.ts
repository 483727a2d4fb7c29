import type { Key } from '../base/key.ts';

/**
 * Everything Kerberos asks of cryptography, over one row of primitives: `nodeCrypto` (crypto/node.ts) or `portableCrypto`
 * (crypto/portable.ts). Key usages are those of spec/key-usages.ts. Synchronous but for `stringToKey`, whose PBKDF2 must not run on the
 * event loop.
 */
export interface Crypto {
  /** `length` fresh random bytes. */
  randomBytes(length: number): Uint8Array;
  /** A fresh random protocol key (RFC 3961 random-to-key). Throws `CryptoError` `unsupported-etype`. */
  randomKey(etype: number): Key;
  /** Key of a password (RFC 3961 string-to-key). `params` is s2kparams as on the wire; left out: the etype's default. */
  stringToKey(etype: number, password: string, salt: string, params?: Uint8Array): Promise<Key>;
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
