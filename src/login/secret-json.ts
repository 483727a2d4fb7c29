import { isUtf8 } from 'node:buffer';
import { HttpError } from '../http/errors.ts';

/** A JSON object whose secret members were taken out as bytes. */
export interface SecretJson {
  /** The object; a secret stands in it as a text of blanks. */
  readonly value: unknown;
  /** UTF-8 of the secret members that are texts, for the caller to wipe. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads a JSON object, and keeps its secret members out of JavaScript's texts, which nobody can wipe: they are decoded from the bytes of the
 * body, and blanked there, before `JSON.parse` sees it. Only members of the outer object are secrets. Of `body` nothing is left but zeros
 * afterwards. Throws `HttpError` 400 `bad-json`; a member that stands twice is refused, too, as nobody knows which one counts.
 */
export function readSecretJson(body: Uint8Array, names: readonly string[]): SecretJson {
  const secrets = new Map<string, Uint8Array>();
  try {
    takeMembers(body, names, secrets);
    if (![...secrets.values()].every((secret) => isUtf8(secret))) throw new SyntaxError('no UTF-8');
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)), secrets };
  } catch {
    for (const secret of secrets.values()) secret.fill(0);
    // No cause: its message quotes the body.
    throw new HttpError(400, 'bad-json', 'The body is not a JSON object with each member once.', {
      hint: 'It is one JSON object in UTF-8, with Content-Type: application/json.',
    });
  } finally {
    body.fill(0);
  }
}

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const BLANK = 0x20;
const BLANKS: readonly number[] = [BLANK, 0x09, 0x0a, 0x0d];

/** Walks over the members of the outer object. What it does not look at, `JSON.parse` will. */
function takeMembers(body: Uint8Array, names: readonly string[], secrets: Map<string, Uint8Array>): void {
  const seen = new Set<string>();
  let at = skipBlanks(body, 0);
  if (body[at] !== OPEN_OBJECT) throw new SyntaxError('no object');
  at = skipBlanks(body, at + 1);
  if (body[at] === CLOSE_OBJECT) return;
  for (;;) {
    const key = stringAt(body, at);
    const name = new TextDecoder('utf-8', { fatal: true }).decode(key.bytes());
    if (seen.has(name)) throw new SyntaxError('twice');
    seen.add(name);
    at = skipBlanks(body, key.end);
    if (body[at] !== COLON) throw new SyntaxError('no colon');
    at = skipBlanks(body, at + 1);
    if (names.includes(name) && body[at] === QUOTE) {
      const value = stringAt(body, at);
      secrets.set(name, value.bytes());
      body.fill(BLANK, at + 1, value.end - 1);
      at = value.end;
    } else {
      at = skipValue(body, at);
    }
    at = skipBlanks(body, at);
    if (body[at] === CLOSE_OBJECT) return;
    if (body[at] !== COMMA) throw new SyntaxError('no comma');
    at = skipBlanks(body, at + 1);
  }
}

/** A string that begins at `start`: where it ends, behind its quote, and its text as UTF-8, made when it is asked for. */
function stringAt(body: Uint8Array, start: number): { end: number; bytes: () => Uint8Array } {
  if (body[start] !== QUOTE) throw new SyntaxError('no string');
  let end = start + 1;
  for (; body[end] !== QUOTE; end++) {
    const byte = body[end];
    // Control characters are not allowed in strings (RFC 8259 section 7).
    if (byte === undefined || byte < BLANK) throw new SyntaxError('no end');
    if (byte === BACKSLASH) end++;
  }
  return { end: end + 1, bytes: () => unescape(body.subarray(start + 1, end)) };
}

const ESCAPES: ReadonlyMap<number, number> = new Map(
  Array.from('"\\/bfnrt', (char, i) => [char.charCodeAt(0), '"\\/\b\f\n\r\t'.charCodeAt(i)]),
);
const UNICODE = 0x75;

function unescape(text: Uint8Array): Uint8Array {
  // No escape is shorter than what it stands for.
  const out = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] as number;
    if (byte !== BACKSLASH) {
      out[length++] = byte;
      continue;
    }
    const kind = text[++i] as number;
    if (kind !== UNICODE) {
      const meant = ESCAPES.get(kind);
      if (meant === undefined) throw new SyntaxError('no escape');
      out[length++] = meant;
      continue;
    }
    let code = hexAt(text, i + 1);
    i += 4;
    if (code >= 0xd800 && code < 0xe000) {
      const low = text[i + 1] === BACKSLASH && text[i + 2] === UNICODE ? hexAt(text, i + 3) : 0;
      if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000) throw new SyntaxError('half a character');
      code = 0x1_0000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
      i += 6;
    }
    length = putUtf8(out, length, code);
  }
  const bytes = out.slice(0, length);
  out.fill(0);
  return bytes;
}

function hexAt(text: Uint8Array, at: number): number {
  let code = 0;
  for (let i = at; i < at + 4; i++) {
    const digit = '0123456789abcdef'.indexOf(String.fromCharCode(text[i] ?? 0).toLowerCase());
    if (digit < 0) throw new SyntaxError('no hexadecimal digit');
    code = code * 16 + digit;
  }
  return code;
}

function putUtf8(out: Uint8Array, at: number, code: number): number {
  if (code < 0x80) {
    out[at] = code;
    return at + 1;
  }
  const length = code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  let rest = code;
  for (let i = length - 1; i > 0; i--) {
    out[at + i] = 0x80 | (rest & 0x3f);
    rest >>>= 6;
  }
  out[at] = ((0xf00 >>> length) & 0xff) | rest;
  return at + length;
}

/** The place behind a value; nested ones are skipped by their brackets. */
function skipValue(body: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < body.length;) {
    const byte = body[at] as number;
    if (byte === QUOTE) {
      at = stringAt(body, at).end;
      if (depth === 0) return at;
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) return at;
    at++;
  }
  return body.length;
}

function skipBlanks(body: Uint8Array, start: number): number {
  let at = start;
  while (BLANKS.includes(body[at] as number)) at++;
  return at;
}
