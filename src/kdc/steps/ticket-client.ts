import type { Seconds } from '../../base/ports.ts';
import { type Account, accountOf } from '../account.ts';
import type { ForeignUser } from '../foreign-user.ts';
import { findPrincipal } from '../names.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';
import type { OpenedTicket } from '../ticket-memory.ts';
import { checkClient } from './check-client.ts';

/** Whom a ticket speaks for: an account of ours, or a user of a trusted realm. */
export type TicketClient =
  | { readonly account: Account; readonly foreign: undefined }
  | { readonly account: undefined; readonly foreign: ForeignUser };

/**
 * The client of a ticket. An account of ours is looked up again: a ticket outlives neither its account nor the account's good standing, and a
 * new account of the same name is another one (CVE-2021-42287): the SID in the PAC decides.
 */
export function ticketClient(
  realm: KdcRealm,
  { part, sid, foreign }: OpenedTicket,
  now: Seconds,
): TicketClient {
  if (foreign !== undefined) return { account: undefined, foreign };
  const principal = findPrincipal(realm, part.cname);
  if (principal === undefined || principal.kind === 'realm') refuse('client-gone');
  const account = accountOf(realm, principal);
  if (sid !== account.sid) refuse('client-gone', 'The account has another SID than the ticket.');
  checkClient(principal, now);
  return { account, foreign: undefined };
}
