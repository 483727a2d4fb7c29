import type { Seconds } from '../../base/ports.ts';
import type { KdcReq } from '../../codec/krb5/kdc.ts';
import type { PrincipalName } from '../../codec/krb5/basic.ts';
import type { PrincipalKey } from '../../realm/principal.ts';
import { PaType } from '../../spec/pa-types.ts';
import { type Account, accountOf } from '../account.ts';
import { accountName, findPrincipal } from '../names.ts';
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
  address: string,
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
  if ((locked !== undefined && locked > now) || (account !== undefined && isBurst(realm, account, now)))
    refuse('client-locked');
  // One bucket, however the account is written: an enterprise name has many spellings.
  const name = account?.principal.name ?? accountName(realm, cname) ?? cname.nameString.join('/');
  const wait = realm.throttle.wait(address, name, now);
  if (wait > 0) refuse('throttled', `In ${wait} seconds one more may be tried.`);

  const data = readEncTimestamp(timestamp);
  const key = account?.keys.find((one) => one.key.etype === data.etype);
  const decoy = realm.decoys.get(data.etype);
  if (key === undefined && decoy === undefined) {
    refuse('no-common-etype', `The preauthentication data has the etype ${data.etype}.`);
  }
  const time = openEncTimestamp(realm, key?.key ?? (decoy as NonNullable<typeof decoy>), data);
  if (account === undefined || key === undefined || time === undefined) {
    realm.throttle.failed(address, name, now);
    if (account !== undefined) {
      realm.logins.failed(account.principal, now);
      countFailure(realm, account, now);
    }
    const reason = account === undefined ? 'unknown-client' : 'wrong-password';
    refuse(reason, undefined, challenge(realm, account, cname, offered));
  }
  // It confirms the password, so it is neither a failure nor a success; but whoever guesses with a wrong clock on purpose is slowed down.
  if (Math.abs(time - now) > realm.policy.clockSkew) {
    realm.throttle.failed(address, undefined, now);
    refuse('preauth-skew', skewText(time - now));
  }
  account.failures.count = 0;
  return { account, key };
}

/** Whether so many have failed here that the account is locked, or will be as soon as the store has counted them. */
function isBurst({ policy: { lockout } }: KdcRealm, { failures }: Account, now: Seconds): boolean {
  return (
    lockout !== undefined && failures.count >= lockout.maxFailures && now < failures.last + lockout.duration
  );
}

/** Counts as the store does: anew after a quiet time, and after a lock. */
function countFailure({ policy: { lockout } }: KdcRealm, { failures }: Account, now: Seconds): void {
  if (lockout === undefined) return;
  const goesOn = failures.count < lockout.maxFailures && now <= failures.last + lockout.window;
  failures.count = goesOn ? failures.count + 1 : 1;
  failures.last = now;
}

/** `The client's clock is 600 seconds ahead.` */
export function skewText(seconds: number): string {
  return `The client's clock is ${Math.abs(seconds)} seconds ${seconds < 0 ? 'behind' : 'ahead'}.`;
}
