import { cbc } from '@noble/ciphers/aes.js';
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { sha256, sha384 } from '@noble/hashes/sha2.js';
import { createCrypto, type Crypto } from './crypto.ts';
import { HEADROOM, type AesCbc, type Primitives } from './primitives.ts';

/** The row in plain JavaScript (noble): for browsers and embedded engines, and the cross-check of the other row. */
export const portablePrimitives: Primitives = {
  randomFill,
  digest: (hash, data) => HASHES[hash](data),
  hmac: (hash, key, work, end, length) =>
    hmac(HASHES[hash], key, work.subarray(HEADROOM, end)).slice(0, length),
  aesCbc,
  pbkdf2: (hash, password, salt, iterations, length) =>
    pbkdf2Async(HASHES[hash], password, salt, { c: iterations, dkLen: length }),
};

/** `Crypto` in plain JavaScript, without RC4. */
export const portableCrypto: Crypto = createCrypto(portablePrimitives);

const HASHES = { md5, sha1, sha256, sha384 };

/** What one call of `getRandomValues` gives at most (W3C Web Cryptography section 10.1.1). */
const MAX_RANDOM = 65_536;

function randomFill(target: Uint8Array, start: number, end: number): void {
  for (let from = start; from < end; from += MAX_RANDOM) {
    const bytes = new Uint8Array(Math.min(MAX_RANDOM, end - from));
    target.set(globalThis.crypto.getRandomValues(bytes), from);
  }
}

const ZERO_IV = new Uint8Array(16);

function aesCbc(key: Uint8Array): AesCbc {
  const options = { disablePadding: true };
  return {
    encrypt: (work, start, end) => cbc(key, ZERO_IV, options).encrypt(work.subarray(start, end)),
    decrypt: (work, start, end) => cbc(key, ZERO_IV, options).decrypt(work.subarray(start, end)),
  };
}
