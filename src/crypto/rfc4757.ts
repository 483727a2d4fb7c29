import { concat, equalConstantTime, fromUtf8, utf8 } from '../base/bytes.ts';
import type { Key } from '../base/key.ts';
import { integrityError } from './errors.ts';
import { HEADROOM, workspace, type HashName, type Primitives } from './primitives.ts';
import type { EtypeRow, Scheme } from './scheme.ts';

/**
 * RC4-HMAC (RFC 4757), for a trust whose operator chose it. Broken by design: MD4 of the password without salt is the key. MD4 and RC4
 * live here and nowhere else.
 */
export const rfc4757: Scheme = { stringToKey, encrypt, decrypt, checksum, prf };

// K = MD4(UNICODE(password)), UNICODE being UTF-16 little-endian (section 2). There is no salt.
async function stringToKey(
  _primitives: Primitives,
  _row: EtypeRow,
  password: string | Uint8Array,
): Promise<Uint8Array> {
  const chars = typeof password === 'string' ? password : fromUtf8(password);
  const text = new Uint8Array(2 * chars.length);
  const view = new DataView(text.buffer);
  for (let i = 0; i < chars.length; i++) view.setUint16(2 * i, chars.charCodeAt(i), true);
  return md4(text);
}

// K1 = HMAC(K, T); checksum = HMAC(K1, confounder | data); K3 = HMAC(K1, checksum); checksum | RC4(K3, confounder | data) (section 5)
function encrypt(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  plaintext: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(row.confounderLength + plaintext.length);
  primitives.randomFill(message, 0, row.confounderLength);
  message.set(plaintext, row.confounderLength);
  const k1 = hmac(primitives, row.hash, key.bytes, messageType(usage));
  const mac = hmac(primitives, row.hash, k1, message);
  rc4(hmac(primitives, row.hash, k1, mac), message);
  return concat(mac, message);
}

function decrypt(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  ciphertext: Uint8Array,
): Uint8Array {
  if (ciphertext.length < row.macLength + row.confounderLength) throw integrityError();
  const mac = ciphertext.slice(0, row.macLength);
  const message = ciphertext.slice(row.macLength);
  const k1 = hmac(primitives, row.hash, key.bytes, messageType(usage));
  rc4(hmac(primitives, row.hash, k1, mac), message);
  if (!equalConstantTime(hmac(primitives, row.hash, k1, message), mac)) throw integrityError();
  return message.subarray(row.confounderLength);
}

const SIGNATURE_KEY = utf8('signaturekey\0');

// Ksign = HMAC(K, "signaturekey\0"); HMAC(Ksign, MD5(T | data)) (section 4)
function checksum(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  data: Uint8Array,
): Uint8Array {
  const signatureKey = hmac(primitives, row.hash, key.bytes, SIGNATURE_KEY);
  return hmac(
    primitives,
    row.hash,
    signatureKey,
    primitives.digest(row.hash, concat(messageType(usage), data)),
  );
}

/** HMAC-SHA1 of the data. No RFC has one for this etype; this is MIT's. */
function prf(primitives: Primitives, _row: EtypeRow, key: Key, data: Uint8Array): Uint8Array {
  return hmac(primitives, 'sha1', key.bytes, data);
}

function hmac(primitives: Primitives, hash: HashName, key: Uint8Array, data: Uint8Array): Uint8Array {
  const work = workspace(data.length);
  work.set(data, HEADROOM);
  return primitives.hmac(hash, key, work, HEADROOM + data.length, hash === 'sha1' ? 20 : 16);
}

/** T, the message type that stands for a key usage, in four octets, little-endian (section 3). */
function messageType(usage: number): Uint8Array {
  const type = MESSAGE_TYPES.get(usage) ?? usage;
  return Uint8Array.of(type, type >>> 8, type >>> 16, type >>> 24);
}

/** The usages whose message type is another number. Section 3 says 8 for 9 as well; an erratum took that back, and MIT uses 9. */
const MESSAGE_TYPES: ReadonlyMap<number, number> = new Map([
  [3, 8],
  [23, 13],
]);

/** RC4, encrypting or decrypting `data` in place. */
export function rc4(key: Uint8Array, data: Uint8Array): void {
  const state = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + state[i]! + key[i % key.length]!) & 0xff;
    swap(state, i, j);
  }
  for (let n = 0, i = 0, j = 0; n < data.length; n++) {
    i = (i + 1) & 0xff;
    j = (j + state[i]!) & 0xff;
    swap(state, i, j);
    data[n]! ^= state[(state[i]! + state[j]!) & 0xff]!;
  }
}

function swap(state: Uint8Array, i: number, j: number): void {
  const byte = state[i]!;
  state[i] = state[j]!;
  state[j] = byte;
}

/** MD4 (RFC 1320). */
export function md4(data: Uint8Array): Uint8Array {
  const padded = new Uint8Array((data.length + 9 + 63) & -64);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, data.length << 3, true);
  view.setUint32(padded.length - 4, Math.floor(data.length / 2 ** 29), true);

  const sum = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let block = 0; block < padded.length; block += 64) {
    let [a, b, c, d] = sum as unknown as [number, number, number, number];
    for (let step = 0; step < 48; step++) {
      const round = MD4_ROUNDS[step >> 4]!;
      const word = view.getInt32(block + 4 * round.order[step & 15]!, true);
      const mixed = (a + round.mix(b, c, d) + word + round.constant) | 0;
      const by = round.shifts[step & 3]!;
      [a, d, c, b] = [d, c, b, (mixed << by) | (mixed >>> (32 - by))];
    }
    sum[0]! += a;
    sum[1]! += b;
    sum[2]! += c;
    sum[3]! += d;
  }
  const digest = new DataView(new ArrayBuffer(16));
  sum.forEach((word, i) => digest.setInt32(4 * i, word, true));
  return new Uint8Array(digest.buffer);
}

/** RFC 1320 section 3.4: mixing function, constant, order of the words and rotations of each round. */
const MD4_ROUNDS = [
  {
    mix: (x: number, y: number, z: number) => (x & y) | (~x & z),
    constant: 0,
    order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    shifts: [3, 7, 11, 19],
  },
  {
    mix: (x: number, y: number, z: number) => (x & y) | (x & z) | (y & z),
    constant: 0x5a827999,
    order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    shifts: [3, 5, 9, 13],
  },
  {
    mix: (x: number, y: number, z: number) => x ^ y ^ z,
    constant: 0x6ed9eba1,
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    shifts: [3, 9, 11, 15],
  },
];
