import type { Key } from '../../base/key.ts';
import type { Seconds } from '../../base/ports.ts';
import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import type { PrincipalName } from '../../codec/krb5/basic.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';
import { checkAsIssued, checkTicketTimes } from './check-ticket-times.ts';
import { openTicket } from './open-ticket.ts';
import type { TicketTarget } from '../target.ts';
import { ticketClient } from './ticket-client.ts';

/**
 * User-to-user (RFC 4120 section 3.3.3): "If the ENC-TKT-IN-SKEY option has been specified and an additional ticket has been included in the
 * request, the KDC will decrypt the additional ticket using the key for the server to which the additional ticket was issued and verify
 * that it is a TGT." Its client must be the very account that the request names as server. Returns the session key to seal with.
 */
export function secondTicketKey(
  realm: KdcRealm,
  body: KdcReqBody,
  target: TicketTarget,
  sname: PrincipalName,
  now: Seconds,
): Key {
  const ticket = body.additionalTickets?.[0];
  if (ticket === undefined) refuse('second-ticket-missing');
  const { opened, server, trust } = openTicket(realm, ticket);
  if (server.name !== realm.krbtgtName) refuse('second-ticket-mismatch', 'It is no ticket-granting ticket.');
  if (trust !== undefined) refuse('second-ticket-mismatch', `It was issued by ${trust.realm}.`);
  checkTicketTimes(realm, opened.part, false, now);
  checkAsIssued(realm, opened.part);
  const client = ticketClient(realm, opened, now);
  if (target.account === undefined || client.account?.principal !== target.account.principal) {
    refuse('second-ticket-mismatch', `It does not belong to ${sname.nameString.join('/')}.`);
  }
  return opened.sessionKey;
}
