import type { Seconds } from '../../base/ports.ts';
import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import type { PrincipalName } from '../../codec/krb5/basic.ts';
import { type Account, accountOf } from '../account.ts';
import { findPrincipal, isNamed } from '../names.ts';
import type { KdcRealm } from '../realm.ts';
import { displayName } from '../realm.ts';
import { refuse } from '../refusal.ts';

/** The name of the service that the request asks for; refuses names without parts and with empty ones (CVE-2013-1416). */
export function serverName(body: KdcReqBody): PrincipalName {
  if (!isNamed(body.sname)) refuse('no-server-name');
  return body.sname;
}

/** The account of the service that the request asks for, if tickets may be issued for it. */
export function findServer(realm: KdcRealm, body: KdcReqBody, sname: PrincipalName, now: Seconds): Account {
  if (body.realm !== realm.realm) {
    refuse(
      'unknown-server',
      `${displayName(sname, body.realm)} belongs to a realm that ${realm.realm} does not trust.`,
    );
  }
  const principal = findPrincipal(realm, sname);
  if (principal === undefined) refuse('unknown-server', `There is no ${displayName(sname, body.realm)}.`);
  if (principal.disabled) refuse('server-disabled');
  if (principal.expires !== undefined && principal.expires <= now) refuse('server-expired');
  return accountOf(realm, principal);
}
