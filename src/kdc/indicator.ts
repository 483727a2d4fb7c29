import type { Key } from '../base/key.ts';
import { encode } from '../codec/der/type.ts';
import { AdCammac, AuthenticationIndicator } from '../codec/krb5/authorization-data.ts';
import { AuthorizationData } from '../codec/krb5/basic.ts';
import { withAuthorizationData } from '../codec/krb5/extend-ticket.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { checksumTypeOf } from '../crypto/etypes.ts';
import type { Right } from '../realm/right.ts';
import { AdType } from '../spec/ad-types.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { RIGHT_INDICATOR } from '../spec/right-indicators.ts';
import type { KdcRealm } from './realm.ts';

/**
 * The authentication indicators `realmward:<right>` (RFC 8129) in a CAMMAC (RFC 7751) inside AD-IF-RELEVANT, as services read it with
 * `gss_get_name_attribute`. The svc-verifier covers the elements with the service's key; the kdc-verifier covers "the ASN.1 DER encoding
 * of the EncTicketPart whose authorization-data is the elements" with the krbtgt key.
 */
export function indicatorOf(
  realm: KdcRealm,
  rights: readonly Right[],
  /** Encoding of the EncTicketPart without authorization data. */
  bare: Uint8Array,
  serviceKey: Key,
  krbtgt: { readonly key: Key; readonly kvno: number },
): AuthorizationData[number] {
  const { elements, der } = statement(rights);
  const { crypto } = realm;
  const cammac = encode(AdCammac, {
    elements,
    kdcVerifier: {
      kvno: krbtgt.kvno,
      enctype: krbtgt.key.etype,
      mac: {
        cksumtype: checksumTypeOf(krbtgt.key.etype),
        checksum: crypto.checksum(krbtgt.key, KeyUsage.CAMMAC, withAuthorizationData(bare, elements)),
      },
    },
    svcVerifier: {
      mac: {
        cksumtype: checksumTypeOf(serviceKey.etype),
        checksum: svcVerifier(crypto, serviceKey, der),
      },
    },
  });
  return {
    adType: AdType.IF_RELEVANT,
    adData: encode(AuthorizationData, [{ adType: AdType.CAMMAC, adData: cammac }]),
  };
}

/** It says the same in all tickets for a service, so it is made once for each of the service's keys. */
function svcVerifier(crypto: Crypto, serviceKey: Key, der: Uint8Array): Uint8Array {
  let known = svcVerifiers.get(serviceKey);
  if (known === undefined) svcVerifiers.set(serviceKey, (known = new Map()));
  let mac = known.get(der);
  if (mac === undefined) known.set(der, (mac = crypto.checksum(serviceKey, KeyUsage.CAMMAC, der)));
  return mac;
}

const svcVerifiers = new WeakMap<Key, Map<Uint8Array, Uint8Array>>();

interface Statement {
  readonly elements: AuthorizationData;
  readonly der: Uint8Array;
}

// There are a handful of combinations of rights, so each is encoded once.
const statements = new Map<string, Statement>();

function statement(rights: readonly Right[]): Statement {
  const key = rights.join();
  let known = statements.get(key);
  if (known === undefined) {
    const adData = encode(
      AuthenticationIndicator,
      rights.map((right) => RIGHT_INDICATOR + right),
    ).slice();
    const elements = [{ adType: AdType.AUTHENTICATION_INDICATOR, adData }];
    statements.set(key, (known = { elements, der: encode(AuthorizationData, elements).slice() }));
  }
  return known;
}
