import { DerError } from '../../codec/der/error.ts';
import { decode } from '../../codec/der/type.ts';
import { AdIfRelevant } from '../../codec/krb5/authorization-data.ts';
import { AuthorizationData } from '../../codec/krb5/basic.ts';
import { CryptoError } from '../../crypto/errors.ts';
import { AdType } from '../../spec/ad-types.ts';
import { KeyUsage } from '../../spec/key-usages.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';
import type { TgsRequest } from './verify-tgs-request.ts';

/** What only a KDC may state. */
const KDC_ONLY: ReadonlySet<number> = new Set([
  AdType.KDC_ISSUED,
  AdType.CAMMAC,
  AdType.AUTHENTICATION_INDICATOR,
  AdType.WIN2K_PAC,
]);

/**
 * Authorization data that the new ticket takes over: what the client asks for (enc-authorization-data, RFC 4120 section 5.4.1) and what its
 * ticket has; of both without what only a KDC may state, which is made anew. "AD-MANDATORY-FOR-KDC … if the KDC does not understand the
 * enclosed elements it MUST reject the request" (section 5.2.6.4), and we understand none.
 */
export function inheritedAuthorizationData(
  realm: KdcRealm,
  request: TgsRequest,
): AuthorizationData | undefined {
  const { part, sid, foreign } = request.ticket.opened;
  const own = part.authorizationData;
  const asked = request.body.encAuthorizationData;
  // Nearly every ticket holds a single element, the PAC, and nearly no request asks for more. Users of MIT realms have no PAC: whatever
  // single element their tickets have is a restriction.
  const hasPac = sid !== undefined || foreign?.abroad !== undefined;
  if (asked === undefined && (own === undefined || (own.length === 1 && hasPac))) return undefined;
  const usage = request.replyKeyIsSubkey
    ? KeyUsage.TGS_REQ_AUTHDATA_SUBKEY
    : KeyUsage.TGS_REQ_AUTHDATA_SESSION_KEY;
  const result: AuthorizationData[number][] = [];
  try {
    const wanted =
      asked === undefined
        ? []
        : decode(AuthorizationData, realm.crypto.decrypt(request.replyKey, usage, asked.cipher));
    for (const element of [...wanted, ...(own ?? [])]) {
      if (element.adType === AdType.MANDATORY_FOR_KDC) refuse('authorization-data-refused');
      if (!isKdcOnly(element)) result.push(element);
    }
  } catch (error) {
    if (error instanceof DerError || error instanceof CryptoError)
      refuse('authorization-data-refused', error.message);
    throw error;
  }
  return result;
}

function isKdcOnly(element: AuthorizationData[number]): boolean {
  if (KDC_ONLY.has(element.adType)) return true;
  return element.adType === AdType.IF_RELEVANT && decode(AdIfRelevant, element.adData).some(isKdcOnly);
}
