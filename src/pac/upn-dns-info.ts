import type { Sid } from '../base/sid.ts';
import { encodeSid, readSid, sidLength } from './binary-sid.ts';
import { PacError } from './error.ts';
import { readUtf16, utf16Length, writeUtf16 } from './utf16.ts';

/** MS-PAC 2.10 UPN_DNS_INFO: the account's names and, in its extended form, its SID. */
export interface UpnDnsInfo {
  readonly upn: string;
  readonly dnsDomainName: string;
  /** See `UpnFlag`; encoding sets `EXTENDED` by whether `account` is there. */
  readonly flags: number;
  /** The extended form. */
  readonly account: { readonly samName: string; readonly sid: Sid } | undefined;
}

/** MS-PAC 2.10, Flags. */
export const UpnFlag = {
  /** The account has no UPN of its own: this one was made of its name and its domain's. */
  CONSTRUCTED: 1,
  /** sAMAccountName and SID follow. */
  EXTENDED: 2,
} as const;

/** Length and offset of two strings, flags. */
const HEADER = 12;
/** And of the sAMAccountName and the SID. */
const EXTENDED_HEADER = 20;

/** Decodes the data of a UPN_DNS_INFO buffer. Throws `PacError`. */
export function decodeUpnDnsInfo(bytes: Uint8Array): UpnDnsInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER) throw new PacError('UPN_DNS_INFO is cut off');
  const flags = view.getUint32(8, true);
  const extended = (flags & UpnFlag.EXTENDED) !== 0;
  const header = extended ? EXTENDED_HEADER : HEADER;
  if (bytes.length < header) throw new PacError('UPN_DNS_INFO is cut off');
  return {
    upn: readField(view, 0, header),
    dnsDomainName: readField(view, 4, header),
    flags,
    account: extended
      ? { samName: readField(view, 12, header), sid: readSidField(view, 16, header) }
      : undefined,
  };
}

/** Offset of the field whose length and offset stand at `at`, once both were found to lie behind the header and within the buffer. */
function fieldOffset(view: DataView, at: number, header: number): number {
  const length = view.getUint16(at, true);
  const offset = view.getUint16(at + 2, true);
  // An empty field may lie anywhere: its offset is never used.
  if (length > 0 && (offset < header || offset + length > view.byteLength))
    throw new PacError(`UPN_DNS_INFO has a field of ${length} bytes at ${offset}, outside of the buffer`);
  return offset;
}

function readField(view: DataView, at: number, header: number): string {
  return readUtf16(view, fieldOffset(view, at, header), view.getUint16(at, true));
}

function readSidField(view: DataView, at: number, header: number): Sid {
  const offset = fieldOffset(view, at, header);
  const end = offset + view.getUint16(at, true);
  const sid = readSid(view, offset, end);
  if (sidLength(view.getUint8(offset + 1)) !== end - offset)
    throw new PacError('UPN_DNS_INFO has bytes behind its SID');
  return sid;
}

/** Encodes the data of a UPN_DNS_INFO buffer; fields start at multiples of eight, as Windows writes them. Throws `PacError`. */
export function encodeUpnDnsInfo(info: UpnDnsInfo): Uint8Array {
  const { account } = info;
  const sid = account && encodeSid(account.sid);
  let end = align(account === undefined ? HEADER : EXTENDED_HEADER);
  const place = (length: number): { at: number; length: number } => {
    const at = align(end);
    end = at + length;
    return { at, length };
  };
  const upn = place(utf16Length(info.upn));
  const dns = place(utf16Length(info.dnsDomainName));
  const sam = account && place(utf16Length(account.samName));
  const sidPlace = sid && place(sid.length);
  if (end > 0xffff) throw new PacError('UPN_DNS_INFO would be too large');
  const bytes = new Uint8Array(end);
  const view = new DataView(bytes.buffer);
  const point = (at: number, field: { at: number; length: number }): void => {
    view.setUint16(at, field.length, true);
    view.setUint16(at + 2, field.at, true);
  };
  point(0, upn);
  point(4, dns);
  view.setUint32(
    8,
    account === undefined ? info.flags & ~UpnFlag.EXTENDED : info.flags | UpnFlag.EXTENDED,
    true,
  );
  writeUtf16(view, upn.at, info.upn);
  writeUtf16(view, dns.at, info.dnsDomainName);
  if (account && sam && sid && sidPlace) {
    point(12, sam);
    point(16, sidPlace);
    writeUtf16(view, sam.at, account.samName);
    bytes.set(sid, sidPlace.at);
  }
  return bytes;
}

function align(at: number): number {
  return (at + 7) & -8;
}
