/** What one row of primitives offers: `nodePrimitives` (node.ts) or `portablePrimitives` (portable.ts). */
export interface Primitives {
  /** Fills `target` from `start` up to `end` with random bytes. */
  randomFill(target: Uint8Array, start: number, end: number): void;
  /** Hash of `data`. */
  digest(hash: HashName, data: Uint8Array): Uint8Array;
  /**
   * The first `length` bytes of HMAC (RFC 2104) of the message that stands in `work` from `HEADROOM` up to `end`. The headroom may be
   * overwritten. `key` is at most one block of the hash long.
   */
  hmac(hash: HashName, key: Uint8Array, work: Uint8Array, end: number, length: number): Uint8Array;
  /** AES-CBC under `key` (16 or 32 bytes). `key` is kept, not copied: it must not change. */
  aesCbc(key: Uint8Array): AesCbc;
  /** PBKDF2 (RFC 8018 section 5.2), never long on the event loop. */
  pbkdf2(
    hash: HashName,
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    length: number,
  ): Promise<Uint8Array>;
}

/** Hashes by the names that OpenSSL gives them. */
export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384';

/** AES in CBC mode, IV zero, no padding. Both take whole blocks of `work` and return fresh memory that nothing else shares. */
export interface AesCbc {
  /** May change the block at `start`. */
  encrypt(work: Uint8Array, start: number, end: number): Uint8Array;
  decrypt(work: Uint8Array, start: number, end: number): Uint8Array;
}

/** Bytes that stay free in front of a message in a workspace: HMAC puts its key block there (128 bytes for SHA-384). */
export const HEADROOM = 128;

/** Bytes that stay free behind it: padding to whole blocks, and room for a MAC. */
const TAILROOM = 48;

const shared = new Uint8Array(16_384);

/**
 * Memory to build a message of `length` bytes in, from `HEADROOM` on. Unless `length` is large it is one array that everyone reuses, valid
 * until the next call; so whatever else needs a workspace (deriving a key) comes first.
 */
export function workspace(length: number): Uint8Array {
  const size = HEADROOM + length + TAILROOM;
  return size <= shared.length ? shared : new Uint8Array(size);
}
