import { Key } from '../../base/key.ts';
import { DerError } from '../../codec/der/error.ts';
import { decode } from '../../codec/der/type.ts';
import { EncTicketPart, type Ticket } from '../../codec/krb5/ticket.ts';
import { CryptoError } from '../../crypto/errors.ts';
import { keyLengthOf } from '../../crypto/etypes.ts';
import type { Principal } from '../../realm/principal.ts';
import { KeyUsage } from '../../spec/key-usages.ts';
import { findPrincipal, isNamed } from '../names.ts';
import { verifyTicketPac } from '../pac.ts';
import type { KdcRealm } from '../realm.ts';
import { displayName } from '../realm.ts';
import { refuse } from '../refusal.ts';
import type { OpenedTicket } from '../ticket-memory.ts';

/** A ticket of this realm that opened, and whose PAC has the right signatures and agrees with it; with the principal it is for. */
export interface VerifiedTicket extends OpenedTicket {
  readonly server: Principal;
}

/**
 * Opens a ticket that this realm has issued. The principal it is for is looked up each time; the rest is remembered by the exact
 * ciphertext.
 */
export function openTicket(realm: KdcRealm, ticket: Ticket): VerifiedTicket {
  if (ticket.realm !== realm.realm || !isNamed(ticket.sname)) {
    refuse('not-our-ticket', `It is for ${displayName(ticket.sname, ticket.realm)}.`);
  }
  const server = findPrincipal(realm, ticket.sname);
  if (server === undefined)
    refuse('not-our-ticket', `There is no ${displayName(ticket.sname, ticket.realm)}.`);
  const { etype, kvno, cipher } = ticket.encPart;
  let integrity = false;
  // A ticket names the key's version; where it does not, every version may have made it.
  for (const one of server.keys) {
    if (one.key.etype !== etype || (kvno !== undefined && one.kvno !== kvno)) continue;
    if (!realm.policy.etypes.includes(etype)) continue;
    const known = realm.opened.find(cipher, one.key);
    if (known !== undefined) return withServer(known, server);
    const plain = decrypt(realm, one.key, cipher);
    if (plain !== undefined) return withServer(verify(realm, one.key, cipher, plain, server), server);
    integrity = true;
  }
  return refuse(integrity ? 'ticket-integrity' : 'unknown-ticket-key');
}

function decrypt(realm: KdcRealm, key: Key, cipher: Uint8Array): Uint8Array | undefined {
  try {
    return realm.crypto.decrypt(key, KeyUsage.TICKET, cipher);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function verify(
  realm: KdcRealm,
  key: Key,
  cipher: Uint8Array,
  plain: Uint8Array,
  server: Principal,
): OpenedTicket {
  let part: EncTicketPart;
  try {
    part = decode(EncTicketPart, plain);
  } catch (error) {
    if (error instanceof DerError) return refuse('ticket-not-as-issued', error.message);
    throw error;
  }
  const { keytype, keyvalue } = part.key;
  if (keyLengthOf(keytype) !== keyvalue.length)
    refuse('ticket-not-as-issued', 'Its session key has the wrong length.');
  const sid = verifyTicketPac(realm, part, key, server);
  const opened = { cipher: cipher.slice(), key, part, sessionKey: new Key(keytype, keyvalue), sid };
  realm.opened.remember(opened);
  return opened;
}

function withServer(opened: OpenedTicket, server: Principal): VerifiedTicket {
  return {
    cipher: opened.cipher,
    key: opened.key,
    part: opened.part,
    sessionKey: opened.sessionKey,
    sid: opened.sid,
    server,
  };
}
