import type { Seconds } from '../../base/ports.ts';
import type { KdcReq } from '../../codec/krb5/kdc.ts';
import type { PrincipalName } from '../../codec/krb5/basic.ts';
import type { PrincipalKey } from '../../realm/principal.ts';
import { PaType } from '../../spec/pa-types.ts';
import { type Account, accountOf } from '../account.ts';
import { findPrincipal } from '../names.ts';
import { findPadata } from '../padata.ts';
import { openEncTimestamp, readEncTimestamp } from '../preauth/enc-timestamp.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';
import { challenge } from './challenge.ts';

/** A client that has proven its key. */
export interface AuthenticatedClient {
  readonly account: Account;
  /** The key it has proven, with which the reply is encrypted. */
  readonly key: PrincipalKey;
}

/**
 * Finds the client of an AS-REQ and has it prove its key. "Unknown names answer like a known one" (docs/decisions/0010): the same challenge,
 * and for a wrong password and an unknown name the same error after the same work.
 */
export function authenticateClient(
  realm: KdcRealm,
  request: KdcReq,
  cname: PrincipalName,
  now: Seconds,
): AuthenticatedClient {
  const offered = request.reqBody.etype;
  const found = findPrincipal(realm, cname);
  // The realm's own principals are no clients: nobody holds their keys.
  const account = found === undefined || found.kind === 'realm' ? undefined : accountOf(realm, found);
  if (account === undefined && realm.policy.revealUnknownClients) refuse('unknown-client-revealed');

  const timestamp = findPadata(request.padata, PaType.ENC_TIMESTAMP);
  if (timestamp === undefined)
    refuse('preauth-required', undefined, challenge(realm, account, cname, offered));
  const locked = account?.principal.lockedUntil;
  if (locked !== undefined && locked > now) refuse('client-locked');

  const data = readEncTimestamp(timestamp);
  const key = account?.keys.find((one) => one.key.etype === data.etype);
  const decoy = realm.decoys.get(data.etype);
  if (key === undefined && decoy === undefined) {
    refuse('no-common-etype', `The preauthentication data has the etype ${data.etype}.`);
  }
  const time = openEncTimestamp(realm, key?.key ?? (decoy as NonNullable<typeof decoy>), data);
  if (account === undefined || key === undefined || time === undefined) {
    if (account !== undefined) realm.logins.failed(account.principal, now);
    const reason = account === undefined ? 'unknown-client' : 'wrong-password';
    refuse(reason, undefined, challenge(realm, account, cname, offered));
  }
  // It confirms the password, so it is neither a failure nor a success.
  if (Math.abs(time - now) > realm.policy.clockSkew) refuse('preauth-skew', skewText(time - now));
  return { account, key };
}

/** `The client's clock is 600 seconds ahead.` */
export function skewText(seconds: number): string {
  return `The client's clock is ${Math.abs(seconds)} seconds ${seconds < 0 ? 'behind' : 'ahead'}.`;
}
