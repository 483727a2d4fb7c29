import type { Sid } from '../base/sid.ts';
import { encodeSid, readSid, sidLength } from './binary-sid.ts';
import { PacError } from './error.ts';

/** SID of the account that asked for the ticket (MS-PAC 2.15 PAC_REQUESTOR). Throws `PacError`. */
export function decodeRequesterSid(bytes: Uint8Array): Sid {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sid = readSid(view, 0, bytes.length);
  if (sidLength(view.getUint8(1)) !== bytes.length)
    throw new PacError('REQUESTER_SID has bytes behind its SID');
  return sid;
}

/** Data of a REQUESTER_SID buffer. */
export function encodeRequesterSid(sid: Sid): Uint8Array {
  return encodeSid(sid);
}
