import { encode } from '../codec/der/type.ts';
import type { PrincipalName } from '../codec/krb5/basic.ts';
import { KrbError } from '../codec/krb5/error.ts';
import type { KdcRealm } from './realm.ts';
import { reasonRow, type ReasonCode } from './reason.ts';
import type { NamedClient } from './refusal.ts';

/** What a KRB-ERROR says beside its reason. */
export interface ErrorParticulars {
  readonly detail?: string | undefined;
  readonly client?: NamedClient | undefined;
  readonly sname?: PrincipalName | undefined;
  readonly eData?: Uint8Array | undefined;
}

const MAX_TEXT = 240;

/** The KRB-ERROR for `reason` (RFC 4120 section 5.9.1), or `undefined` where the answer is silence. */
export function krbError(
  realm: Pick<KdcRealm, 'realm' | 'clock' | 'krbtgt'>,
  reason: ReasonCode,
  about: ErrorParticulars,
): Uint8Array | undefined {
  const row = reasonRow(reason);
  if (row.wire === undefined) return undefined;
  const now = realm.clock.microseconds();
  const stime = Math.floor(now / 1_000_000);
  const text = row.told ?? (about.detail === undefined ? row.text : `${row.text} ${about.detail}`);
  return encode(KrbError, {
    pvno: 5,
    msgType: 30,
    stime,
    susec: now - stime * 1_000_000,
    errorCode: row.wire,
    crealm: about.client?.crealm,
    cname: about.client?.cname,
    realm: realm.realm,
    sname: about.sname ?? realm.krbtgt,
    // KerberosString "MUST contain only characters in IA5String"; a detail may quote names that have others.
    eText: text.slice(0, MAX_TEXT).replace(/[^ -~]/g, '?'),
    eData: about.eData,
  });
}
