import type { KdcReqBody } from '../../codec/krb5/kdc.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';

/** Refuses AS requests for another realm; realm names are case-sensitive (RFC 4120 section 6.1). */
export function servesRealm(realm: KdcRealm, body: KdcReqBody): void {
  if (body.realm !== realm.realm)
    refuse('wrong-realm', `It serves ${realm.realm}, and the request is for ${body.realm}.`);
}
