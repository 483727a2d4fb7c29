import type { Key } from '../base/key.ts';
import { nowSeconds } from '../base/ports.ts';
import type { Crypto } from '../crypto/crypto.ts';
import type { PrincipalName } from '../codec/krb5/basic.ts';
import type { Principal } from '../realm/principal.ts';
import { outboundKey, type Trust } from '../realm/trust.ts';
import { Etype } from '../spec/etypes.ts';
import { type Account, accountOf } from './account.ts';
import { isReadByKdc } from './names.ts';
import type { KdcRealm } from './realm.ts';
import { refuse } from './refusal.ts';

/** What a ticket is for: an account of ours, or the ticket-granting service of a trusted realm. */
export type TicketTarget =
  | { readonly sname: PrincipalName; readonly account: Account; readonly trust: undefined }
  | { readonly sname: PrincipalName; readonly account: undefined; readonly trust: Trust };

/** The keys that a new ticket is made with. */
export interface TicketKeys {
  /** Seals with `key`: that of trusts where `key` is a trust's. */
  readonly crypto: Crypto;
  readonly key: Key;
  readonly kvno: number | undefined;
  /** Signs the PAC beside `key`. */
  readonly kdc: { readonly key: Key; readonly kvno: number };
  /** Whether a KDC, and no service, will read the ticket: such tickets have no ticket and no full signature (MS-PAC 2.8.4). */
  readonly forKdc: boolean;
}

/** The account's principal; `undefined` for another realm. Its bounds apply to the ticket. */
export function targetPrincipal(target: TicketTarget): Principal | undefined {
  return target.account?.principal;
}

/**
 * The session key's etype: the strongest that the client offers, the realm uses and the target understands, which it shows by having keys
 * of it (RFC 4120 section 3.1.3); the realm's own services, and users in user-to-user, understand all. A realm with whom RC4 is all that the
 * trust names gets session keys that every domain controller of this century's second decade understands: RC4 is for its ticket alone.
 */
export function sessionEtype(realm: KdcRealm, target: TicketTarget, offered: readonly number[]): number {
  const keys = target.trust === undefined ? target.account.keys : target.trust.outboundKeys;
  const understandsAll = target.account !== undefined && target.account.principal.kind !== 'service';
  const understood =
    target.trust !== undefined && keys.every(({ key }) => key.etype === Etype.RC4_HMAC)
      ? AES_SHA1
      : undefined;
  for (const etype of realm.policy.etypes) {
    if (!offered.includes(etype)) continue;
    if (understandsAll || (understood?.includes(etype) ?? keys.some(({ key }) => key.etype === etype)))
      return etype;
  }
  return refuse(
    'no-common-etype',
    `The client offers the etypes ${offered.join(', ') || 'none'}, the service has others.`,
  );
}

const AES_SHA1: readonly number[] = [Etype.AES256_CTS_HMAC_SHA1_96, Etype.AES128_CTS_HMAC_SHA1_96];

/** `sealWith`: the session key of the other user's ticket-granting ticket, in user-to-user. */
export function ticketKeys(realm: KdcRealm, target: TicketTarget, sealWith: Key | undefined): TicketKeys {
  if (target.trust !== undefined) {
    // The other realm has no key of ours but this one, so both signatures are made with it. It counts versions its own way: none is named.
    const key = outboundKey(target.trust, nowSeconds(realm.clock));
    if (key === undefined)
      return refuse('server-without-keys', `The trust with ${target.trust.realm} has no key.`);
    return { crypto: realm.trustCrypto, key: key.key, kvno: undefined, kdc: key, forKdc: true };
  }
  const { crypto } = realm;
  const kdc = krbtgtKey(realm);
  if (sealWith !== undefined) return { crypto, key: sealWith, kvno: undefined, kdc, forKdc: false };
  const key = target.account.keys[0];
  if (key === undefined) return refuse('server-without-keys');
  return { crypto, key: key.key, kvno: key.kvno, kdc, forKdc: isReadByKdc(realm, target.account.principal) };
}

/** The realm's current key for ticket-granting tickets, with which it signs every PAC. */
function krbtgtKey(realm: KdcRealm): { readonly key: Key; readonly kvno: number } {
  const principal = realm.directory.get(realm.krbtgtName);
  const key = principal === undefined ? undefined : accountOf(realm, principal).keys[0];
  if (key === undefined)
    throw new Error(`${realm.krbtgtName} has no key of an etype that policy.etypes allows`);
  return key;
}
