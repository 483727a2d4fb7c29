import { equalConstantTime, passwordBytes, utf8 } from '../base/bytes.ts';
import type { Key } from '../base/key.ts';
import { ctsDecrypt, ctsEncrypt } from './cts.ts';
import { integrityError } from './errors.ts';
import { HEADROOM, workspace, type Primitives } from './primitives.ts';
import { encryptionKeys, keyedChecksum, makeConstant, type Constant } from './rfc3961.ts';
import type { EtypeRow, Scheme } from './scheme.ts';

/** AES with HMAC-SHA1-96: the simplified profile of RFC 3961 section 5.3, with AES in CTS mode as RFC 3962 says. */
export const rfc3962: Scheme = { stringToKey, encrypt, decrypt, checksum, prf };

const KERBEROS = makeConstant(utf8('kerberos'));
const PRF = makeConstant(utf8('prf'));

// "tkey = random2key(PBKDF2(passphrase, salt, iter_count, keylength)); key = DK(tkey, "kerberos")" (section 4)
async function stringToKey(
  primitives: Primitives,
  row: EtypeRow,
  password: string | Uint8Array,
  salt: string,
  iterations: number,
): Promise<Uint8Array> {
  const bytes = passwordBytes(password);
  const key = await primitives.pbkdf2(row.hash, bytes, utf8(salt), iterations, row.keyLength);
  return derive(primitives, row, key, KERBEROS, row.keyLength);
}

// "conf = Random string of length c; (C1, newIV) = E(Ke, conf | plaintext | pad, oldstate.ivec);
// H1 = HMAC(Ki, conf | plaintext | pad); ciphertext = C1 | H1[1..h]" (RFC 3961 section 5.3); CTS needs no pad.
function encrypt(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  plaintext: Uint8Array,
): Uint8Array {
  const keys = encryptionKeys(primitives, row, key, usage, derive);
  const length = row.confounderLength + plaintext.length;
  const work = workspace(length);
  primitives.randomFill(work, HEADROOM, HEADROOM + row.confounderLength);
  work.set(plaintext, HEADROOM + row.confounderLength);
  const mac = primitives.hmac(row.hash, keys.integrity, work, HEADROOM + length, row.macLength);
  const out = ctsEncrypt(keys.cipher, work, HEADROOM, length, row.macLength);
  out.set(mac, length);
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
  const work = workspace(length);
  work.set(ciphertext.subarray(0, length), HEADROOM);
  const plain = ctsDecrypt(keys.cipher, work, HEADROOM, length);
  work.set(plain.subarray(0, length), HEADROOM);
  const mac = primitives.hmac(row.hash, keys.integrity, work, HEADROOM + length, row.macLength);
  if (!equalConstantTime(mac, ciphertext.subarray(length))) throw integrityError();
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

// "tmp1 = H(octet-string); tmp2 = truncate tmp1 to multiple of m; PRF = E(DK(protocol-key, prfconstant), tmp2,
// initial-cipher-state)" (RFC 3961 section 5.3). Of a SHA-1 hash that leaves one block, and CTS of one block is plain AES.
function prf(primitives: Primitives, row: EtypeRow, key: Key, data: Uint8Array): Uint8Array {
  const block = primitives.digest(row.hash, data);
  const prfKey = derive(primitives, row, key.bytes, PRF, row.keyLength);
  return primitives.aesCbc(prfKey).encrypt(block, 0, 16);
}

/** DK (RFC 3961 section 5.1); `length` is one or two blocks. */
export function derive(
  primitives: Primitives,
  _row: EtypeRow,
  key: Uint8Array,
  constant: Constant,
  length: number,
): Uint8Array {
  // "K1 = E(Key, n-fold(Constant), initial-cipher-state); K2 = E(Key, K1, initial-cipher-state); ...": that is what CBC makes of the
  // folded constant with zeros after it.
  const work = workspace(length);
  const end = HEADROOM + length;
  work.set(constant.folded, HEADROOM);
  work.fill(0, HEADROOM + constant.folded.length, end);
  return primitives.aesCbc(key).encrypt(work, HEADROOM, end);
}
