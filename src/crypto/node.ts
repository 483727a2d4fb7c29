import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash as oneShotHash,
  pbkdf2 as pbkdf2WithCallback,
  randomFillSync,
  type Cipheriv,
  type Decipheriv,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { aesCbcDecrypt, aesCbcEncrypt } from './aes.ts';
import { createCrypto, type Crypto } from './crypto.ts';
import { HEADROOM, type AesCbc, type HashName, type Primitives } from './primitives.ts';

/** The row over OpenSSL: what the server uses. Its choices were measured on Node 24 (bench/crypto.ts shows what they come to). */
export const nodePrimitives: Primitives = {
  randomFill,
  digest,
  hmac,
  aesCbc: (key) => new NodeAesCbc(key),
  pbkdf2: (hash, password, salt, iterations, length) =>
    pbkdf2(password, salt, iterations, length, hash).then((bytes) => new Uint8Array(bytes)),
};

/** `Crypto` over OpenSSL, without RC4. */
export const nodeCrypto: Crypto = createCrypto(nodePrimitives);

const pbkdf2 = promisify(pbkdf2WithCallback);

/** Random bytes are fetched in quantities (a call costs 2 us whatever its size), and wiped here as they are handed out. */
const pool = new Uint8Array(4096);
let poolUsed = pool.length;

function randomFill(target: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length > 256) {
    randomFillSync(target, start, length);
    return;
  }
  if (poolUsed + length > pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  for (let i = 0; i < length; i++) {
    target[start + i] = pool[poolUsed + i]!;
    pool[poolUsed + i] = 0;
  }
  poolUsed += length;
}

/** Block length of each hash, and memory for the outer hash's input: the key block, then the inner digest. */
const OUTER: Record<HashName, { block: number; input: Uint8Array }> = {
  md5: { block: 64, input: new Uint8Array(64 + 16) },
  sha1: { block: 64, input: new Uint8Array(64 + 20) },
  sha256: { block: 64, input: new Uint8Array(64 + 32) },
  sha384: { block: 128, input: new Uint8Array(128 + 48) },
};

/**
 * HMAC by two one-shot hashes: a third of what `createHmac` costs. Digests come as binary strings, since a Buffer for one takes a
 * microsecond to allocate.
 */
function hmac(hash: HashName, key: Uint8Array, work: Uint8Array, end: number, length: number): Uint8Array {
  const { block, input } = OUTER[hash];
  const start = HEADROOM - block;
  const keyLength = key.length;
  for (let i = 0; i < keyLength; i++) {
    const byte = key[i]!;
    work[start + i] = byte ^ 0x36;
    input[i] = byte ^ 0x5c;
  }
  work.fill(0x36, start + keyLength, HEADROOM);
  input.fill(0x5c, keyLength, block);
  const inner = oneShotHash(hash, work.subarray(start, end), 'binary');
  for (let i = 0; i < inner.length; i++) input[block + i] = inner.charCodeAt(i);
  return fromBinary(oneShotHash(hash, input, 'binary'), length);
}

function digest(hash: HashName, data: Uint8Array): Uint8Array {
  const text = oneShotHash(hash, data, 'binary');
  return fromBinary(text, text.length);
}

/** The bytes of the first `length` characters of a binary string. */
function fromBinary(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const BLOCK = 16;
const ZERO_IV = new Uint8Array(BLOCK);

/** Bytes after which a key moves from JavaScript to OpenSSL: the stream's cost is then as good as earned. */
const MOVE_AFTER = 2048;

/**
 * A new key begins in JavaScript (see aes.ts). One that is used again gets an OpenSSL stream for each direction, which is fed message after
 * message: to OpenSSL that is one long CBC, and XOR with the last ciphertext block gives each message a zero IV all the same.
 */
class NodeAesCbc implements AesCbc {
  readonly #key: Uint8Array;
  #bytes = 0;
  #encryptor: Stream<Cipheriv> | undefined = undefined;
  #decryptor: Stream<Decipheriv> | undefined = undefined;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  encrypt(work: Uint8Array, start: number, end: number): Uint8Array {
    let stream = this.#encryptor;
    if (stream === undefined) {
      if (this.#isNew(end - start)) return aesCbcEncrypt(this.#key, work, start, end);
      stream = this.#open(createCipheriv);
    }
    // Taken out while in use: a stream that throws has lost its place.
    this.#encryptor = undefined;
    for (let i = 0; i < BLOCK; i++) work[start + i]! ^= stream.last[i]!;
    const out = stream.cipher.update(work.subarray(start, end));
    for (let i = 0, from = out.length - BLOCK; i < BLOCK; i++) stream.last[i] = out[from + i]!;
    this.#encryptor = stream;
    return out;
  }

  decrypt(work: Uint8Array, start: number, end: number): Uint8Array {
    let stream = this.#decryptor;
    if (stream === undefined) {
      if (this.#isNew(end - start)) return aesCbcDecrypt(this.#key, work, start, end);
      stream = this.#open(createDecipheriv);
    }
    this.#decryptor = undefined;
    const out = stream.cipher.update(work.subarray(start, end));
    for (let i = 0, from = end - BLOCK; i < BLOCK; i++) {
      out[i]! ^= stream.last[i]!;
      stream.last[i] = work[from + i]!;
    }
    this.#decryptor = stream;
    return out;
  }

  /** Lets go of OpenSSL's memory; the next message makes a new stream. */
  close(): void {
    this.#encryptor = undefined;
    this.#decryptor = undefined;
  }

  #isNew(length: number): boolean {
    this.#bytes += length;
    return this.#bytes <= MOVE_AFTER;
  }

  #open<C extends Cipheriv | Decipheriv>(
    create: (algorithm: string, key: KeyObject, iv: Uint8Array) => C,
  ): Stream<C> {
    keepOpen(this);
    // As a KeyObject: of a Uint8Array Node 24 takes 15 us to find out that it is none.
    const cipher = create(`aes-${8 * this.#key.length}-cbc`, createSecretKey(this.#key), ZERO_IV);
    cipher.setAutoPadding(false);
    return { cipher, last: new Uint8Array(BLOCK) };
  }
}

interface Stream<C> {
  readonly cipher: C;
  /** The last ciphertext block that went through. */
  readonly last: Uint8Array;
}

/** Keys whose streams are open; the oldest makes way. A stream holds 2 kB, and a KDC may remember a hundred thousand keys. */
const open: (NodeAesCbc | undefined)[] = [];
let oldest = 0;
const MAX_OPEN = 1024;

function keepOpen(aes: NodeAesCbc): void {
  open[oldest]?.close();
  open[oldest] = aes;
  oldest = (oldest + 1) % MAX_OPEN;
}
