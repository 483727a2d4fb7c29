import { PacError } from './error.ts';
import { NdrReader, NdrWriter } from './ndr.ts';

/** MS-PAC 2.9 S4U_DELEGATION_INFO: through which services a user was delegated. */
export interface DelegationInfo {
  readonly proxyTarget: string;
  readonly transitedServices: readonly string[];
}

/** Size of a string's part that stands in place. */
const STRING_LENGTH = 8;

/** Decodes the data of a DELEGATION_INFO buffer. Throws `PacError`. */
export function decodeDelegationInfo(bytes: Uint8Array): DelegationInfo {
  const r = new NdrReader(bytes, 'DELEGATION_INFO');
  const target = r.unicodeHeader();
  const count = r.u32();
  const present = r.pointer();
  const proxyTarget = r.unicode(target);
  const transitedServices: string[] = [];
  if (present) {
    r.arrayOf(count, STRING_LENGTH);
    const headers = [];
    for (let i = 0; i < count; i++) headers.push(r.unicodeHeader());
    for (const header of headers) transitedServices.push(r.unicode(header));
  } else if (count !== 0) {
    throw new PacError(`DELEGATION_INFO says ${count} services and lists none`);
  }
  r.close();
  return { proxyTarget, transitedServices };
}

/** Encodes the data of a DELEGATION_INFO buffer. Throws `PacError` on names that do not fit. */
export function encodeDelegationInfo(info: DelegationInfo): Uint8Array {
  const w = new NdrWriter();
  w.unicodeHeader(info.proxyTarget);
  w.u32(info.transitedServices.length);
  w.pointer(info.transitedServices.length > 0);
  w.unicode(info.proxyTarget);
  if (info.transitedServices.length > 0) {
    w.arrayOf(info.transitedServices.length);
    for (const service of info.transitedServices) w.unicodeHeader(service);
    for (const service of info.transitedServices) w.unicode(service);
  }
  return w.finish();
}
