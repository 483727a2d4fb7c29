import { equalConstantTime, passwordBytes, utf8 } from '../base/bytes.ts';
import type { Key } from '../base/key.ts';
import { ctsDecrypt, ctsEncrypt } from './cts.ts';
import { integrityError } from './errors.ts';
import { HEADROOM, workspace, type Primitives } from './primitives.ts';
import { encryptionKeys, keyedChecksum, makeConstant, type Constant } from './rfc3961.ts';
import type { EtypeRow, Scheme } from './scheme.ts';

/** AES with HMAC-SHA2 (RFC 8009): encrypt, then MAC. */
export const rfc8009: Scheme = { stringToKey, encrypt, decrypt, checksum, prf };

const KERBEROS = makeConstant(utf8('kerberos'));
const PRF = utf8('prf');
const NOTHING = new Uint8Array();

/** The cipher state that the MAC covers in front of the ciphertext: one block, zero as each message stands alone (section 5). */
const STATE = 16;

// "saltp = enctype-name | 0x00 | salt; tkey = random-to-key(PBKDF2(passphrase, saltp, iter_count, keylength));
// base-key = random-to-key(KDF-HMAC-SHA2(tkey, "kerberos", keylength))" (section 4)
async function stringToKey(
  primitives: Primitives,
  row: EtypeRow,
  password: string | Uint8Array,
  salt: string,
  iterations: number,
): Promise<Uint8Array> {
  const fullSalt = utf8(`${row.name}\0${salt}`);
  const bytes = passwordBytes(password);
  const key = await primitives.pbkdf2(row.hash, bytes, fullSalt, iterations, row.keyLength);
  return derive(primitives, row, key, KERBEROS, row.keyLength);
}

// "C = E(Ke, N | plaintext, IV); H = HMAC(Ki, IV | C); ciphertext = C | H[1..h]" (section 5)
function encrypt(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  plaintext: Uint8Array,
): Uint8Array {
  const keys = encryptionKeys(primitives, row, key, usage, derive);
  const length = row.confounderLength + plaintext.length;
  const work = workspace(STATE + length);
  const start = HEADROOM + STATE;
  primitives.randomFill(work, start, start + row.confounderLength);
  work.set(plaintext, start + row.confounderLength);
  const out = ctsEncrypt(keys.cipher, work, start, length, row.macLength);
  work.fill(0, HEADROOM, start);
  work.set(out.subarray(0, length), start);
  out.set(primitives.hmac(row.hash, keys.integrity, work, start + length, row.macLength), length);
  return new Uint8Array(out.buffer, out.byteOffset, length + row.macLength);
}

function decrypt(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  ciphertext: Uint8Array,
): Uint8Array {
  const length = ciphertext.length - row.macLength;
  if (length < row.confounderLength) throw integrityError();
  const keys = encryptionKeys(primitives, row, key, usage, derive);
  const work = workspace(STATE + length);
  const start = HEADROOM + STATE;
  work.fill(0, HEADROOM, start);
  work.set(ciphertext.subarray(0, length), start);
  const mac = primitives.hmac(row.hash, keys.integrity, work, start + length, row.macLength);
  if (!equalConstantTime(mac, ciphertext.subarray(length))) throw integrityError();
  const plain = ctsDecrypt(keys.cipher, work, start, length);
  return new Uint8Array(plain.buffer, plain.byteOffset + row.confounderLength, length - row.confounderLength);
}

function checksum(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  data: Uint8Array,
): Uint8Array {
  return keyedChecksum(primitives, row, key, usage, data, derive);
}

// "PRF = KDF-HMAC-SHA2(input-key, "prf", octet-string, 256)", or 384 (section 5): the whole hash, of which a MAC is half.
function prf(primitives: Primitives, row: EtypeRow, key: Key, data: Uint8Array): Uint8Array {
  return kdf(primitives, row, key.bytes, PRF, data, 2 * row.macLength);
}

/** KDF-HMAC-SHA2 without context (section 3), which is DK of these etypes. */
export function derive(
  primitives: Primitives,
  row: EtypeRow,
  key: Uint8Array,
  constant: Constant,
  length: number,
): Uint8Array {
  return kdf(primitives, row, key, constant.octets, NOTHING, length);
}

// "K1 = HMAC-SHA-256(key, 0x00000001 | label | 0x00 | k)", with "| context |" after the zero octet for the PRF, k being the length in
// bits (section 3).
function kdf(
  primitives: Primitives,
  row: EtypeRow,
  key: Uint8Array,
  label: Uint8Array,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const bits = 8 * length;
  const afterLabel = HEADROOM + COUNTER.length + label.length + 1;
  const end = afterLabel + context.length + 4;
  const work = workspace(end - HEADROOM);
  work.set(COUNTER, HEADROOM);
  work.set(label, HEADROOM + COUNTER.length);
  work[afterLabel - 1] = 0;
  work.set(context, afterLabel);
  work[end - 4] = 0;
  work[end - 3] = 0;
  work[end - 2] = bits >> 8;
  work[end - 1] = bits;
  return primitives.hmac(row.hash, key, work, end, length);
}

const COUNTER = Uint8Array.of(0, 0, 0, 1);
