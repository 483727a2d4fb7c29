import type { Seconds } from '../../base/ports.ts';
import type { EncTicketPart } from '../../codec/krb5/ticket.ts';
import { TicketFlag } from '../../spec/flags.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';

/**
 * Refuses tickets before and after their time, allowing for skew: "if starttime is later than the current time by more than the allowable clock
 * skew, or if the INVALID flag is set, KRB_AP_ERR_TKT_NYV"; "if the current time is later than end time by more than the allowable
 * clock skew, KRB_AP_ERR_TKT_EXPIRED" (RFC 4120 section 3.2.3). `validating`: the request asks to have an INVALID ticket validated.
 */
export function checkTicketTimes(
  realm: KdcRealm,
  part: EncTicketPart,
  validating: boolean,
  now: Seconds,
): void {
  const skew = realm.policy.clockSkew;
  const start = part.starttime ?? part.authtime;
  if ((part.flags & TicketFlag.INVALID) !== 0 && !validating) refuse('ticket-not-yet-valid');
  if (start > now + skew) refuse('ticket-not-yet-valid', `It starts in ${start - now} seconds.`);
  if (part.endtime < now - skew) refuse('ticket-expired', `It ended ${now - part.endtime} seconds ago.`);
}

/**
 * Refuses tickets that open with our key although we would not have issued them, as forged ones do: all of our own users' are preauthenticated,
 * and none lives longer, or can be renewed for longer from its start on, than policy has it. How users of other realms log in is their
 * realm's affair, and their login may be older than any of our tickets.
 */
export function checkAsIssued(realm: KdcRealm, part: EncTicketPart): void {
  const { maxLife, maxRenew, clockSkew } = realm.policy;
  const start = part.starttime ?? part.authtime;
  if (part.crealm === realm.realm && (part.flags & TicketFlag.PRE_AUTHENT) === 0)
    refuse('ticket-not-as-issued', 'It was not preauthenticated.');
  if (part.endtime - start > maxLife) refuse('ticket-not-as-issued', 'It lives longer than policy.maxLife.');
  if (part.authtime > start + clockSkew)
    refuse('ticket-not-as-issued', 'It starts before its client has logged in.');
  if (part.renewTill !== undefined && part.crealm !== realm.realm)
    refuse('ticket-not-as-issued', "It can be renewed, and belongs to another realm's user.");
  if (part.renewTill !== undefined && part.renewTill - start > maxRenew)
    refuse('ticket-not-as-issued', 'It can be renewed for longer than policy.maxRenew.');
}
