import { PacError } from './error.ts';

/**
 * Text of `length` bytes of UTF-16LE at `at`; nothing is trimmed, so that a name with a NUL in it equals no other. The caller has checked that
 * the bytes are there. Throws `PacError` on an odd length or a lone surrogate.
 */
export function readUtf16(view: DataView, at: number, length: number): string {
  if (length % 2 !== 0)
    throw new PacError(`a text has ${length} bytes, which is no whole number of UTF-16 units`);
  let text = '';
  for (let i = at; i < at + length; i += 2) text += String.fromCharCode(view.getUint16(i, true));
  if (!text.isWellFormed()) throw new PacError('a text is not UTF-16: it has a lone surrogate');
  return text;
}

/** Writes `text` as UTF-16LE at `at`; it takes two bytes a unit. */
export function writeUtf16(view: DataView, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) view.setUint16(at + 2 * i, text.charCodeAt(i), true);
}

/** Bytes that `text` takes in UTF-16. Throws `PacError` where that is no text or more than 65,535, the most that any length field holds. */
export function utf16Length(text: string): number {
  if (!text.isWellFormed()) throw new PacError('a text is not Unicode: it has a lone surrogate');
  if (2 * text.length > 0xffff)
    throw new PacError(`a text of ${text.length} characters does not fit into a PAC`);
  return 2 * text.length;
}
