import type { Sid } from '../base/sid.ts';
import { sidParts } from '../base/sid.ts';
import { PacError } from './error.ts';

/** MS-DTYP 2.4.2.2: revision (1), count of sub-authorities (at most 15), authority (6 bytes, big-endian), sub-authorities (little-endian). */
const HEADER = 8;
/** The most that a SID has. */
export const MAX_SUB_AUTHORITIES = 15;

/** The SID that starts at `at` and ends at or before `end`. Throws `PacError` on another revision, more than 15 sub-authorities, or too few bytes. */
export function readSid(view: DataView, at: number, end: number): Sid {
  if (end - at < HEADER) throw new PacError('a SID is cut off');
  const count = view.getUint8(at + 1);
  if (view.getUint8(at) !== 1) throw new PacError(`a SID has revision ${view.getUint8(at)} instead of 1`);
  if (count > MAX_SUB_AUTHORITIES) throw new PacError(`a SID has ${count} sub-authorities; 15 is the most`);
  if (end - at < sidLength(count)) throw new PacError('a SID is cut off');
  // Every part is in range by its width, so the text is canonical as parseSid would have it.
  let text = `S-1-${view.getUint16(at + 2) * 0x1_0000_0000 + view.getUint32(at + 4)}`;
  for (let i = 0; i < count; i++) text += `-${view.getUint32(at + HEADER + 4 * i, true)}`;
  return text as Sid;
}

/** Bytes of `sid`. */
export function encodeSid(sid: Sid): Uint8Array {
  const { authority, subAuthorities } = sidParts(sid);
  const bytes = new Uint8Array(sidLength(subAuthorities.length));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 1);
  view.setUint8(1, subAuthorities.length);
  view.setUint16(2, Math.floor(authority / 0x1_0000_0000));
  view.setUint32(4, authority % 0x1_0000_0000);
  subAuthorities.forEach((sub, i) => view.setUint32(HEADER + 4 * i, sub, true));
  return bytes;
}

/** Length in bytes of a SID with `count` sub-authorities. */
export function sidLength(count: number): number {
  return HEADER + 4 * count;
}
