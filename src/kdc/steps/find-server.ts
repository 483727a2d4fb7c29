import type { Seconds } from '../../base/ports.ts';
import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import type { PrincipalName } from '../../codec/krb5/basic.ts';
import { accountOf } from '../account.ts';
import { findPrincipal, isNamed } from '../names.ts';
import { displayName, type KdcRealm, krbtgtOf } from '../realm.ts';
import { refuse } from '../refusal.ts';
import type { TicketTarget } from '../target.ts';
import { serviceReferral, trustTowards } from './refer.ts';

/** The name of the service that the request asks for; refuses names without parts and with empty ones (CVE-2013-1416). */
export function serverName(body: KdcReqBody): PrincipalName {
  if (!isNamed(body.sname)) refuse('no-server-name');
  return body.sname;
}

/**
 * What the ticket that is asked for is for: a service of ours, or the way to another realm, which is a ticket-granting ticket for it, asked for
 * by name or given as a referral in place of one of its services.
 */
export function findServer(
  realm: KdcRealm,
  body: KdcReqBody,
  sname: PrincipalName,
  now: Seconds,
): TicketTarget {
  if (body.realm === realm.realm) {
    const principal = findPrincipal(realm, sname);
    if (principal !== undefined) {
      if (principal.disabled) refuse('server-disabled');
      if (principal.expires !== undefined && principal.expires <= now) refuse('server-expired');
      return { sname, account: accountOf(realm, principal), trust: undefined };
    }
    const towards = trustTowards(realm, sname);
    if (towards !== undefined) return { sname: krbtgtOf(towards.realm), account: undefined, trust: towards };
    const referral = serviceReferral(realm, body, sname);
    if (referral !== undefined)
      return { sname: krbtgtOf(referral.realm), account: undefined, trust: referral };
  }
  return refuse(
    'unknown-server',
    `There is no ${displayName(sname, body.realm)} here, and no trust leads there.`,
  );
}
