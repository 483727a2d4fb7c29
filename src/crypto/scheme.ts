import type { Key } from '../base/key.ts';
import type { HashName, Primitives } from './primitives.ts';

/** A row of THE table (etypes.ts): everything that is known about one etype. Lengths in bytes. */
export interface EtypeRow {
  /** RFC 3961 registry number. */
  readonly etype: number;
  /** As MIT writes it, and as the registry does. */
  readonly name: string;
  /** Other names that configurations use. */
  readonly aliases: readonly string[];
  /** The protocol key, and the key Ke that encrypts. */
  readonly keyLength: number;
  /** The keys Ki and Kc, which make MACs; not always as long as the protocol key (RFC 8009 section 3). */
  readonly integrityKeyLength: number;
  readonly confounderLength: number;
  /** MAC at the end of a ciphertext, and checksum. */
  readonly macLength: number;
  /** The mandatory checksum's number in its registry. */
  readonly checksumType: number;
  /** Hash of MACs and of PBKDF2. */
  readonly hash: HashName;
  /** PBKDF2 iterations when there are no s2kparams; 0 where string-to-key has no iterations. */
  readonly defaultIterations: number;
  /** The RFC that says how. */
  readonly scheme: Scheme;
}

/** The operations of RFC 3961 section 3, as one RFC defines them for its etypes. The caller has matched `key` with `row`. */
export interface Scheme {
  /** Octets of the protocol key. `iterations` is 0 exactly when the row's default is. */
  stringToKey(
    primitives: Primitives,
    row: EtypeRow,
    password: string | Uint8Array,
    salt: string,
    iterations: number,
  ): Promise<Uint8Array>;
  /** See `Crypto` for these four. */
  encrypt(primitives: Primitives, row: EtypeRow, key: Key, usage: number, plaintext: Uint8Array): Uint8Array;
  decrypt(primitives: Primitives, row: EtypeRow, key: Key, usage: number, ciphertext: Uint8Array): Uint8Array;
  checksum(primitives: Primitives, row: EtypeRow, key: Key, usage: number, data: Uint8Array): Uint8Array;
  prf(primitives: Primitives, row: EtypeRow, key: Key, data: Uint8Array): Uint8Array;
}
