/** The Kerberos mechanism of GSS-API, from the acceptor's side: RFC 4121 section 4.1. */
import { makeApRep } from '../ap/ap-rep.ts';
import type { MicContext } from '../ap/mic.ts';
import type { Principal } from '../ap/principal.ts';
import type { ApError } from '../ap/reason.ts';
import { type Acceptor, type ServiceKey, type VerifiedApReq, verifyApReq } from '../ap/verify-ap-req.ts';
import { equalBytes, equalConstantTime } from '../base/bytes.ts';
import { DerError } from '../codec/der/error.ts';
import { decode, encode } from '../codec/der/type.ts';
import {
  decodeFrame,
  decodeGssChecksum,
  decodeKrbToken,
  encodeFrame,
  encodeKrbToken,
  KrbTokenId,
  NO_BINDINGS,
} from '../codec/gss.ts';
import { ApReq } from '../codec/krb5/ap.ts';
import { KrbError } from '../codec/krb5/error.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { GSS_CHECKSUM, GssFlag } from '../spec/gss-flags.ts';
import { MechOid } from '../spec/mech-oids.ts';
import { refuse } from './negotiate-error.ts';

/** Who a token has proven to be its sender. */
export interface ProvenClient {
  /** The pair of realm and name, never the name alone. */
  readonly client: Principal;
  /** The service that the ticket is for. */
  readonly server: Principal;
  /** The ticket's inside: `personOf` tells who that is and what the PAC gives. */
  readonly ticket: EncTicketPart;
  /** The key that opened it. */
  readonly ticketKey: ServiceKey;
  /** Whether the request was bound to a TLS channel to one of our certificates. */
  readonly bound: boolean;
}

/** A context that is complete on our side. */
export interface GssContext {
  readonly proven: ProvenClient;
  /** Protects messages: the client's subkey, else the session key. We make no key of our own (RFC 4121 section 2). */
  readonly key: MicContext['key'];
  /** Number of our first message. */
  readonly sequence: number;
  /** The framed AP-REP, where the client asked for it. */
  readonly reply: Uint8Array | undefined;
}

/** Whether an object identifier means this mechanism. */
export function isKerberos(mech: string): boolean {
  return mech === MechOid.KRB5 || mech === MechOid.MS_KRB5;
}

/**
 * Accepts a framed token of the mechanism. `bindings`: those that stand for our TLS certificates; `undefined` where these are not known. Throws
 * `ApError`, `NegotiateError`, `GssError`.
 */
export function acceptContext(
  acceptor: Acceptor,
  bindings: readonly Uint8Array[] | undefined,
  token: Uint8Array,
): GssContext {
  const { crypto } = acceptor;
  const verified = verifyApReq(acceptor, apReqIn(token));
  const checksum = checksumOf(verified);
  if ((checksum.flags & GssFlag.DCE_STYLE) !== 0) refuse('dce-style');
  // A client that knows no channel has sixteen zeros here (RFC 4121 section 4.1.1.2).
  const bound = bindings !== undefined && !equalBytes(checksum.bindings, NO_BINDINGS);
  if (bound && !bindings.some((one) => equalConstantTime(one, checksum.bindings))) refuse('channel-bindings');
  const { client, server, ticket, ticketKey, sessionKey, subkey, authenticator } = verified;
  const mutual = verified.mutual || (checksum.flags & GssFlag.MUTUAL) !== 0;
  // Who gets no AP-REP cannot know a number of ours, and takes its own.
  const sequence = mutual ? randomSequence(crypto) : (authenticator.seqNumber ?? 0);
  return {
    proven: { client, server, ticket, ticketKey, bound },
    key: subkey ?? sessionKey,
    sequence,
    reply: mutual
      ? framed(KrbTokenId.AP_REP, makeApRep(crypto, verified, { seqNumber: sequence }))
      : undefined,
  };
}

/**
 * The framed KRB-ERROR that tells the sender of `token` why its AP-REQ was refused (RFC 4121 section 4.1), so that it can set its clock or get
 * another ticket. `undefined` where the token holds no AP-REQ.
 */
export function errorToken(
  { clock }: Acceptor,
  realm: string,
  token: Uint8Array,
  error: ApError,
): Uint8Array | undefined {
  const sname = serviceIn(token);
  if (sname === undefined) return undefined;
  const now = clock.microseconds();
  const stime = Math.floor(now / 1_000_000);
  const message = encode(KrbError, {
    pvno: 5,
    msgType: 30,
    stime,
    susec: now - stime * 1_000_000,
    errorCode: error.wire,
    realm,
    sname,
    eText: error.message,
  });
  return framed(KrbTokenId.ERROR, message);
}

function apReqIn(token: Uint8Array): Uint8Array {
  const { mech, inner } = decodeFrame(token);
  if (!isKerberos(mech)) refuse('malformed-token', `Its mechanism is ${mech} instead of Kerberos.`);
  const { id, message } = decodeKrbToken(inner);
  if (id !== KrbTokenId.AP_REQ) refuse('malformed-token', 'It holds no AP-REQ.');
  return message;
}

function serviceIn(token: Uint8Array): Principal['name'] | undefined {
  try {
    return decode(ApReq, apReqIn(token)).ticket.sname;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** "The authenticator … MUST include … the checksum field … 0x8003" in substance (RFC 4121 section 4.1.1): bindings and flags stand nowhere else. */
function checksumOf({ authenticator: { cksum } }: VerifiedApReq): ReturnType<typeof decodeGssChecksum> {
  if (cksum?.cksumtype !== GSS_CHECKSUM) return refuse('no-gss-checksum');
  return decodeGssChecksum(cksum.checksum);
}

/** Below 2^30, so that no peer takes it for a negative number. */
function randomSequence(crypto: Crypto): number {
  return new DataView(crypto.randomBytes(4).buffer).getUint32(0) >>> 2;
}

function framed(id: number, message: Uint8Array): Uint8Array {
  return encodeFrame({ mech: MechOid.KRB5, inner: encodeKrbToken({ id, message }) });
}
