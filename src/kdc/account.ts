import { equalBytes } from '../base/bytes.ts';
import type { Seconds } from '../base/ports.ts';
import { type Sid, withRid } from '../base/sid.ts';
import { encode } from '../codec/der/type.ts';
import { EtypeInfo2 } from '../codec/krb5/padata.ts';
import type { ServiceTemplate, TgtTemplate } from '../pac/template.ts';
import { defaultSalt, parseName } from '../realm/name.ts';
import type { Principal, PrincipalKey } from '../realm/principal.ts';
import { currentKeys } from '../realm/principal.ts';
import { Etype } from '../spec/etypes.ts';
import type { KdcRealm } from './realm.ts';

/** What the KDC works out about a principal once and keeps as long as the principal does not change. */
export interface Account {
  readonly principal: Principal;
  readonly sid: Sid;
  /** The name as PACs have it: parts joined by `/`, nothing escaped. */
  readonly pacName: string;
  /** Current keys of etypes that policy allows, strongest first. */
  readonly keys: readonly PrincipalKey[];
  /** DER of the ETYPE-INFO2 that an AS-REP carries for one of `keys`, by etype. */
  readonly etypeInfo: Map<number, Uint8Array>;
  /** PAC templates by what they are for: see `pac.ts`. */
  readonly tgtPacs: Map<number, TgtTemplate>;
  readonly servicePacs: Map<number, ServiceTemplate>;
  /** Failed logins since the account was read: what the store counts for all servers, but it takes the store a moment to say so. */
  readonly failures: { count: number; last: Seconds };
}

/** The account view of `principal`, remembered as long as the principal is. */
export function accountOf(realm: KdcRealm, principal: Principal): Account {
  let account = realm.accounts.get(principal);
  if (account === undefined) realm.accounts.set(principal, (account = makeAccount(realm, principal)));
  return account;
}

/** One entry of ETYPE-INFO2 in DER for `key`; remembered. */
export function etypeInfoOf(realm: KdcRealm, account: Account, key: PrincipalKey): Uint8Array {
  let der = account.etypeInfo.get(key.key.etype);
  if (der === undefined) {
    const salt = key.salt ?? defaultSalt(realm.realm, parseName(account.principal.name));
    // Parameters that are the etype's default are left out: the reply should fit into one datagram.
    // A copy: an encoding is a view of memory that it shares with others, and this one is kept.
    der = encode(EtypeInfo2, [{ etype: key.key.etype, salt, s2kparams: unlessDefault(key) }]).slice();
    account.etypeInfo.set(key.key.etype, der);
  }
  return der;
}

function unlessDefault({ key, s2kparams }: PrincipalKey): Uint8Array | undefined {
  const usual = DEFAULT_S2KPARAMS[key.etype];
  return s2kparams !== undefined && usual !== undefined && equalBytes(s2kparams, usual)
    ? undefined
    : s2kparams;
}

/** PBKDF2 iteration counts as on the wire: RFC 3962 section 4 (4096), RFC 8009 section 4 (32768). */
export const DEFAULT_S2KPARAMS: Readonly<Record<number, Uint8Array>> = {
  [Etype.AES128_CTS_HMAC_SHA1_96]: Uint8Array.of(0, 0, 0x10, 0),
  [Etype.AES256_CTS_HMAC_SHA1_96]: Uint8Array.of(0, 0, 0x10, 0),
  [Etype.AES128_CTS_HMAC_SHA256_128]: Uint8Array.of(0, 0, 0x80, 0),
  [Etype.AES256_CTS_HMAC_SHA384_192]: Uint8Array.of(0, 0, 0x80, 0),
};

function makeAccount(realm: KdcRealm, principal: Principal): Account {
  const current = currentKeys(principal);
  const keys = realm.policy.etypes.flatMap((etype) => current.find((key) => key.key.etype === etype) ?? []);
  return {
    principal,
    sid: withRid(realm.sid, principal.rid),
    pacName: parseName(principal.name).join('/'),
    keys,
    etypeInfo: new Map(),
    tgtPacs: new Map(),
    servicePacs: new Map(),
    failures: { count: 0, last: 0 },
  };
}
