/**
 * AES-CBC (FIPS 197) in JavaScript, IV zero, for keys that are new. An OpenSSL cipher object costs as much to make, and to collect as
 * garbage, as a kilobyte costs here, and most keys of a KDC (those derived from session keys) see one short message. Since the time of
 * table look-ups may depend on the key, no key should stay here: the node row moves it to OpenSSL when it is used again.
 */

const BLOCK = 16;

/** CBC of the whole blocks of `data` from `start` up to `end`, in fresh memory. `key` (16 or 32 bytes) must never change. */
export function aesCbcEncrypt(key: Uint8Array, data: Uint8Array, start: number, end: number): Uint8Array {
  if (encryptionKey !== key) expand(key);
  const out = new Uint8Array(end - start);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let from = start, to = 0; from < end; from += BLOCK, to += BLOCK) {
    encryptBlock(
      a ^ load(data, from),
      b ^ load(data, from + 4),
      c ^ load(data, from + 8),
      d ^ load(data, from + 12),
    );
    store(out, to, (a = result[0]!));
    store(out, to + 4, (b = result[1]!));
    store(out, to + 8, (c = result[2]!));
    store(out, to + 12, (d = result[3]!));
  }
  return out;
}

/** The inverse of `aesCbcEncrypt`. */
export function aesCbcDecrypt(key: Uint8Array, data: Uint8Array, start: number, end: number): Uint8Array {
  if (decryptionKey !== key) expandInverse(key);
  const out = new Uint8Array(end - start);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let from = start, to = 0; from < end; from += BLOCK, to += BLOCK) {
    const e = load(data, from);
    const f = load(data, from + 4);
    const g = load(data, from + 8);
    const h = load(data, from + 12);
    decryptBlock(e, f, g, h);
    store(out, to, a ^ result[0]!);
    store(out, to + 4, b ^ result[1]!);
    store(out, to + 8, c ^ result[2]!);
    store(out, to + 12, d ^ result[3]!);
    a = e;
    b = f;
    c = g;
    d = h;
  }
  return out;
}

// State and round keys are columns: words whose high byte is row 0. The tables say what a byte in row 0, 1, 2, 3 contributes to its column
// after substitution and MixColumns, 256 words for each row. Constants of the module and not arguments: that is worth a factor of 1.6.
const SBOX = new Uint8Array(256);
const INVERSE_SBOX = new Uint8Array(256);
const TABLE = new Int32Array(4 * 256);
const INVERSE_TABLE = new Int32Array(4 * 256);
makeTables();

/** The schedules used last, and whose they are: to expand a key again is cheaper than to keep an expanded one with each key. */
const encryption = new Int32Array(60);
const decryption = new Int32Array(60);
let encryptionKey: Uint8Array | undefined;
let decryptionKey: Uint8Array | undefined;
/** Where the round key of the last round begins in them. */
let encryptionLast = 0;
let decryptionLast = 0;

/** The columns that a block function made. */
const result = new Int32Array(4);

function encryptBlock(column0: number, column1: number, column2: number, column3: number): void {
  let a = column0 ^ encryption[0]!;
  let b = column1 ^ encryption[1]!;
  let c = column2 ^ encryption[2]!;
  let d = column3 ^ encryption[3]!;
  const last = encryptionLast;
  let k = 4;
  for (; k < last; k += 4) {
    const x = mix(TABLE, a, b, c, d) ^ encryption[k]!;
    const y = mix(TABLE, b, c, d, a) ^ encryption[k + 1]!;
    const z = mix(TABLE, c, d, a, b) ^ encryption[k + 2]!;
    d = mix(TABLE, d, a, b, c) ^ encryption[k + 3]!;
    a = x;
    b = y;
    c = z;
  }
  result[0] = substitute(SBOX, a, b, c, d) ^ encryption[k]!;
  result[1] = substitute(SBOX, b, c, d, a) ^ encryption[k + 1]!;
  result[2] = substitute(SBOX, c, d, a, b) ^ encryption[k + 2]!;
  result[3] = substitute(SBOX, d, a, b, c) ^ encryption[k + 3]!;
}

function decryptBlock(column0: number, column1: number, column2: number, column3: number): void {
  let a = column0 ^ decryption[0]!;
  let b = column1 ^ decryption[1]!;
  let c = column2 ^ decryption[2]!;
  let d = column3 ^ decryption[3]!;
  const last = decryptionLast;
  let k = 4;
  for (; k < last; k += 4) {
    const x = mix(INVERSE_TABLE, a, d, c, b) ^ decryption[k]!;
    const y = mix(INVERSE_TABLE, b, a, d, c) ^ decryption[k + 1]!;
    const z = mix(INVERSE_TABLE, c, b, a, d) ^ decryption[k + 2]!;
    d = mix(INVERSE_TABLE, d, c, b, a) ^ decryption[k + 3]!;
    a = x;
    b = y;
    c = z;
  }
  result[0] = substitute(INVERSE_SBOX, a, d, c, b) ^ decryption[k]!;
  result[1] = substitute(INVERSE_SBOX, b, a, d, c) ^ decryption[k + 1]!;
  result[2] = substitute(INVERSE_SBOX, c, b, a, d) ^ decryption[k + 2]!;
  result[3] = substitute(INVERSE_SBOX, d, c, b, a) ^ decryption[k + 3]!;
}

