import { PacBuffer } from '../spec/pac-buffers.ts';
import { PacError } from './error.ts';
import { findBuffer, type Pac } from './pac.ts';

/** MS-PAC 2.14 PAC_ATTRIBUTES_INFO, Flags: how the client came to a PAC. */
export const PacAttribute = { WAS_REQUESTED: 1, WAS_GIVEN_IMPLICITLY: 2 } as const;

/** FlagsLength counts bits; two are defined. */
const DEFINED_BITS = 2;

/** Flags of an ATTRIBUTES_INFO buffer (the first 32; no more are defined). Throws `PacError`. */
export function decodeAttributesInfo(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 8) throw new PacError('ATTRIBUTES_INFO is cut off');
  const bits = view.getUint32(0, true);
  if (bits === 0 || bytes.length !== 4 + 4 * Math.ceil(bits / 32))
    throw new PacError(`ATTRIBUTES_INFO has ${bits} flags and ${bytes.length - 4} bytes for them`);
  return view.getUint32(4, true);
}

/** The flags that a PAC has, of those that are defined: what tickets that follow from its ticket go on saying. Throws `PacError`. */
export function statedAttributes(pac: Pac): number | undefined {
  const buffer = findBuffer(pac, PacBuffer.ATTRIBUTES_INFO);
  return buffer && decodeAttributesInfo(buffer.data) & ((1 << DEFINED_BITS) - 1);
}

/** Data of an ATTRIBUTES_INFO buffer. */
export function encodeAttributesInfo(flags: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, DEFINED_BITS, true);
  view.setUint32(4, flags, true);
  return bytes;
}
