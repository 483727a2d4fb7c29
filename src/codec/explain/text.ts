/** How values of messages are written for people. */
import { fromUtf8, toHex } from '../../base/bytes.ts';
import type { HostAddress, PrincipalName } from '../krb5/basic.ts';
import { ADDRESS_TYPES, NAME_TYPES } from './names.ts';

const SHOWN_BYTES = 64;

/** Text from the wire with everything escaped that a terminal could obey or hide: controls, line breaks, direction marks. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}\\]/gu, (char) =>
    char === '\\' ? '\\\\' : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Length and hexadecimal digits of bytes, of many bytes only the first. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const shown = toHex(bytes.subarray(0, SHOWN_BYTES));
  return `${lengthText(bytes)} ${shown}${bytes.length > SHOWN_BYTES ? '…' : ''}`;
}

/** How long a byte string is, for those that are nobody's business. */
export function lengthText(bytes: Uint8Array): string {
  return bytes.length === 1 ? '1 byte' : `${bytes.length} bytes`;
}

/** Bytes as text where they are text, otherwise as bytes. */
export function textOrBytes(bytes: Uint8Array): string {
  try {
    const text = fromUtf8(bytes);
    return text === '' || /\p{Cc}/u.test(text) ? bytesText(bytes) : printable(text);
  } catch {
    return bytesText(bytes);
  }
}

/** Epoch seconds in ISO form. */
export function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** Components joined by slashes, and the name's type. */
export function nameText({ nameType, nameString }: PrincipalName): string {
  const name = nameString.map((one) => printable(one).replaceAll(/[/@]/g, '\\$&')).join('/');
  return `${name} (${NAME_TYPES.get(nameType) ?? `name type ${nameType}`})`;
}

/** An address as people write it. */
export function addressText({ addrType, address }: HostAddress): string {
  const type = ADDRESS_TYPES.get(addrType) ?? `address type ${addrType}`;
  if (addrType === 2 && address.length === 4) return `${address.join('.')} (${type})`;
  if (addrType === 24 && address.length === 16) {
    return `${toHex(address).replaceAll(/....(?!$)/g, '$&:')} (${type})`;
  }
  return `${textOrBytes(address)} (${type})`;
}
