import { DerError } from './error.ts';

/** Largest message anything in realmward decodes, in bytes. */
export const MAX_INPUT = 1 << 20;

/** A position in bytes that are read as strict DER. Shared by all types of one decode; nothing keeps it afterwards. */
export class Reader {
  readonly bytes: Uint8Array;
  pos = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /**
   * Steps over an identifier octet, which must be `tag`, and its length. Returns where the contents end; they start at `pos`. Throws
   * `DerError` unless the length is definite, minimal and inside `limit`.
   */
  enter(tag: number, limit: number): number {
    const { bytes } = this;
    const start = this.pos + 2;
    if (start > limit || bytes[start - 2] !== tag) this.#failTag(tag, limit);
    const length = bytes[start - 1] as number;
    if (length >= 0x80) return this.#enterLong(tag, length & 0x7f, limit);
    const end = start + length;
    if (end > limit) this.#failEnd(tag, end - limit);
    this.pos = start;
    return end;
  }

  /** The bytes from `start` to `end`, not copied. A plain Uint8Array even where the input is a subclass of it. */
  view(start: number, end: number): Uint8Array {
    const { bytes } = this;
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
  }

  fail(message: string): never {
    throw new DerError(message, this.pos);
  }

  /** A length in `octets` octets after the first one. */
  #enterLong(tag: number, octets: number, limit: number): number {
    const { bytes } = this;
    let at = this.pos + 2;
    // X.690 section 10.1: the definite form, "encoded in the minimum number of octets".
    if (octets === 0) throw new DerError('indefinite lengths are not DER', at - 1);
    if (octets > 3) throw new DerError('a length of more than three octets is refused', at - 1);
    if (at + octets > limit) throw new DerError('the length is cut off', at - 1);
    let length = 0;
    for (const last = at + octets; at < last; at++) length = (length << 8) | (bytes[at] as number);
    if (length < 0x80 || length >> (8 * (octets - 1)) === 0) {
      throw new DerError('the length is not in its shortest form', this.pos + 1);
    }
    const end = at + length;
    if (end > limit) this.#failEnd(tag, end - limit);
    this.pos = at;
    return end;
  }

  #failTag(tag: number, limit: number): never {
    const { bytes, pos } = this;
    const found = pos < limit ? bytes[pos] : undefined;
    if (found === undefined || found === tag) this.fail(`expected ${tagName(tag)}, found the end`);
    return this.fail(`expected ${tagName(tag)}, found ${tagName(found)}`);
  }

  #failEnd(tag: number, beyond: number): never {
    return this.fail(`${tagName(tag)} reaches ${beyond} bytes beyond its container`);
  }
}

const UNIVERSAL: Record<number, string> = {
  0x01: 'BOOLEAN',
  0x02: 'INTEGER',
  0x03: 'BIT STRING',
  0x04: 'OCTET STRING',
  0x05: 'NULL',
  0x06: 'OBJECT IDENTIFIER',
  0x0a: 'ENUMERATED',
  0x0c: 'UTF8String',
  0x13: 'PrintableString',
  0x16: 'IA5String',
  0x17: 'UTCTime',
  0x18: 'GeneralizedTime',
  0x1a: 'VisibleString',
  0x1b: 'GeneralString',
  0x1e: 'BMPString',
  0x30: 'SEQUENCE',
  0x31: 'SET',
};

/** An identifier octet in words, for error messages. */
export function tagName(tag: number): string {
  const number = tag & 0x1f;
  switch (tag & 0xc0) {
    case 0x40:
      return `[APPLICATION ${number}]`;
    case 0x80:
      return `[${number}]`;
    default:
      return UNIVERSAL[tag] ?? `tag 0x${tag.toString(16).padStart(2, '0')}`;
  }
}
