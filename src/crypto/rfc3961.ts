import type { Key } from '../base/key.ts';
import { HEADROOM, workspace, type AesCbc, type Primitives } from './primitives.ts';
import type { EtypeRow } from './scheme.ts';

/** What a key is derived with: the octets, and their 128-fold, which is what DK of the AES etypes of RFC 3962 encrypts. */
export interface Constant {
  readonly octets: Uint8Array;
  readonly folded: Uint8Array;
}

/** DK of an etype: `length` octets derived from the octets of `key`. */
export type Derive = (
  primitives: Primitives,
  row: EtypeRow,
  key: Uint8Array,
  constant: Constant,
  length: number,
) => Uint8Array;

/** Ke, ready to encrypt with, and Ki. */
export interface EncryptionKeys {
  readonly cipher: AesCbc;
  readonly integrity: Uint8Array;
}

/** Ke and Ki of one usage of a key. Derived once, then remembered with the key. */
export function encryptionKeys(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  derive: Derive,
): EncryptionKeys {
  const keys = usageKeys(primitives, key, usage);
  if (keys.encryption !== undefined) return keys.encryption;
  const { bytes } = key;
  const ke = derive(primitives, row, bytes, usageConstant(usage, 0xaa), row.keyLength);
  const integrity = derive(primitives, row, bytes, usageConstant(usage, 0x55), row.integrityKeyLength);
  return (keys.encryption = { cipher: primitives.aesCbc(ke), integrity });
}

/** The keyed checksum of the simplified profile: HMAC with Kc, cut to the row's length. */
export function keyedChecksum(
  primitives: Primitives,
  row: EtypeRow,
  key: Key,
  usage: number,
  data: Uint8Array,
  derive: Derive,
): Uint8Array {
  const keys = usageKeys(primitives, key, usage);
  keys.checksum ??= derive(primitives, row, key.bytes, usageConstant(usage, 0x99), row.integrityKeyLength);
  const work = workspace(data.length);
  work.set(data, HEADROOM);
  return primitives.hmac(row.hash, keys.checksum, work, HEADROOM + data.length, row.macLength);
}

/** The constant of these octets. */
export function makeConstant(octets: Uint8Array): Constant {
  return { octets, folded: nFold(octets, 16) };
}

/** n-fold (RFC 3961 section 5.1) of `input` to `length` octets. */
export function nFold(input: Uint8Array, length: number): Uint8Array {
  const sum = new Uint8Array(length);
  const bits = 8 * input.length;
  let carry = 0;
  for (let at = lcm(input.length, length) - 1; at >= 0; at--) {
    // The input is replicated, each copy rotated 13 bits further to the right than the one before; this is octet `at` of all the copies.
    const bit = (8 * at - 13 * Math.floor(at / input.length)) % bits;
    const from = bit < 0 ? bit + bits : bit;
    const high = input[from >> 3]!;
    const low = input[((from >> 3) + 1) % input.length]!;
    carry += ((((high << 8) | low) >> (8 - (from & 7))) & 0xff) + sum[at % length]!;
    sum[at % length] = carry;
    carry >>= 8;
  }
  // Addition is in ones' complement: the carry comes around.
  for (let at = length - 1; carry !== 0; at = (at + length - 1) % length) {
    carry += sum[at]!;
    sum[at] = carry;
    carry >>= 8;
  }
  return sum;
}

/** Keys of one usage, in a list that begins at `key.derived`. They belong to one row of primitives, since a cipher does. */
class UsageKeys {
  readonly primitives: Primitives;
  readonly usage: number;
  readonly next: UsageKeys | undefined;
  encryption: EncryptionKeys | undefined = undefined;
  checksum: Uint8Array | undefined = undefined;

  constructor(primitives: Primitives, usage: number, next: UsageKeys | undefined) {
    this.primitives = primitives;
    this.usage = usage;
    this.next = next;
  }

  toJSON(): string {
    return `keys of usage ${this.usage}`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toJSON();
  }
}

function usageKeys(primitives: Primitives, key: Key, usage: number): UsageKeys {
  const first = key.derived as UsageKeys | undefined;
  for (let keys = first; keys !== undefined; keys = keys.next) {
    if (keys.usage === usage && keys.primitives === primitives) return keys;
  }
  const keys = new UsageKeys(primitives, usage, first);
  key.derived = keys;
  return keys;
}

/** Constants of the usages met so far: as many as the code has usages. */
const usageConstants = new Map<number, Constant>();

// "Kc = DK(base-key, usage | 0x99); Ke = DK(base-key, usage | 0xAA); Ki = DK(base-key, usage | 0x55)", the usage in four octets,
// big-endian (section 5.3; RFC 8009 section 5 says the same).
function usageConstant(usage: number, purpose: 0x99 | 0xaa | 0x55): Constant {
  const index = usage * 256 + purpose;
  let constant = usageConstants.get(index);
  if (constant === undefined) {
    constant = makeConstant(Uint8Array.of(usage >>> 24, usage >>> 16, usage >>> 8, usage, purpose));
    usageConstants.set(index, constant);
  }
  return constant;
}

function lcm(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
