import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import { KdcOption } from '../../spec/flags.ts';
import { refuse } from '../refusal.ts';

// These change or use a ticket that the client has already, and an AS-REQ comes without one (RFC 4120 section 5.4.1); anonymous tickets
// (RFC 8062) are not issued.
const NEED_A_TICKET =
  KdcOption.FORWARDED |
  KdcOption.PROXY |
  KdcOption.RENEW |
  KdcOption.VALIDATE |
  KdcOption.ENC_TKT_IN_SKEY |
  KdcOption.CNAME_IN_ADDL_TKT |
  KdcOption.REQUEST_ANONYMOUS;

/** Refuses options that make no sense in an AS-REQ. */
export function refuseTicketOptions(body: KdcReqBody): void {
  if ((body.kdcOptions & NEED_A_TICKET) !== 0) refuse('option-refused');
}
