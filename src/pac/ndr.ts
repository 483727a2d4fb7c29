import type { Sid } from '../base/sid.ts';
import { encodeSid, readSid, sidLength } from './binary-sid.ts';
import { PacError } from './error.ts';
import { readUtf16, utf16Length, writeUtf16 } from './utf16.ts';

/**
 * NDR (C706 chapter 14) as far as PACs use it, in type serialization version 1 (MS-RPCE 2.2.6): one structure behind one pointer,
 * little-endian. Pointers are [unique]: a referent in place, the thing itself later, in the order of the referents, never shared. There is
 * no recursion: how deep it goes is written down in the code that reads a structure.
 */

/** The part of a RPC_UNICODE_STRING (MS-DTYP 2.3.10) that stands in place; its characters come later. */
export interface UnicodeHeader {
  readonly length: number;
  readonly maximumLength: number;
  readonly present: boolean;
}

/** Common header (version, endianness, its own length, filler), private header (length of the object, filler). */
const HEADERS = 16;
const VERSION = 1;
const LITTLE_ENDIAN = 0x10;
const COMMON_HEADER_LENGTH = 8;
const FILLER = 0xcccc_cccc;

/** Objects are padded to this (MS-RPCE 2.2.6.2). */
const OBJECT_ALIGNMENT = 8;

const FIRST_REFERENT = 0x0002_0000;

