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
    const bytes = this.bytes;
    const start = this.pos;
    if (start + 2 > limit) throw new DerError(`expected ${tagName(tag)}, found the end`, start);
    if (bytes[start] !== tag) {
      throw new DerError(`expected ${tagName(tag)}, found ${tagName(bytes[start] as number)}`, start);
    }
    let length = bytes[start + 1] as number;
    let at = start + 2;
    if (length >= 0x80) {
      // X.690 section 10.1: the definite form, "encoded in the minimum number of octets".
      const octets = length & 0x7f;
      if (octets === 0) throw new DerError('indefinite lengths are not DER', start + 1);
      if (octets > 3) throw new DerError('a length of more than three octets is refused', start + 1);
      if (at + octets > limit) throw new DerError('the length is cut off', start + 1);
      length = 0;
      for (const last = at + octets; at < last; at++) length = length * 256 + (bytes[at] as number);
      if (length < 0x80 || length < 2 ** (8 * (octets - 1))) {
        throw new DerError('the length is not in its shortest form', start + 1);
      }
    }
    const end = at + length;
    if (end > limit)
      throw new DerError(`${tagName(tag)} reaches ${end - limit} bytes beyond its container`, start);
    this.pos = at;
    return end;
  }

  fail(message: string): never {
    throw new DerError(message, this.pos);
  }
}

const UNIVERSAL: Record<number, string> = {
  0x01: 'BOOLEAN',
  0x02: 'INTEGER',
  0x03: 'BIT STRING',
  0x04: 'OCTET STRING',
  0x06: 'OBJECT IDENTIFIER',
  0x0a: 'ENUMERATED',
  0x0c: 'UTF8String',
  0x16: 'IA5String',
  0x18: 'GeneralizedTime',
  0x1b: 'GeneralString',
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
