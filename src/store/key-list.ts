import { fromUtf8, utf8 } from '../base/bytes.ts';
import { Key } from '../base/key.ts';
import { RealmwardError } from '../base/errors.ts';
import type { PrincipalKey } from '../realm/principal.ts';
import { STRONG_ETYPES } from '../spec/etypes.ts';

/*
 * The keys of a principal as they are sealed: a format number, then for each key kvno (uint32), etype (int32), time of making (float64, NaN for
 * unknown), then salt, s2kparams and key, each as length (uint16, 0xffff for none) and bytes. Big-endian.
 */
const FORMAT = 1;
const FIXED = 4 + 4 + 8;
const NONE = 0xff_ff;

/** The keys as a `Principal` holds them: highest kvno first, within a kvno strongest etype first. */
export function sortKeys(keys: readonly PrincipalKey[]): readonly PrincipalKey[] {
  return keys.toSorted((a, b) => b.kvno - a.kvno || strength(a.key.etype) - strength(b.key.etype));
}

/** Bytes of `keys`. Full of secrets: to be sealed, then overwritten. */
export function encodeKeys(keys: readonly PrincipalKey[]): Uint8Array {
  const rows = keys.map(({ kvno, key, salt, s2kparams, created }) => ({
    kvno,
    etype: key.etype,
    created: created ?? Number.NaN,
    parts: [salt === undefined ? undefined : utf8(salt), s2kparams, key.bytes],
  }));
  const length = rows.reduce(
    (sum, { parts }) => parts.reduce((all, part) => all + 2 + (part?.length ?? 0), sum + FIXED),
    1,
  );
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, FORMAT);
  let at = 1;
  for (const { kvno, etype, created, parts } of rows) {
    view.setUint32(at, kvno);
    view.setInt32(at + 4, etype);
    view.setFloat64(at + 8, created);
    at += FIXED;
    for (const part of parts) {
      view.setUint16(at, part?.length ?? NONE);
      bytes.set(part ?? [], at + 2);
      at += 2 + (part?.length ?? 0);
    }
  }
  return bytes;
}

/** The inverse of `encodeKeys`; nothing in the result shares memory with `bytes`. Throws `RealmwardError` `newer-store` on another format. */
export function decodeKeys(bytes: Uint8Array): readonly PrincipalKey[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(0) !== FORMAT) {
    throw new RealmwardError(
      'newer-store',
      `keys are stored in the format ${view.getUint8(0)}, which this version does not know`,
      {
        hint: 'Run the newer version of realmward that wrote them.',
      },
    );
  }
  const keys: PrincipalKey[] = [];
  let at = 1;
  const part = (): Uint8Array | undefined => {
    const length = view.getUint16(at);
    at += 2;
    if (length === NONE) return undefined;
    at += length;
    // Not slice(): of a Buffer that is a view.
    return new Uint8Array(bytes.subarray(at - length, at));
  };
  while (at < bytes.length) {
    const kvno = view.getUint32(at);
    const etype = view.getInt32(at + 4);
    const created = view.getFloat64(at + 8);
    at += FIXED;
    const saltBytes = part();
    const s2kparams = part();
    const key = new Key(etype, part() ?? new Uint8Array());
    // All keys of one password have one salt: one string for all of them.
    const salt = saltBytes && fromUtf8(saltBytes);
    const before = keys.at(-1)?.salt;
    keys.push({
      kvno,
      key,
      salt: salt === before ? before : salt,
      s2kparams,
      created: Number.isNaN(created) ? undefined : created,
    });
  }
  return keys;
}

function strength(etype: number): number {
  const at = STRONG_ETYPES.indexOf(etype);
  return at === -1 ? STRONG_ETYPES.length : at;
}
