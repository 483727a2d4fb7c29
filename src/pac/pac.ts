import { PacError } from './error.ts';

/** One buffer of a PAC (MS-PAC 2.4 PAC_INFO_BUFFER): its type (`PacBuffer` in spec/), where it starts in the PAC, and a view of its data. */
export interface PacInfoBuffer {
  readonly type: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A PAC taken apart: the bytes as they were, and their buffers in the order of the header. Nothing in it is verified. */
export interface Pac {
  readonly bytes: Uint8Array;
  readonly buffers: readonly PacInfoBuffer[];
}

/** A PAC is part of a ticket, and larger ones go through no KDC. */
const MAX_PAC_LENGTH = 0x1_0000;

/** Fourteen types of buffer are defined. */
export const MAX_BUFFERS = 32;

/** MS-PAC 2.3 PACTYPE: cBuffers, Version. */
const HEADER = 8;
/** MS-PAC 2.4 PAC_INFO_BUFFER: ulType, cbBufferSize, Offset (64 bits). */
const ENTRY = 16;
const VERSION = 0;
/** MS-PAC 2.3: each buffer starts at a multiple of eight. */
const ALIGNMENT = 8;

/**
 * Takes a PAC apart; the data are views of `bytes`. Throws `PacError` on another version, on no buffer or more than `MAX_BUFFERS`, on two
 * buffers of one type (readers would pick one or the other), on buffers that overlap, are not aligned or lie outside, and on more than
 * `MAX_PAC_LENGTH` bytes. Types that are not known are kept as they are.
 */
export function decodePac(bytes: Uint8Array): Pac {
  if (bytes.length > MAX_PAC_LENGTH) throw new PacError(`a PAC of ${bytes.length} bytes is too large`);
  if (bytes.length < HEADER) throw new PacError('a PAC is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getUint32(0, true);
  const version = view.getUint32(4, true);
  if (version !== VERSION) throw new PacError(`a PAC has version ${version} instead of 0`);
  if (count === 0 || count > MAX_BUFFERS) throw new PacError(`a PAC says it has ${count} buffers`);
  const headerLength = HEADER + ENTRY * count;
  if (bytes.length < headerLength) throw new PacError('a PAC is cut off');
  const buffers: PacInfoBuffer[] = [];
  for (let entry = HEADER; entry < headerLength; entry += ENTRY) {
    const type = view.getUint32(entry, true);
    const size = view.getUint32(entry + 4, true);
    const offset = view.getUint32(entry + 8, true);
    if (view.getUint32(entry + 12, true) !== 0 || offset < headerLength || offset + size > bytes.length)
      throw new PacError(`buffer ${type} of a PAC lies outside of it`);
    if (offset % ALIGNMENT !== 0) throw new PacError(`buffer ${type} of a PAC is not aligned`);
    for (const other of buffers) {
      if (other.type === type) throw new PacError(`buffer ${type} stands in a PAC twice`);
      if (offset < other.offset + other.data.length && other.offset < offset + size)
        throw new PacError(`buffers ${other.type} and ${type} of a PAC overlap`);
    }
    buffers.push({ type, offset, data: bytes.subarray(offset, offset + size) });
  }
  return { bytes, buffers };
}

/** The buffer of that type, if there is one. */
export function findBuffer(pac: Pac, type: number): PacInfoBuffer | undefined {
  for (const buffer of pac.buffers) if (buffer.type === type) return buffer;
  return undefined;
}

/** Lays buffers out behind a header, in their order, and takes the result apart again. Throws `PacError` where `decodePac` would. */
export function encodePac(buffers: readonly { readonly type: number; readonly data: Uint8Array }[]): Pac {
  let length = HEADER + ENTRY * buffers.length;
  for (const { data } of buffers) length += align(data.length);
  if (length > MAX_PAC_LENGTH) throw new PacError(`a PAC of ${length} bytes is too large`);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, buffers.length, true);
  view.setUint32(4, VERSION, true);
  let offset = HEADER + ENTRY * buffers.length;
  buffers.forEach(({ type, data }, i) => {
    const entry = HEADER + ENTRY * i;
    view.setUint32(entry, type, true);
    view.setUint32(entry + 4, data.length, true);
    view.setUint32(entry + 8, offset, true);
    bytes.set(data, offset);
    offset += align(data.length);
  });
  return decodePac(bytes);
}

function align(length: number): number {
  return (length + ALIGNMENT - 1) & -ALIGNMENT;
}
