import t from 'tap';
import type { Test } from 'tap';
import { concat, equalBytes, fromHex, toHex } from '../../src/base/bytes.ts';
import { DerError } from '../../src/codec/der/error.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import type { Type } from '../../src/codec/der/type.ts';
import { ApReq } from '../../src/codec/krb5/ap.ts';
import { AsReq, EncAsRepPart, EncTgsRepPart, TgsReq } from '../../src/codec/krb5/kdc.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { EtypeInfo2 } from '../../src/codec/krb5/padata.ts';
import { MethodData } from '../../src/codec/krb5/basic.ts';
import { KrbSafe } from '../../src/codec/krb5/safe-priv-cred.ts';
import { capture, messages } from './messages.ts';
import type { Message } from './messages.ts';

const MESSAGES = messages();

// Tens of thousands of refusals are tried here, and nobody reads their stacks.
Error.stackTraceLimit = 0;

/** What decoding gives: a value, or `undefined` where the bytes were refused as they should be. Anything else that is thrown fails the test. */
function attempt(type: Type<unknown>, bytes: Uint8Array): unknown {
  try {
    return decode(type, bytes);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** `bytes` with one run of bytes replaced by another of the same length; it must be there exactly once. */
function altered(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const [head, tail, ...more] = toHex(bytes).split(from);
  if (head === undefined || tail === undefined || more.length > 0)
    throw new Error(`${from} is not there once`);
  return fromHex(head + to + tail);
}

const refuses = (t: Test, type: Type<unknown>, bytes: Uint8Array, message: RegExp) =>
  t.throws(() => decode(type, bytes), { name: 'DerError', message });

await t.test('every message of the fixtures is read, and written again byte for byte', async (t) => {
  t.ok(MESSAGES.length > 80);
  for (const { name, type, bytes } of MESSAGES) {
    t.equal(toHex(encode(type, decode(type, bytes))), toHex(bytes), name);
  }
});

await t.test('every message cut short anywhere is refused', async (t) => {
  for (const { name, type, bytes } of MESSAGES) {
    for (let length = 0; length < bytes.length; length++) {
      if (attempt(type, bytes.subarray(0, length)) !== undefined)
        t.fail(`${name} cut to ${length} bytes is read`);
    }
    refuses(t, type, concat(bytes, fromHex('00')), /1 bytes follow the/);
  }
});

await t.test(
  'every message with a bit flipped is refused, or read and written again byte for byte',
  async (t) => {
    let read = 0;
    // What is longer is so by its ciphertexts, where every bit may be anything.
    for (const message of MESSAGES) if (message.bytes.length <= 512) read += flipBits(t, message);
    t.ok(read > 10_000, `${read} of them are read`);
  },
);

/** Tries every bit; returns how many changed messages were read. */
function flipBits(t: Test, { name, type, bytes }: Message): number {
  let read = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const at = bit >> 3;
    const flipped = bytes.slice();
    flipped[at] = (flipped[at] ?? 0) ^ (0x80 >> (bit & 7));
    const value = attempt(type, flipped);
    if (value === undefined) continue;
    read++;
    const again = encode(type, value);
    if (equalBytes(again, flipped)) continue;
    // The one tolerance that a bit away from these messages lies: an unsigned number became negative, and is read modulo 2^32.
    const isSign = (bit & 7) === 0 && bytes[at - 2] === 0x02;
    if (!isSign || !t.strictSame(attempt(type, again), withoutRaw(value, attempt(type, again)))) {
      t.fail(`${name} with bit ${bit} flipped is read as something else`);
    }
  }
  return read;
}

/** `value` with the `raw` parts of `other`, for values that were read from different bytes. */
function withoutRaw(value: unknown, other: unknown): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  const theirs = other as Record<string, unknown>;
  if (Array.isArray(value)) return value.map((one, i) => withoutRaw(one, theirs[i]));
  const entries = Object.entries(value).map(([key, one]) => [
    key,
    key === 'raw' ? theirs['raw'] : withoutRaw(one, theirs[key]),
  ]);
  return Object.fromEntries(entries);
}

await t.test('raw is what a checksum covers: the very bytes of a request body', async (t) => {
  const bytes = capture('mit-kvno-tgs-req');
  const { raw } = decode(TgsReq, bytes).reqBody;
  t.equal(toHex(raw ?? fromHex('')), toHex(bytes.subarray(bytes.length - (raw?.length ?? 0))));
  t.equal(raw?.[0], 0x30);
});

