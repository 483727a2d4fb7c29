import { PacError } from './error.ts';
import type { Filetime } from './filetime.ts';
import { readUtf16, utf16Length, writeUtf16 } from './utf16.ts';

/** MS-PAC 2.7 PAC_CLIENT_INFO: binds the PAC to its ticket. */
export interface ClientInfo {
  /** ClientId: the ticket's authtime. */
  readonly authTime: Filetime;
  /** The ticket's cname, without realm. */
  readonly name: string;
}

/** ClientId, NameLength. */
const HEADER = 10;

/** Decodes the data of a CLIENT_INFO buffer. Throws `PacError`. */
export function decodeClientInfo(bytes: Uint8Array): ClientInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER) throw new PacError('CLIENT_INFO is cut off');
  const length = view.getUint16(8, true);
  if (bytes.length !== HEADER + length)
    throw new PacError(`CLIENT_INFO has a name of ${length} bytes and ${bytes.length - HEADER} bytes for it`);
  return { authTime: view.getBigUint64(0, true), name: readUtf16(view, HEADER, length) };
}

/** Encodes the data of a CLIENT_INFO buffer. Throws `PacError` on a name that does not fit. */
export function encodeClientInfo(info: ClientInfo): Uint8Array {
  const length = utf16Length(info.name);
  const bytes = new Uint8Array(HEADER + length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, info.authTime, true);
  view.setUint16(8, length, true);
  writeUtf16(view, HEADER, info.name);
  return bytes;
}
