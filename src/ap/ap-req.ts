/** RFC 4120 section 3.2.2: a client makes a KRB_AP_REQ. */
import type { Key } from '../base/key.ts';
import type { Clock, Seconds } from '../base/ports.ts';
import { encode } from '../codec/der/type.ts';
import { ApReq, Authenticator } from '../codec/krb5/ap.ts';
import type { AuthorizationData, Checksum } from '../codec/krb5/basic.ts';
import type { Ticket } from '../codec/krb5/ticket.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { checksumTypeOf } from '../crypto/etypes.ts';
import { ApOption } from '../spec/flags.ts';
import type { Principal } from './principal.ts';
import { AP_USAGES, type ApUsages } from './usages.ts';

/** What a client needs of a ticket to use it. */
export interface TicketHolder {
  readonly client: Principal;
  readonly ticket: Ticket;
  /** The session key. */
  readonly key: Key;
}

export interface ApReqOptions {
  /** Asks the service for an AP-REP, which proves that it has the session key. */
  readonly mutual?: boolean;
  /** The ticket is made with the session key of the server's own ticket (user-to-user). */
  readonly useSessionKey?: boolean;
  /** Bytes that a keyed checksum in the authenticator shall cover; or the checksum itself, as GSS-API makes it (RFC 4121 section 4.1.1). */
  readonly checksum?: Uint8Array | Checksum;
  /** A key of the client's choice for what follows: make it with `crypto.randomKey(holder.key.etype)`. */
  readonly subkey?: Key;
  /** Initial sequence number; below 2^30, so that no peer takes it for a negative one. */
  readonly seqNumber?: number;
  readonly authorizationData?: AuthorizationData;
  /** Default: those of an application server. */
  readonly usages?: ApUsages;
}

/** An AP-REQ, and what the client must remember to check the answer. */
export interface SentApReq {
  /** DER of the AP-REQ. */
  readonly message: Uint8Array<ArrayBuffer>;
  readonly sessionKey: Key;
  readonly subkey: Key | undefined;
  readonly ctime: Seconds;
  readonly cusec: number;
}

/** Makes an AP-REQ. `clock` is the service's time as well as the client knows it. Throws `CryptoError` for a session key that `crypto` does not speak. */
export function makeApReq(
  crypto: Crypto,
  clock: Clock,
  holder: TicketHolder,
  options: ApReqOptions = {},
): SentApReq {
  const { mutual = false, useSessionKey = false, subkey, usages = AP_USAGES } = options;
  const { key, client } = holder;
  const now = clock.microseconds();
  const ctime = Math.floor(now / 1_000_000);
  const cusec = now - ctime * 1_000_000;
  const authenticator = encode(Authenticator, {
    authenticatorVno: 5,
    crealm: client.realm,
    cname: client.name,
    cksum: checksumOf(crypto, key, usages, options.checksum),
    cusec,
    ctime,
    subkey: subkey && { keytype: subkey.etype, keyvalue: subkey.bytes },
    seqNumber: options.seqNumber,
    authorizationData: options.authorizationData,
  });
  const message = encode(ApReq, {
    pvno: 5,
    msgType: 14,
    apOptions:
      ((mutual ? ApOption.MUTUAL_REQUIRED : 0) | (useSessionKey ? ApOption.USE_SESSION_KEY : 0)) >>> 0,
    ticket: holder.ticket,
    authenticator: { etype: key.etype, cipher: crypto.encrypt(key, usages.authenticator, authenticator) },
  });
  // It held the subkey.
  authenticator.fill(0);
  return { message, sessionKey: key, subkey, ctime, cusec };
}

function checksumOf(
  crypto: Crypto,
  key: Key,
  usages: ApUsages,
  wanted: Uint8Array | Checksum | undefined,
): Checksum | undefined {
  if (!(wanted instanceof Uint8Array)) return wanted;
  return { cksumtype: checksumTypeOf(key.etype), checksum: crypto.checksum(key, usages.checksum, wanted) };
}