await t.test('tolerates a negative nonce, and gives it back as it came', async (t) => {
  const bytes = capture('heimdal-kgetcred-tgs-req');
  const { nonce } = decode(TgsReq, bytes).reqBody;
  t.ok(nonce < 0);
  const reply = decode(EncTgsRepPart, capture('heimdal-kgetcred-enc-tgs-rep-part'));
  t.equal(reply.nonce, nonce, 'as MIT gives it back');
});

await t.test('tolerates a negative kvno, as a read-only domain controller of AD may have', async (t) => {
  const bytes = altered(capture('java-gss-ap-req'), 'a003020112a103020101', 'a003020112a1030201fe');
  t.equal(decode(ApReq, bytes).ticket.encPart.kvno, 0xffff_fffe);
});

await t.test('tolerates a negative sequence number', async (t) => {
  const { bytes } = MESSAGES.find(({ name }) => name === 'safe') ?? { bytes: fromHex('') };
  t.equal(decode(KrbSafe, bytes).safeBody.seqNumber, 17);
  t.equal(decode(KrbSafe, altered(bytes, 'a303020111', 'a3030201ef')).safeBody.seqNumber, 0xffff_ffef);
});

await t.test('tolerates EncASRepPart under the tag of EncTGSRepPart, which is what MIT writes', async (t) => {
  for (const name of ['mit-kinit', 'heimdal-kinit', 'java-login']) {
    const bytes = capture(`${name}-enc-as-rep-part`);
    t.equal(bytes[0], 0x60 | 26);
    const part = decode(EncAsRepPart, bytes);
    const ours = encode(EncAsRepPart, part);
    t.equal(ours[0], 0x60 | 25, 'we write the right one');
    t.same(decode(EncAsRepPart, ours), part);
  }
  refuses(
    t,
    EncAsRepPart,
    altered(capture('mit-kinit-enc-as-rep-part').subarray(0, 2), '7a', '7b'),
    /expected/,
  );
});

await t.test('tolerates name type 0 and any other', async (t) => {
  const { sname } = decode(TgsReq, capture('java-login-tgs-req')).reqBody;
  t.equal(sname?.nameType, 0);
});

await t.test('refuses a fraction in KerberosTime', async (t) => {
  const bytes = capture('mit-unknown-as-req');
  const { reqBody } = decode(AsReq, bytes);
  t.type(reqBody.till, 'number');
  const at = toHex(bytes).indexOf('a511180f') / 2;
  const digits = bytes.subarray(at + 4, at + 18);
  const fraction = concat(fromHex('a513 1811'), digits, fromHex('2e305a'));
  refuses(t, AsReq, longer(bytes, at, 19, fraction), /KerberosTime is not YYYYMMDDHHMMSSZ/);
  t.same(decode(AsReq, longer(bytes, at, 19, bytes.subarray(at, at + 19))), decode(AsReq, bytes));
});

await t.test('refuses a BER length', async (t) => {
  const bytes = capture('mit-unknown-as-req');
  const at = toHex(bytes).indexOf('a511180f') / 2;
  const ber = concat(fromHex('a512 18810f'), bytes.subarray(at + 4, at + 19));
  refuses(t, AsReq, longer(bytes, at, 19, ber), /not in its shortest form/);
});

/** An AS-REQ whose bytes `[at, at + length)`, inside its body, are replaced, with the lengths of all that contains them put right. */
function longer(bytes: Uint8Array, at: number, length: number, replacement: Uint8Array): Uint8Array {
  const body = toHex(bytes).indexOf('a481') / 2;
  const grow = replacement.length - length;
  const changed = concat(bytes.subarray(0, at), replacement, bytes.subarray(at + length));
  for (const where of [2, 5, body + 2, body + 5]) changed[where] = (changed[where] ?? 0) + grow;
  return changed;
}

await t.test('reads what a KDC says before preauthentication', async (t) => {
  const error = decode(KrbError, capture('mit-kinit-krb-error'));
  t.equal(error.errorCode, 25);
  const padata = decode(MethodData, error.eData ?? fromHex(''));
  const info = padata.find(({ padataType }) => padataType === 19);
  t.match(decode(EtypeInfo2, info?.padataValue ?? fromHex('')), [
    { etype: 18, salt: 'REALM1.EXAMPLEalice', s2kparams: undefined },
  ]);
});
