import { isUtf8 } from 'node:buffer';
import { HttpError } from '../http/errors.ts';

/** A form that a browser has sent. */
export interface FormFields {
  /** Every field but the secret ones. */
  readonly fields: ReadonlyMap<string, string>;
  /** UTF-8 of the secret ones, for the caller to wipe. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
}

/** As many as no form of ours has. */
const MAX_FIELDS = 32;

/**
 * Reads `application/x-www-form-urlencoded`; secret fields are decoded from byte to byte, and never become a text. Of `body` nothing is left but
 * zeros afterwards. Throws `HttpError` 400 `bad-form`, also for a field that stands twice.
 */
export function readForm(body: Uint8Array, names: readonly string[]): FormFields {
  const fields = new Map<string, string>();
  const secrets = new Map<string, Uint8Array>();
  try {
    let start = 0;
    for (let count = 0; start < body.length; count++) {
      if (count === MAX_FIELDS) throw new SyntaxError('too many');
      const found = body.indexOf(AMPERSAND, start);
      const end = found < 0 ? body.length : found;
      const pair = body.subarray(start, end);
      const equals = pair.indexOf(EQUALS);
      const name = text(decode(equals < 0 ? pair : pair.subarray(0, equals)));
      const value = decode(equals < 0 ? NOTHING : pair.subarray(equals + 1));
      if (fields.has(name) || secrets.has(name)) throw new SyntaxError('twice');
      if (names.includes(name)) {
        secrets.set(name, value);
        if (!isUtf8(value)) throw new SyntaxError('no UTF-8');
      } else fields.set(name, text(value));
      start = end + 1;
    }
    return { fields, secrets };
  } catch {
    for (const secret of secrets.values()) secret.fill(0);
    throw new HttpError(400, 'bad-form', 'The form cannot be read.', {
      hint: 'Open the login page anew, from the device.',
    });
  } finally {
    body.fill(0);
  }
}

const NOTHING = new Uint8Array(0);
const [AMPERSAND, EQUALS, PERCENT, PLUS, BLANK] = [0x26, 0x3d, 0x25, 0x2b, 0x20];

function decode(encoded: Uint8Array): Uint8Array {
  const out = new Uint8Array(encoded.length);
  let length = 0;
  for (let i = 0; i < encoded.length; i++) {
    const byte = encoded[i] as number;
    if (byte === PERCENT) {
      out[length++] = 16 * digit(encoded[i + 1]) + digit(encoded[i + 2]);
      i += 2;
    } else {
      out[length++] = byte === PLUS ? BLANK : byte;
    }
  }
  const bytes = out.slice(0, length);
  out.fill(0);
  return bytes;
}

function digit(byte: number | undefined): number {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(byte ?? 0).toLowerCase());
  if (value < 0) throw new SyntaxError('no hexadecimal digit');
  return value;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
