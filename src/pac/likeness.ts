import type { Pac } from './pac.ts';
import { isSignature, SIGNATURE_TYPE_LENGTH } from './signatures.ts';
import { PacBuffer } from '../spec/pac-buffers.ts';
import { ATTRIBUTES_FLAGS, LOGON_TIME, type PacTemplate, TIME_LENGTH } from './template.ts';

/** What all PACs have in common that another KDC makes of one account as long as it does not change there: for `matchesTemplate`. */
export type Likeness = Pick<PacTemplate, 'bytes' | 'fixed' | 'times'>;

/** LogonCount and BadPasswordCount of KERB_VALIDATION_INFO: six times and six strings stand before them. */
const LOGON_COUNTS = LOGON_TIME + 6 * TIME_LENGTH + 6 * 8;
const COUNTS_LENGTH = 4;

/**
 * The likeness of a PAC that was verified and fully looked at. From one login to the next the time of the login changes, both counters (which
 * `filterForeignPac` does not pass on), the flags of ATTRIBUTES_INFO, and the checksums.
 */
export function likenessOf(pac: Pac): Likeness {
  const changing: { at: number; end: number }[] = [];
  const times: number[] = [];
  for (const { type, offset, data } of pac.buffers) {
    const change = (from: number, length: number): void =>
      void changing.push({ at: offset + from, end: offset + from + length });
    if (isSignature(type)) {
      change(SIGNATURE_TYPE_LENGTH, data.length - SIGNATURE_TYPE_LENGTH);
    } else if (type === PacBuffer.LOGON_INFO) {
      change(LOGON_TIME, TIME_LENGTH);
      change(LOGON_COUNTS, COUNTS_LENGTH);
    } else if (type === PacBuffer.CLIENT_INFO) {
      times.push(offset);
      change(0, TIME_LENGTH);
    } else if (type === PacBuffer.ATTRIBUTES_INFO) {
      change(ATTRIBUTES_FLAGS, 4);
    }
  }
  changing.sort((a, b) => a.at - b.at);
  const { bytes } = pac;
  return {
    bytes: bytes.slice(),
    times,
    fixed: [0, ...changing.flatMap(({ at, end }) => [at, end]), bytes.length],
  };
}
