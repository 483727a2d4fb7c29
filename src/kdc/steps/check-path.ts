import type { EncTicketPart } from '../../codec/krb5/ticket.ts';
import type { Trust } from '../../realm/trust.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';
import type { TicketTarget } from '../target.ts';
import type { TicketClient } from './ticket-client.ts';
import { addTransited, type Transited, transitedRealms } from '../transited.ts';

/**
 * Checks the path over which a ticket of a trusted realm came, and gives the transited field of tickets made with it. We check it ourselves,
 * whatever TRANSITED-POLICY-CHECKED says (RFC 4120 sections 2.7 and 3.3.3.2): each realm on it, and the client's, must be the trusted one or one
 * that the trust lists behind it. "the TGS must … add the name of the realm of the ticket-granting ticket's issuer", unless it is
 * the client's own and there is no path: by the last realm on it `verifyOwnPac` tells later over which trust the client came.
 */
export function checkPath(realm: KdcRealm, part: EncTicketPart, trust: Trust): Transited {
  const { crealm } = part;
  if (crealm === realm.realm) refuse('foreign-claims-own-client', `${trust.realm} issued it.`);
  const accepted = (name: string): boolean => name === trust.realm || trust.transits.includes(name);
  if (!accepted(crealm))
    refuse('path-not-accepted', `Its client belongs to ${crealm}, which is not behind ${trust.realm}.`);
  for (const name of transitedRealms(part.transited)) {
    if (!accepted(name))
      refuse('path-not-accepted', `It came through ${name}, which is not behind ${trust.realm}.`);
  }
  const straight = crealm === trust.realm && part.transited.contents.length === 0;
  return straight ? part.transited : addTransited(part.transited, trust.realm);
}

/**
 * Whether a user who came over a trust may go on to another realm: only where both trusts say so. Who trusts us trusts our own users, and does not
 * know whom else we trust (docs/decisions/0014).
 */
export function checkOnward({ foreign }: TicketClient, target: TicketTarget): void {
  if (foreign === undefined || target.trust === undefined) return;
  const closed = [foreign.trust, target.trust].find(({ transitive }) => !transitive);
  if (closed !== undefined)
    refuse('trust-not-transitive', `The trust with ${closed.realm} leads nowhere else.`);
}
