import { encode } from '../../codec/der/type.ts';
import { MethodData, type PrincipalName } from '../../codec/krb5/basic.ts';
import { EtypeInfo2, type EtypeInfo2Entry } from '../../codec/krb5/padata.ts';
import { PaType } from '../../spec/pa-types.ts';
import { defaultSalt } from '../../realm/name.ts';
import { type Account, DEFAULT_S2KPARAMS } from '../account.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';

const NO_BYTES = new Uint8Array(0);

/**
 * METHOD-DATA that tells the client how to preauthenticate (RFC 4120 sections 5.9.1 and 5.2.7.5), strongest etype first. Unknown clients get what
 * a client with default salts would get, so that the answer does not tell who exists.
 */
export function challenge(
  realm: KdcRealm,
  client: Account | undefined,
  cname: PrincipalName,
  offered: readonly number[],
): Uint8Array {
  const salt = defaultSalt(realm.realm, cname.nameString);
  const entries: EtypeInfo2Entry[] = [];
  if (client === undefined) {
    for (const etype of realm.policy.etypes) {
      if (offered.includes(etype)) entries.push({ etype, salt, s2kparams: DEFAULT_S2KPARAMS[etype] });
    }
  } else {
    for (const { key, salt: own, s2kparams } of client.keys) {
      if (!offered.includes(key.etype)) continue;
      entries.push({
        etype: key.etype,
        salt: own ?? salt,
        s2kparams: s2kparams ?? DEFAULT_S2KPARAMS[key.etype],
      });
    }
  }
  if (entries.length === 0) {
    refuse('no-common-etype', `The client offers the etypes ${offered.join(', ')}, its account has others.`);
  }
  return encode(MethodData, [
    { padataType: PaType.ETYPE_INFO2, padataValue: encode(EtypeInfo2, entries) },
    { padataType: PaType.ENC_TIMESTAMP, padataValue: NO_BYTES },
  ]);
}
