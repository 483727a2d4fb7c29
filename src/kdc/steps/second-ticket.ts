import type { Key } from '../../base/key.ts';
import type { Seconds } from '../../base/ports.ts';
import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import type { PrincipalName } from '../../codec/krb5/basic.ts';
import type { Account } from '../account.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';
import { checkAsIssued, checkTicketTimes } from './check-ticket-times.ts';
import { openTicket } from './open-ticket.ts';
import { ticketClient } from './ticket-client.ts';

/**
 * User-to-user (RFC 4120 section 3.3.3): "If the ENC-TKT-IN-SKEY option has been specified and an additional ticket has been included in the
 * request, the KDC will decrypt the additional ticket using the key for the server to which the additional ticket was issued and verify
 * that it is a TGT." Its client must be the very account that the request names as server. Returns the session key to seal with.
 */
export function secondTicketKey(
  realm: KdcRealm,
  body: KdcReqBody,
  server: Account,
  sname: PrincipalName,
  now: Seconds,
): Key {
  const ticket = body.additionalTickets?.[0];
  if (ticket === undefined) refuse('second-ticket-missing');
  const opened = openTicket(realm, ticket);
  if (opened.server.name !== realm.krbtgtName)
    refuse('second-ticket-mismatch', 'It is no ticket-granting ticket.');
  checkTicketTimes(realm, opened.part, false, now);
  checkAsIssued(realm, opened.part);
  const client = ticketClient(realm, opened, now);
  if (client.principal !== server.principal) {
    refuse(
      'second-ticket-mismatch',
      `It belongs to ${client.principal.name}, not to ${sname.nameString.join('/')}.`,
    );
  }
  if (!realm.policy.etypes.includes(opened.sessionKey.etype)) refuse('no-common-etype');
  return opened.sessionKey;
}
