import type { Seconds } from '../../base/ports.ts';
import { type Account, accountOf } from '../account.ts';
import { findPrincipal } from '../names.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';
import type { OpenedTicket } from '../ticket-memory.ts';
import { checkClient } from './check-client.ts';

/**
 * The account behind a ticket, looked up again: a ticket outlives neither its account nor the account's good standing, and a new account of
 * the same name is another one (CVE-2021-42287): the SID in the PAC decides.
 */
export function ticketClient(realm: KdcRealm, { part, sid }: OpenedTicket, now: Seconds): Account {
  if (part.crealm !== realm.realm) refuse('foreign-client', `The ticket's client belongs to ${part.crealm}.`);
  const principal = findPrincipal(realm, part.cname);
  if (principal === undefined || principal.kind === 'realm') refuse('client-gone');
  const account = accountOf(realm, principal);
  if (sid !== account.sid) refuse('client-gone', 'The account has another SID than the ticket.');
  checkClient(principal, now);
  return account;
}
