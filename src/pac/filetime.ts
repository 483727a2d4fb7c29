import type { Seconds } from '../base/ports.ts';

/** Intervals of 100 nanoseconds since 1601-01-01T00:00:00Z (MS-DTYP 2.3.3), as in every time of a PAC. */
export type Filetime = bigint;

/** "Never": what MS-PAC 2.5 puts where an account has no logoff, kickoff or must-change time. */
export const NEVER: Filetime = 0x7fff_ffff_ffff_ffffn;

/** Seconds from 1601 to 1970. */
const EPOCH = 11_644_473_600;

/** The FILETIME of a Kerberos time. */
export function toFiletime(time: Seconds): Filetime {
  return BigInt(time + EPOCH) * 10_000_000n;
}

/** Whole seconds since 1970 of a FILETIME, rounded down; below zero for times before 1970. */
export function fromFiletime(time: Filetime): Seconds {
  return Number(time / 10_000_000n) - EPOCH;
}

/**
 * Writes the FILETIME of `time` at `at`, without the BigInt that would cost more than copying a whole PAC. Ten million is 78125 x 2^7, so the
 * seconds are split at 2^25: the halves of the product are those of the FILETIME, but for a carry.
 */
export function writeFiletime(view: DataView, at: number, time: Seconds): void {
  const seconds = time + EPOCH;
  const low = (seconds % 0x200_0000) * 78_125;
  const high = Math.floor(seconds / 0x200_0000) * 78_125;
  view.setUint32(at, (low % 0x200_0000) * 128, true);
  view.setUint32(at + 4, high + Math.floor(low / 0x200_0000), true);
}
