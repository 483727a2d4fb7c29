import { fromUtf8, utf8 } from '../../base/bytes.ts';
import type { Reader } from './reader.ts';
import type { Type } from './type.ts';
import type { Writer } from './writer.ts';

/**
 * A string type whose bytes are read as UTF-8. KerberosString is a GeneralString that "MUST contain only characters in IA5String" (RFC 4120
 * section 5.2.1); deployed clients write UTF-8 into it, and so do we.
 */
export function textString(name: string, tag: number): Type<string> {
  return {
    name,
    tag,
    shape: { kind: 'text' },
    read(reader, limit) {
      const end = reader.enter(tag, limit);
      const value = readText(reader, end);
      reader.pos = end;
      return value;
    },
    write(writer, value) {
      const before = writer.written;
      writeText(writer, value);
      writer.header(tag, before);
    },
  };
}

const REMEMBERED = 1024;
const SHORT = 64;

// The same few names come again and again. A string that is remembered costs no allocation, and it is found in a Map faster than a new one.
const remembered: string[] = Array.from({ length: REMEMBERED }, () => '');

function readText(reader: Reader, end: number): string {
  const { bytes, pos } = reader;
  if (end - pos > SHORT) return decodeUtf8(reader, end);
  let hash = 0;
  for (let i = pos; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
  const slot = (hash ^ (hash >>> 10)) & (REMEMBERED - 1);
  const known = remembered[slot] as string;
  if (isText(known, bytes, pos, end)) return known;
  const text = decodeUtf8(reader, end);
  // Anything but ASCII has another length here, and would never be found.
  if (text.length === end - pos) remembered[slot] = text;
  return text;
}

/** Whether `text` is ASCII and stands in `bytes` from `start` to `end`. */
function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

function decodeUtf8(reader: Reader, end: number): string {
  try {
    return fromUtf8(reader.bytes.subarray(reader.pos, end));
  } catch {
    return reader.fail('the string is not UTF-8');
  }
}

function writeText(writer: Writer, value: string): void {
  writer.reserve(value.length);
  const { bytes } = writer;
  let at = writer.pos;
  for (let i = value.length - 1; i >= 0; i--) {
    const code = value.charCodeAt(i);
    if (code >= 0x80) {
      if (!value.isWellFormed()) throw new RangeError('the string has half a surrogate pair');
      writer.octets(utf8(value));
      return;
    }
    bytes[--at] = code;
  }
  writer.pos = at;
}