/** Reads one serialized structure. Every length is checked against what is left before it is used; what does not fit throws `PacError`. */
export class NdrReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = HEADERS;

  /** Checks both headers and the top-level pointer of `bytes`; `what` names the structure in errors. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length < HEADERS) throw new PacError(`${what} is shorter than the headers of NDR`);
    const version = this.#view.getUint8(0);
    if (version !== VERSION)
      throw new PacError(`${what} has version ${version} of type serialization instead of 1`);
    if (this.#view.getUint8(1) !== LITTLE_ENDIAN) throw new PacError(`${what} is not little-endian`);
    if (this.#view.getUint16(2, true) !== COMMON_HEADER_LENGTH)
      throw new PacError(`${what} has a common header of another length than 8`);
    const length = this.#view.getUint32(8, true);
    if (length > bytes.length - HEADERS) throw new PacError(`${what} claims ${length} bytes and has fewer`);
    if (bytes.length - HEADERS - length >= OBJECT_ALIGNMENT)
      throw new PacError(`${what} is followed by other bytes`);
    this.#end = HEADERS + length;
    if (!this.pointer()) throw new PacError(`${what} is a null pointer`);
  }

  u8(): number {
    this.#need(1);
    return this.#view.getUint8(this.#at++);
  }

  u16(): number {
    this.#align(2);
    this.#need(2);
    const value = this.#view.getUint16(this.#at, true);
    this.#at += 2;
    return value;
  }

  u32(): number {
    this.#align(4);
    this.#need(4);
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  /** Two 32-bit halves, the lower one first: FILETIME and its like, aligned as their halves are. */
  filetime(): bigint {
    this.#align(4);
    this.#need(8);
    const value = this.#view.getBigUint64(this.#at, true);
    this.#at += 8;
    return value;
  }

  /** A copy of the next `length` bytes. */
  octets(length: number): Uint8Array {
    this.#need(length);
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  /** Whether the pointer here points to something that comes later. */
  pointer(): boolean {
    return this.u32() !== 0;
  }

  unicodeHeader(): UnicodeHeader {
    this.#align(4);
    return { length: this.u16(), maximumLength: this.u16(), present: this.pointer() };
  }

  /** The characters of a string whose header was read before; `''` for a null pointer. */
  unicode(header: UnicodeHeader): string {
    if (!header.present) {
      if (header.length !== 0) throw new PacError(`a string of ${header.length} bytes is a null pointer`);
      return '';
    }
    const maximum = this.u32();
    const offset = this.u32();
    const actual = this.u32();
    if (
      2 * maximum !== header.maximumLength ||
      offset !== 0 ||
      2 * actual !== header.length ||
      actual > maximum
    )
      throw new PacError('the counts of a string contradict each other');
    this.#need(header.length);
    this.#at += header.length;
    return readUtf16(this.#view, this.#at - header.length, header.length);
  }

  /**
   * Reads the maximum count in front of a conformant array and checks it against `count`, the field that says how many there are, and
   * against what is left: no array of more elements than fit is ever made. `size` is that of the smallest possible element.
   */
  arrayOf(count: number, size: number): void {
    const maximum = this.u32();
    if (maximum !== count) throw new PacError(`an array says both ${count} and ${maximum} elements`);
    this.#need(count * size);
  }

  /** A SID in NDR: a conformant structure, so the count of its sub-authorities stands in front. */
  sid(): Sid {
    const count = this.u32();
    const at = this.#at;
    const sid = readSid(this.#view, at, this.#end);
    if (this.#view.getUint8(at + 1) !== count)
      throw new PacError('the counts of a SID contradict each other');
    this.#at += sidLength(count);
    return sid;
  }

  /** Nothing but padding may be left. */
  close(): void {
    if (this.#end - this.#at >= OBJECT_ALIGNMENT)
      throw new PacError(`${this.#end - this.#at} bytes are left over`);
  }

  #align(size: number): void {
    // Both headers take 16 bytes, so alignment within the object is alignment within the buffer.
    this.#at = (this.#at + size - 1) & -size;
  }

  #need(length: number): void {
    if (length > this.#end - this.#at)
      throw new PacError(`${length} bytes are expected where ${this.#end - this.#at} are left`);
  }
}

/** Writes one serialized structure; the counterpart of `NdrReader`, with the same names. */
export class NdrWriter {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #at = HEADERS;
  #referent = FIRST_REFERENT;

  constructor() {
    this.pointer(true);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#reserve(1, 1), value);
  }

  u16(value: number): void {
    this.#view.setUint16(this.#reserve(2, 2), value, true);
  }

  u32(value: number): void {
    const at = this.#reserve(4, 4);
    this.#view.setUint32(at, value, true);
  }

  filetime(value: bigint): void {
    const at = this.#reserve(4, 8);
    this.#view.setBigUint64(at, value, true);
  }

  octets(bytes: Uint8Array): void {
    const at = this.#reserve(1, bytes.length);
    this.#bytes.set(bytes, at);
  }

  pointer(present: boolean): void {
    this.u32(present ? this.#referent : 0);
    if (present) this.#referent += 4;
  }

  unicodeHeader(text: string): void {
    const length = utf16Length(text);
    this.#reserve(4, 0);
    this.u16(length);
    this.u16(length);
    // Empty strings are null pointers: most strings of a PAC are empty, and each would take 12 bytes.
    this.pointer(length > 0);
  }

  unicode(text: string): void {
    if (text === '') return;
    this.u32(text.length);
    this.u32(0);
    this.u32(text.length);
    const at = this.#reserve(1, 2 * text.length);
    writeUtf16(this.#view, at, text);
  }

  /** The maximum count in front of a conformant array. */
  arrayOf(count: number): void {
    this.u32(count);
  }

  sid(sid: Sid): void {
    const bytes = encodeSid(sid);
    this.u32((bytes.length - sidLength(0)) / 4);
    this.octets(bytes);
  }

  /** The whole serialized structure with its headers, padded. */
  finish(): Uint8Array {
    this.#reserve(OBJECT_ALIGNMENT, 0);
    this.#view.setUint8(0, VERSION);
    this.#view.setUint8(1, LITTLE_ENDIAN);
    this.#view.setUint16(2, COMMON_HEADER_LENGTH, true);
    this.#view.setUint32(4, FILLER, true);
    this.#view.setUint32(8, this.#at - HEADERS, true);
    return this.#bytes.slice(0, this.#at);
  }

  /** Aligns, makes room for `length` bytes, steps over them and returns where they start. */
  #reserve(alignment: number, length: number): number {
    const at = (this.#at + alignment - 1) & -alignment;
    this.#at = at + length;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#at);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
