import type { Sid } from '../base/sid.ts';
import { PacBuffer } from '../spec/pac-buffers.ts';
import { decodeAttributesInfo } from './attributes-info.ts';
import type { ClientInfo } from './client-info.ts';
import { decodeClientInfo } from './client-info.ts';
import type { DelegationInfo } from './delegation-info.ts';
import { decodeDelegationInfo } from './delegation-info.ts';
import type { LogonInfo } from './logon-info.ts';
import { decodeLogonInfo } from './logon-info.ts';
import type { Pac } from './pac.ts';
import { findBuffer } from './pac.ts';
import { decodeRequesterSid } from './requester-sid.ts';
import type { UpnDnsInfo } from './upn-dns-info.ts';
import { decodeUpnDnsInfo } from './upn-dns-info.ts';

/**
 * What the buffers of a PAC say; a buffer that is not there is `undefined`. Signatures, claims, device and credentials are not among them:
 * they stay bytes (`findBuffer`).
 */
export interface PacContents {
  readonly logonInfo: LogonInfo | undefined;
  readonly clientInfo: ClientInfo | undefined;
  readonly upnDnsInfo: UpnDnsInfo | undefined;
  /** Flags of ATTRIBUTES_INFO. */
  readonly attributes: number | undefined;
  readonly requesterSid: Sid | undefined;
  readonly delegationInfo: DelegationInfo | undefined;
}

/** Decodes every buffer whose form is known. Throws `PacError`. */
export function decodeContents(pac: Pac): PacContents {
  return {
    logonInfo: decodeIn(pac, PacBuffer.LOGON_INFO, decodeLogonInfo),
    clientInfo: decodeIn(pac, PacBuffer.CLIENT_INFO, decodeClientInfo),
    upnDnsInfo: decodeIn(pac, PacBuffer.UPN_DNS_INFO, decodeUpnDnsInfo),
    attributes: decodeIn(pac, PacBuffer.ATTRIBUTES_INFO, decodeAttributesInfo),
    requesterSid: decodeIn(pac, PacBuffer.REQUESTER_SID, decodeRequesterSid),
    delegationInfo: decodeIn(pac, PacBuffer.DELEGATION_INFO, decodeDelegationInfo),
  };
}

function decodeIn<T>(pac: Pac, type: number, decode: (data: Uint8Array) => T): T | undefined {
  const buffer = findBuffer(pac, type);
  return buffer && decode(buffer.data);
}
