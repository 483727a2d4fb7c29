import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import type { PrincipalName } from '../../codec/krb5/basic.ts';
import { isOutbound, type Trust } from '../../realm/trust.ts';
import { KdcOption } from '../../spec/flags.ts';
import { NameType } from '../../spec/name-types.ts';
import type { KdcRealm } from '../realm.ts';
import { Refusal } from '../refusal.ts';

/** The trust whose ticket-granting ticket brings the client towards the realm that `sname`, `krbtgt/REALM`, names. */
export function trustTowards(realm: KdcRealm, sname: PrincipalName): Trust | undefined {
  const [service, target] = sname.nameString;
  if (sname.nameString.length !== 2 || service !== 'krbtgt' || target === undefined) return undefined;
  const outbound = realm.trusts.all().filter(isOutbound);
  return (
    outbound.find((trust) => trust.realm === target) ??
    outbound.find((trust) => trust.transits.includes(target))
  );
}

/**
 * The trust to which a client is referred for a service that this realm does not have (RFC 6806 section 8): the one whose DNS suffix fits the
 * service's host best. Only clients that ask for canonicalization understand such an answer.
 */
export function serviceReferral(realm: KdcRealm, body: KdcReqBody, sname: PrincipalName): Trust | undefined {
  if ((body.kdcOptions & KdcOption.CANONICALIZE) === 0 || sname.nameString.length < 2) return undefined;
  const host = (sname.nameString[1] as string).toLowerCase();
  return bestSuffix(
    realm.trusts.all().filter(isOutbound),
    (suffix) => host === suffix || host.endsWith(`.${suffix}`),
  );
}

/**
 * Refers the enterprise name of a trusted realm's user to that realm: KDC_ERR_WRONG_REALM with the realm's name in crealm (RFC 6806
 * section 7).
 */
export function referClient(realm: KdcRealm, cname: PrincipalName): void {
  if (cname.nameType !== NameType.ENTERPRISE || cname.nameString.length !== 1) return;
  const name = cname.nameString[0] as string;
  const at = name.lastIndexOf('@');
  if (at < 0) return;
  const suffix = name.slice(at + 1).toLowerCase();
  if (suffix === realm.realm.toLowerCase()) return;
  const trust = bestSuffix(realm.trusts.all(), (domain) => domain === suffix);
  if (trust === undefined) return;
  const refusal = new Refusal('client-referral', `It is ${trust.realm}.`);
  refusal.client = { cname, crealm: trust.realm };
  throw refusal;
}

/** The trust with the longest domain that fits. */
function bestSuffix(trusts: readonly Trust[], fits: (domain: string) => boolean): Trust | undefined {
  let best: { trust: Trust; length: number } | undefined;
  for (const trust of trusts) {
    for (const domain of trust.domains) {
      if (fits(domain) && domain.length > (best?.length ?? 0)) best = { trust, length: domain.length };
    }
  }
  return best?.trust;
}
