import { fromHex } from '../../base/bytes.ts';
import { RealmwardError } from '../../base/errors.ts';

/** Largest message that is explained, in bytes. */
export const MAX_EXPLAINED = 256 * 1024;

/** Text has at most this many characters for each byte that it stands for: hexadecimal digits with separators and line breaks. */
const TEXT_FACTOR = 4;

/**
 * The message in what a person hands in: bytes as they are, or as hexadecimal or base64 text (a PEM file, too), without the length that goes
 * before it on TCP. Throws `RealmwardError` with code `cannot-decode` for too much of it, or nothing.
 */
export function messageBytes(input: Uint8Array): Uint8Array {
  if (input.length > TEXT_FACTOR * MAX_EXPLAINED) throw tooLarge(input.length);
  const bytes = withoutTcpLength(fromText(input) ?? input);
  if (bytes.length > MAX_EXPLAINED) throw tooLarge(bytes.length);
  if (bytes.length === 0) {
    throw new RealmwardError('cannot-decode', 'there is nothing to decode', {
      hint: 'Hand in one message: raw, as hexadecimal digits, or as base64.',
    });
  }
  return bytes;
}

function tooLarge(length: number): RealmwardError {
  return new RealmwardError('cannot-decode', `${length} bytes are too many to be explained`, {
    hint: `A message has at most ${MAX_EXPLAINED} bytes here. Cut out the part that matters.`,
  });
}

/** The bytes that text stands for; `undefined` where the input is no such text. DER always has bytes that no such text has. */
function fromText(input: Uint8Array): Uint8Array | undefined {
  if (input.some((byte) => byte > 0x7e || (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d))) {
    return undefined;
  }
  const text = new TextDecoder().decode(input).replaceAll(/-----(BEGIN|END)[^-\n]*-----/g, '');
  const digits = text.replaceAll(/0x|[\s:,]/g, '');
  if (digits.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(digits)) return fromHex(digits);
  const base64 = text.replaceAll(/\s/g, '').replaceAll('-', '+').replaceAll('_', '/');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** RFC 4120 section 7.2.2: on TCP "the length of the request (4 octets, network byte order)" goes before each message. */
function withoutTcpLength(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 5) return bytes;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return length === bytes.length - 4 ? bytes.subarray(4) : bytes;
}
