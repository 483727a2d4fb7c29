/** RFC 8129: authentication indicators, in a CAMMAC (RFC 7751) that the KDC has made for the service. */
import { DerError } from '../codec/der/error.ts';
import { decode, encode } from '../codec/der/type.ts';
import { AdCammac, AdIfRelevant, AuthenticationIndicator } from '../codec/krb5/authorization-data.ts';
import { AuthorizationData } from '../codec/krb5/basic.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { checksumTypeOf } from '../crypto/etypes.ts';
import { AdType } from '../spec/ad-types.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { refuse } from './reason.ts';
import type { VerifiedApReq } from './verify-ap-req.ts';

/**
 * The indicators in a ticket that was opened. Authorization data may come from the client, so what counts is in a CAMMAC whose svc-verifier is made
 * with the service's key. Throws `ApError` `indicator-not-proven` for a CAMMAC that is not, and `malformed-message`.
 */
export function indicatorsOf(
  crypto: Pick<Crypto, 'verifyChecksum'>,
  {
    ticket,
    ticketKey,
  }: Pick<VerifiedApReq, 'ticket'> & { readonly ticketKey: Pick<VerifiedApReq['ticketKey'], 'key'> },
): string[] {
  const { key } = ticketKey;
  try {
    return (ticket.authorizationData ?? [])
      .filter(({ adType }) => adType === AdType.IF_RELEVANT)
      .flatMap(({ adData }) => decode(AdIfRelevant, adData))
      .filter(({ adType }) => adType === AdType.CAMMAC)
      .flatMap(({ adData }) => {
        const { elements, svcVerifier } = decode(AdCammac, adData);
        const mac = svcVerifier?.mac;
        const proven =
          mac?.cksumtype === checksumTypeOf(key.etype) &&
          crypto.verifyChecksum(
            key,
            KeyUsage.CAMMAC,
            mac.cksumtype,
            encode(AuthorizationData, elements),
            mac.checksum,
          );
        return proven ? elements : refuse('indicator-not-proven');
      })
      .filter(({ adType }) => adType === AdType.AUTHENTICATION_INDICATOR)
      .flatMap(({ adData }) => decode(AuthenticationIndicator, adData));
  } catch (error) {
    if (error instanceof DerError) return refuse('malformed-message', error.message);
    throw error;
  }
}
