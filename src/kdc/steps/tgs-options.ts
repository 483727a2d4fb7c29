import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import type { EncTicketPart } from '../../codec/krb5/ticket.ts';
import { KdcOption, TicketFlag } from '../../spec/flags.ts';
import { refuse } from '../refusal.ts';

/** Each option that needs a flag on the ticket it is asked with (RFC 4120 section 3.3.3 and appendix A.6 of RFC 1510). */
const NEEDS: readonly (readonly [option: number, flag: number, name: string])[] = [
  [KdcOption.FORWARDABLE, TicketFlag.FORWARDABLE, 'forwardable'],
  [KdcOption.FORWARDED, TicketFlag.FORWARDABLE, 'forwardable'],
  [KdcOption.PROXIABLE, TicketFlag.PROXIABLE, 'proxiable'],
  [KdcOption.PROXY, TicketFlag.PROXIABLE, 'proxiable'],
  [KdcOption.ALLOW_POSTDATE, TicketFlag.MAY_POSTDATE, 'postdatable'],
  [KdcOption.POSTDATED, TicketFlag.MAY_POSTDATE, 'postdatable'],
  [KdcOption.RENEWABLE, TicketFlag.RENEWABLE, 'renewable'],
  [KdcOption.RENEW, TicketFlag.RENEWABLE, 'renewable'],
  [KdcOption.VALIDATE, TicketFlag.INVALID, 'postdated and not yet validated'],
];
const NEVER = KdcOption.REQUEST_ANONYMOUS | KdcOption.CNAME_IN_ADDL_TKT;
const ALONE = KdcOption.RENEW | KdcOption.VALIDATE;

/** Refuses options that the ticket does not carry, and ones that this realm never grants. */
export function checkTgsOptions(body: KdcReqBody, part: EncTicketPart): void {
  const options = body.kdcOptions;
  if ((options & NEVER) !== 0) refuse('option-refused');
  for (const [option, flag, name] of NEEDS) {
    if ((options & option) !== 0 && (part.flags & flag) === 0)
      refuse('option-refused', `The ticket is not ${name}.`);
  }
  if ((options & ALONE) === ALONE) refuse('option-refused', 'A ticket is either renewed or validated.');
}

/** Flags that a new ticket takes over from the one it is asked with. */
const KEPT = TicketFlag.PRE_AUTHENT | TicketFlag.HW_AUTHENT | TicketFlag.FORWARDED | TicketFlag.PROXY;

/** Flags of a ticket that is neither renewed nor validated. */
export function derivedFlags(options: number, part: EncTicketPart, renewable: boolean): number {
  let flags = (part.flags & KEPT) | TicketFlag.TRANSITED_POLICY_CHECKED;
  if ((options & KdcOption.FORWARDABLE) !== 0) flags |= TicketFlag.FORWARDABLE;
  if ((options & KdcOption.FORWARDED) !== 0) flags |= TicketFlag.FORWARDED;
  if ((options & KdcOption.PROXIABLE) !== 0) flags |= TicketFlag.PROXIABLE;
  if ((options & KdcOption.PROXY) !== 0) flags |= TicketFlag.PROXY;
  if ((options & KdcOption.ALLOW_POSTDATE) !== 0) flags |= TicketFlag.MAY_POSTDATE;
  if ((options & KdcOption.POSTDATED) !== 0) flags |= TicketFlag.POSTDATED | TicketFlag.INVALID;
  if (renewable) flags |= TicketFlag.RENEWABLE;
  return flags >>> 0;
}
