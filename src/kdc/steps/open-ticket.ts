import { Key } from '../../base/key.ts';
import { DerError } from '../../codec/der/error.ts';
import { decode } from '../../codec/der/type.ts';
import { EncTicketPart, type Ticket } from '../../codec/krb5/ticket.ts';
import { CryptoError } from '../../crypto/errors.ts';
import { keyLengthOf } from '../../crypto/etypes.ts';
import type { Crypto } from '../../crypto/crypto.ts';
import type { Principal, PrincipalKey } from '../../realm/principal.ts';
import { isInbound, type Trust } from '../../realm/trust.ts';
import { Etype } from '../../spec/etypes.ts';
import { KeyUsage } from '../../spec/key-usages.ts';
import { findPrincipal, isNamed, sameName } from '../names.ts';
import { verifyOwnPac, verifyTrustPac, type WhoIsIt } from '../pac.ts';
import type { ReasonCode } from '../reason.ts';
import type { KdcRealm } from '../realm.ts';
import { displayName } from '../realm.ts';
import { refuse } from '../refusal.ts';
import type { OpenedTicket } from '../ticket-memory.ts';

/** A ticket that opened with a key of ours, and whose PAC has the right signatures and agrees with it; with who issued it and whom it is for. */
export interface VerifiedTicket {
  readonly opened: OpenedTicket;
  /** The principal it is for. */
  readonly server: Principal;
  /** The trust over which it came; `undefined`: this realm issued it. */
  readonly trust: Trust | undefined;
}

/**
 * Opens a ticket that this realm has issued, or a ticket-granting ticket for this realm from one that it trusts. Whom it is for is looked up
 * each time; the rest is remembered by the exact ciphertext.
 */
export function openTicket(realm: KdcRealm, ticket: Ticket): VerifiedTicket {
  const { sname } = ticket;
  if (!isNamed(sname)) return refuse('not-our-ticket');
  const server = findPrincipal(realm, sname);
  if (server === undefined)
    return refuse('not-our-ticket', `There is no ${displayName(sname, realm.realm)}.`);
  if (ticket.realm === realm.realm) {
    const opened = openWith(realm, realm.crypto, ticket, server.keys, realm.policy.etypes, (part, key) =>
      verifyOwnPac(realm, part, key, server),
    );
    return { opened, server, trust: undefined };
  }
  const trust = realm.trusts.find(ticket.realm);
  if (trust === undefined || !sameName(sname, realm.krbtgt)) {
    return refuse('not-our-ticket', `It is for ${displayName(sname, ticket.realm)}.`);
  }
  if (!isInbound(trust)) refuse('trust-one-way', `${trust.realm} is trusted outbound only.`);
  const etypes = trust.inboundKeys.map(({ key }) => key.etype);
  if (!etypes.includes(ticket.encPart.etype)) {
    refuse('trust-etype', `${trust.realm} used the encryption type ${ticket.encPart.etype}.`);
  }
  const opened = openWith(
    realm,
    realm.trustCrypto,
    ticket,
    trust.inboundKeys,
    etypes,
    (part, key) => verifyTrustPac(realm, part, key, trust),
    trustFault(realm, ticket, trust),
  );
  return { opened, server, trust };
}

function openWith(
  realm: KdcRealm,
  crypto: Crypto,
  ticket: Ticket,
  keys: readonly PrincipalKey[],
  etypes: readonly number[],
  verifyPac: (part: EncTicketPart, key: Key) => WhoIsIt,
  fault: () => ReasonCode = () => 'ticket-integrity',
): OpenedTicket {
  const { etype, kvno, cipher } = ticket.encPart;
  let integrity = false;
  // A ticket of ours names its key's version. Another realm's may name any, or none: AD counts its own way, and for a while goes on using
  // the secret before the current one.
  const anyVersion = kvno === undefined || ticket.realm !== realm.realm;
  for (const one of keys) {
    if (one.key.etype !== etype || !(anyVersion || one.kvno === kvno) || !etypes.includes(etype)) continue;
    const known = realm.opened.find(cipher, one.key);
    if (known !== undefined && isCurrent(realm, known)) return known;
    const plain = decrypt(crypto, one.key, cipher);
    if (plain !== undefined) return remember(realm, one.key, cipher, plain, verifyPac);
    integrity = true;
  }
  return refuse(integrity ? fault() : 'unknown-ticket-key', `Its encryption type is ${etype}.`);
}

/** Why none of a trust's keys opens a ticket: the other side has another secret, or made its key for the other direction. */
function trustFault(realm: KdcRealm, ticket: Ticket, trust: Trust): () => ReasonCode {
  const { etype, cipher } = ticket.encPart;
  return () =>
    trust.outboundKeys.some(
      ({ key }) => key.etype === etype && decrypt(realm.trustCrypto, key, cipher) !== undefined,
    )
      ? 'trust-wrong-side'
      : 'trust-secret';
}

/** A foreign user's rights were worked out from the trust as it was: a changed trust is another object. */
function isCurrent(realm: KdcRealm, { foreign }: OpenedTicket): boolean {
  return foreign === undefined || realm.trusts.find(foreign.trust.realm) === foreign.trust;
}

function decrypt(crypto: Crypto, key: Key, cipher: Uint8Array): Uint8Array | undefined {
  try {
    return crypto.decrypt(key, KeyUsage.TICKET, cipher);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function remember(
  realm: KdcRealm,
  key: Key,
  cipher: Uint8Array,
  plain: Uint8Array,
  verifyPac: (part: EncTicketPart, key: Key) => WhoIsIt,
): OpenedTicket {
  const part = readPart(plain);
  const { keytype, keyvalue } = part.key;
  if (keytype === Etype.RC4_HMAC && key.etype === Etype.RC4_HMAC) refuse('trust-session-key');
  if (!realm.policy.etypes.includes(keytype))
    refuse('no-common-etype', `Its session key has the etype ${keytype}.`);
  if (keyLengthOf(keytype) !== keyvalue.length)
    refuse('ticket-not-as-issued', 'Its session key has the wrong length.');
  const who = verifyPac(part, key);
  const opened = { cipher: cipher.slice(), key, part, sessionKey: new Key(keytype, keyvalue), ...who };
  realm.opened.remember(opened);
  return opened;
}

function readPart(plain: Uint8Array): EncTicketPart {
  try {
    return decode(EncTicketPart, plain);
  } catch (error) {
    if (error instanceof DerError) return refuse('ticket-not-as-issued', error.message);
    throw error;
  }
}
