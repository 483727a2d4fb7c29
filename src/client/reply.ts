/** What the answers of both exchanges have in common: reading them, and the checks of RFC 4120 sections 3.1.5 and 3.3.4. */
import { type Principal, samePrincipal, showPrincipal, showText } from '../ap/principal.ts';
import { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import { DerError } from '../codec/der/error.ts';
import { decode, type Type } from '../codec/der/type.ts';
import { KrbError } from '../codec/krb5/error.ts';
import type { EncKdcRepPart, KdcRep } from '../codec/krb5/kdc.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { CryptoError } from '../crypto/errors.ts';
import { keyLengthOf } from '../crypto/etypes.ts';
import { TicketFlag } from '../spec/flags.ts';
import { MessageType } from '../spec/message-types.ts';
import { fail } from './client-error.ts';
import type { Credential } from './credential.ts';

/** A reply with a ticket, or why there is none. */
export type Answer = { readonly reply: KdcRep } | { readonly error: KrbError };

/** Reads an answer that must be of `type` or a KRB-ERROR. Throws `ClientError`. */
export function readAnswer(bytes: Uint8Array, type: Type<KdcRep>): Answer {
  const tag = bytes[0];
  if (tag === type.tag) return { reply: readOr(() => decode(type, bytes)) };
  if (tag === KRB_ERROR) return { error: readOr(() => decode(KrbError, bytes)) };
  return fail(tag !== undefined && REPLIES.has(tag) ? 'unexpected-reply' : 'malformed-reply');
}

const KRB_ERROR = 0x60 | MessageType.KRB_ERROR;
const REPLIES = new Set([0x60 | MessageType.AS_REP, 0x60 | MessageType.TGS_REP]);

/** The inside of a reply; `undefined` where `key` does not open it. Throws `ClientError` `malformed-reply`. */
export function openReply(
  crypto: Crypto,
  key: Key,
  usage: number,
  type: Type<EncKdcRepPart>,
  cipher: Uint8Array,
): EncKdcRepPart | undefined {
  let plain: Uint8Array;
  try {
    plain = crypto.decrypt(key, usage, cipher);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
  return readOr(() => decode(type, plain));
}

/** What a reply must agree with. */
export interface Expected {
  readonly nonce: number;
  /** The client whose ticket it must be. */
  readonly client: Principal;
  /** Whether the KDC may give the client another name in the same realm (RFC 6806 section 6). */
  readonly renames?: boolean;
  /** The realm whose KDC was asked. */
  readonly realm: string;
  /** Whether a ticket for this service is an answer to the request. */
  readonly serves: (server: Principal) => boolean;
  /** Etypes that were offered. */
  readonly etypes: readonly number[];
  /** Latest end that was asked for; 0: any. */
  readonly till: Seconds;
  /** The KDC's time as well as we know it. */
  readonly now: Seconds;
  readonly clockSkew: Seconds;
}

/**
 * The credential of a reply whose inside is `part`. Client and service must be those of the request, and the nonce its own (RFC 4120 sections
 * 3.1.5 and 3.3.4). What stands outside the encryption must say the same as what stands inside. Throws `ClientError`.
 */
export function checkReply(
  reply: KdcRep,
  part: EncKdcRepPart,
  expected: Expected,
): Omit<Credential, 'clockOffset'> {
  if (part.nonce !== expected.nonce) fail('nonce-mismatch');
  const client = { realm: reply.crealm, name: reply.cname };
  const clientIsRight =
    expected.renames === true
      ? client.realm === expected.client.realm
      : samePrincipal(client, expected.client);
  if (!clientIsRight) {
    // Windows answers to a realm's name in any letter case, and to its NETBIOS name.
    if (client.realm !== expected.client.realm)
      fail('realm-mismatch', `It calls it ${showText(client.realm, 100)}.`);
    fail(
      'client-mismatch',
      `It is for ${showPrincipal(client)} instead of ${showPrincipal(expected.client)}.`,
    );
  }
  const server = { realm: part.srealm, name: part.sname };
  const outside = { realm: reply.ticket.realm, name: reply.ticket.sname };
  if (!samePrincipal(outside, server)) fail('server-mismatch', `It is for ${showPrincipal(outside)}.`);
  if (server.realm !== expected.realm || !expected.serves(server))
    fail('server-mismatch', `It is for ${showPrincipal(server)}.`);
  const { keytype, keyvalue } = part.key;
  if (!expected.etypes.includes(keytype) || keyLengthOf(keytype) !== keyvalue.length)
    fail('etype-refused', `The session key has the encryption type ${keytype}.`);
  checkTimes(part, expected);
  return {
    client,
    server,
    ticket: reply.ticket,
    key: new Key(keytype, keyvalue),
    flags: part.flags,
    authtime: part.authtime,
    starttime: part.starttime ?? part.authtime,
    endtime: part.endtime,
    renewTill: (part.flags & TicketFlag.RENEWABLE) === 0 ? undefined : part.renewTill,
    addresses: part.caddr ?? [],
  };
}

/** Nothing is ever asked for that starts later, so that a ticket that is not valid now is not an answer. */
function checkTimes(part: EncKdcRepPart, { till, now, clockSkew }: Expected): void {
  const start = part.starttime ?? part.authtime;
  if (start > now + clockSkew) fail('times-mismatch', `It starts in ${start - now} seconds.`);
  if (part.endtime < now - clockSkew) fail('times-mismatch', `It ended ${now - part.endtime} seconds ago.`);
  if (till !== 0 && part.endtime > till) fail('times-mismatch', 'It lives longer than was asked for.');
  if ((part.flags & TicketFlag.INVALID) !== 0) fail('times-mismatch', 'It is not valid yet.');
}

/** What `read` gives; a `DerError` becomes `malformed-reply`. */
export function readOr<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) return fail('malformed-reply', error.message);
    throw error;
  }
}
