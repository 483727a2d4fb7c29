import type { Seconds } from '../base/ports.ts';
import type { KdcReqBody } from '../codec/krb5/kdc.ts';
import type { Principal } from '../realm/principal.ts';
import { KdcOption } from '../spec/flags.ts';
import type { KdcRealm } from './realm.ts';
import { refuse } from './refusal.ts';

/** When a new ticket is valid. */
export interface Lifetime {
  readonly starttime: Seconds;
  readonly endtime: Seconds;
  /** Until when it can be renewed; `undefined`: it cannot. */
  readonly renewTill: Seconds | undefined;
}

/** Bounds that come from the ticket a TGS-REQ was made with. */
export interface ParentLifetime {
  readonly endtime: Seconds;
  readonly renewTill: Seconds | undefined;
}

/** RFC 4120 section 5.4.1: a till of 19700101000000Z asks for "the maximum endtime permitted"; so does its neighbourhood, rtime alike. */
const FOREVER = Number.MAX_SAFE_INTEGER;
const orForever = (time: Seconds | undefined): Seconds => (time === undefined || time <= 0 ? FOREVER : time);

/**
 * When the new ticket starts: now, or later for a postdated one. "If the requested starttime is absent, indicates a time in the past, or is
 * within the window of acceptable clock skew for the KDC and the POSTDATE option has not been specified, then the starttime of the ticket is
 * set to the authentication server's current time" (RFC 4120 section 3.1.3).
 */
export function startOf(realm: KdcRealm, body: KdcReqBody, now: Seconds): Seconds {
  const from = body.from ?? 0;
  if ((body.kdcOptions & KdcOption.POSTDATED) === 0) {
    if (from > now + realm.policy.clockSkew) refuse('cannot-postdate');
    return now;
  }
  if (from > now + Math.max(realm.policy.maxRenew, realm.policy.maxLife)) {
    refuse('cannot-postdate', 'The ticket would start later than any ticket of this realm may be used.');
  }
  return Math.max(from, now);
}

/**
 * The lifetime of a new ticket: as asked for, within what the realm, the client, the service and the ticket behind it allow (RFC 4120 sections
 * 3.1.3 and 3.3.3).
 */
export function lifetimeOf(
  realm: KdcRealm,
  body: KdcReqBody,
  starttime: Seconds,
  client: Principal | undefined,
  server: Principal | undefined,
  parent?: ParentLifetime,
): Lifetime {
  const { policy } = realm;
  const till = orForever(body.till);
  const life = Math.min(policy.maxLife, client?.maxLife ?? policy.maxLife, server?.maxLife ?? policy.maxLife);
  const endtime = Math.min(till, starttime + life, parent?.endtime ?? FOREVER);
  if (endtime <= starttime) refuse('never-valid');

  const renewable = (body.kdcOptions & KdcOption.RENEWABLE) !== 0;
  // "RENEWABLE-OK: a renewable ticket will be acceptable if a ticket with the requested life cannot otherwise be provided."
  const renewableOk = (body.kdcOptions & KdcOption.RENEWABLE_OK) !== 0 && till > endtime;
  if (!renewable && !renewableOk) return { starttime, endtime, renewTill: undefined };
  const renew = Math.min(
    policy.maxRenew,
    client?.maxRenew ?? policy.maxRenew,
    server?.maxRenew ?? policy.maxRenew,
  );
  const asked = renewable ? orForever(body.rtime) : till;
  const bound = parent === undefined ? FOREVER : (parent.renewTill ?? 0);
  const renewTill = Math.min(asked, starttime + renew, bound);
  return { starttime, endtime, renewTill: renewTill > endtime ? renewTill : undefined };
}
