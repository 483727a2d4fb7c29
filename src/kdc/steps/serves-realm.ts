import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import type { KdcRealm } from '../realm.ts';
import { Refusal } from '../refusal.ts';

/**
 * Refuses AS requests for another realm; realm names are case-sensitive (RFC 4120 section 6.1). Where the right name can be told, ours in its own
 * letter case or a trusted realm's, it stands in crealm (RFC 6806 section 7).
 */
export function servesRealm(realm: KdcRealm, body: KdcReqBody): void {
  if (body.realm === realm.realm) return;
  const refusal = new Refusal(
    'wrong-realm',
    `It serves ${realm.realm}, and the request is for ${body.realm}.`,
  );
  const meant = [realm, ...realm.trusts.all()].find(
    (known) => known.realm.toLowerCase() === body.realm.toLowerCase(),
  );
  if (meant !== undefined && body.cname !== undefined)
    refusal.client = { cname: body.cname, crealm: meant.realm };
  throw refusal;
}