/** The column that comes of row 0 of `a`, row 1 of `b`, row 2 of `c` and row 3 of `d`. */
function mix(table: Int32Array, a: number, b: number, c: number, d: number): number {
  return (
    table[a >>> 24]! ^
    table[256 | ((b >>> 16) & 255)]! ^
    table[512 | ((c >>> 8) & 255)]! ^
    table[768 | (d & 255)]!
  );
}

/** The same, substituted only. */
function substitute(sbox: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (
    (sbox[a >>> 24]! << 24) | (sbox[(b >>> 16) & 255]! << 16) | (sbox[(c >>> 8) & 255]! << 8) | sbox[d & 255]!
  );
}

/** Key expansion: FIPS 197 section 5.2. */
function expand(key: Uint8Array): void {
  const keyWords = key.length / 4;
  const length = 4 * (keyWords + 7);
  for (let i = 0; i < keyWords; i++) encryption[i] = load(key, 4 * i);
  let constant = 1;
  for (let i = keyWords; i < length; i++) {
    let word = encryption[i - 1]!;
    if (i % keyWords === 0) {
      word = (word << 8) | (word >>> 24);
      word = substitute(SBOX, word, word, word, word) ^ (constant << 24);
      constant = double(constant);
    } else if (keyWords > 6 && i % keyWords === 4) {
      word = substitute(SBOX, word, word, word, word);
    }
    encryption[i] = encryption[i - keyWords]! ^ word;
  }
  encryptionLast = length - 4;
  encryptionKey = key;
}

/** Round keys of the equivalent inverse cipher: FIPS 197 section 5.3.5. */
function expandInverse(key: Uint8Array): void {
  expand(key);
  const last = encryptionLast;
  for (let k = 0; k <= last; k += 4) {
    for (let column = 0; column < 4; column++) {
      const word = encryption[last - k + column]!;
      // InvMixColumns alone is what the table does to a byte that is substituted first.
      const image = substitute(SBOX, word, word, word, word);
      decryption[k + column] = k === 0 || k === last ? word : mix(INVERSE_TABLE, image, image, image, image);
    }
  }
  decryptionLast = last;
  decryptionKey = key;
}

function load(data: Uint8Array, at: number): number {
  return (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
}

function store(data: Uint8Array, at: number, word: number): void {
  data[at] = word >>> 24;
  data[at + 1] = word >>> 16;
  data[at + 2] = word >>> 8;
  data[at + 3] = word;
}

/** Multiplication by x in the field of FIPS 197 section 4.2. */
function double(byte: number): number {
  return (byte << 1) ^ (byte & 0x80 ? 0x11b : 0);
}

function makeTables(): void {
  // 3 generates the field: with `power` running up and `inverse` down, their product stays 1. (Dividing by 3 is multiplying by 0xf6.)
  let power = 1;
  let inverse = 1;
  do {
    setSbox(power, inverse);
    power ^= double(power);
    inverse = multiply(inverse, 0xf6);
  } while (power !== 1);
  setSbox(0, 0);
  for (let byte = 0; byte < 256; byte++) {
    setTable(TABLE, byte, SBOX[byte]!, [2, 1, 1, 3]);
    setTable(INVERSE_TABLE, byte, INVERSE_SBOX[byte]!, [14, 9, 13, 11]);
  }
}

/** The affine transformation of FIPS 197 section 5.1.1. */
function setSbox(byte: number, inverse: number): void {
  const twice = inverse | (inverse << 8);
  const image = (twice ^ (twice >> 4) ^ (twice >> 5) ^ (twice >> 6) ^ (twice >> 7) ^ 0x63) & 255;
  SBOX[byte] = image;
  INVERSE_SBOX[image] = byte;
}

function setTable(table: Int32Array, byte: number, image: number, factors: readonly number[]): void {
  const word = factors.reduce((column, factor) => (column << 8) | multiply(image, factor), 0);
  for (let row = 0; row < 4; row++) table[256 * row + byte] = (word >>> (8 * row)) | (word << (32 - 8 * row));
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let x = a, bits = b; bits !== 0; bits >>= 1, x = double(x)) if (bits & 1) product ^= x;
  return product;
}
