import { concat, fromUtf8, utf8 } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';

/**
 * Reads big-endian numbers and counted strings of a file, every length checked before it is used. What it refuses is a `RealmwardError` with
 * the code and hint that were given to it.
 */
export class BinaryReader {
  readonly bytes: Uint8Array;
  pos = 0;
  /** Where reading stops; `bytes.length` at first. */
  end: number;
  readonly #view: DataView;
  readonly #code: string;
  readonly #hint: string;

  constructor(bytes: Uint8Array, code: string, hint: string) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#code = code;
    this.#hint = hint;
  }

  uint8(what: string): number {
    return this.#view.getUint8(this.#take(1, what));
  }

  uint16(what: string): number {
    return this.#view.getUint16(this.#take(2, what));
  }

  int16(what: string): number {
    return this.#view.getInt16(this.#take(2, what));
  }

  uint32(what: string): number {
    return this.#view.getUint32(this.#take(4, what));
  }

  int32(what: string): number {
    return this.#view.getInt32(this.#take(4, what));
  }

  /** A copy of the next `length` bytes: the file's own memory can be wiped or reused. */
  octets(length: number, what: string): Uint8Array<ArrayBuffer> {
    const start = this.#take(length, what);
    return this.bytes.slice(start, start + length);
  }

  /** The next `length` bytes as UTF-8. */
  text(length: number, what: string): string {
    const start = this.#take(length, what);
    try {
      return fromUtf8(this.bytes.subarray(start, start + length));
    } catch {
      return this.fail(`${what} is not UTF-8`, start);
    }
  }

  fail(message: string, at = this.pos): never {
    throw new RealmwardError(this.#code, `${message} (at byte ${at})`, { hint: this.#hint });
  }

  #take(length: number, what: string): number {
    const start = this.pos;
    if (length > this.end - start) {
      this.fail(`${what} needs ${length} bytes, ${this.end - start} are left`, start);
    }
    this.pos = start + length;
    return start;
  }
}

/** Collects big-endian numbers and byte strings. Throws `RangeError` for a number that its field cannot hold. */
export class BinaryWriter {
  readonly #parts: Uint8Array[] = [];

  uint8(value: number): this {
    return this.#number(value, 1, 0, 0xff);
  }

  uint16(value: number): this {
    return this.#number(value, 2, 0, 0xffff);
  }

  int16(value: number): this {
    return this.#number(value, 2, -0x8000, 0x7fff);
  }

  uint32(value: number): this {
    return this.#number(value, 4, 0, 0xffff_ffff);
  }

  int32(value: number): this {
    return this.#number(value, 4, -0x8000_0000, 0x7fff_ffff);
  }

  octets(value: Uint8Array): this {
    this.#parts.push(value);
    return this;
  }

  /** Length in 16 bits, then the bytes; text as UTF-8. */
  counted16(value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? utf8(value) : value;
    return this.uint16(bytes.length).octets(bytes);
  }

  /** Length in 32 bits, then the bytes; text as UTF-8. */
  counted32(value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? utf8(value) : value;
    return this.uint32(bytes.length).octets(bytes);
  }

  /** Everything written so far. */
  take(): Uint8Array<ArrayBuffer> {
    return concat(...this.#parts) as Uint8Array<ArrayBuffer>;
  }

  #number(value: number, size: number, min: number, max: number): this {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new RangeError(`${value} does not fit into ${8 * size} bits`);
    }
    const bytes = new Uint8Array(size);
    for (let i = size - 1, rest = value; i >= 0; i--, rest >>= 8) bytes[i] = rest & 0xff;
    this.#parts.push(bytes);
    return this;
  }
}
