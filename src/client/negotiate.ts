/** RFC 4559: a client proves itself to a web server with `Authorization: Negotiate`, by SPNEGO and Kerberos. */
import { verifyApRep } from '../ap/ap-rep.ts';
import { makeApReq, type SentApReq } from '../ap/ap-req.ts';
import { serverBindings } from '../ap/channel-bindings.ts';
import { verifyMic } from '../ap/mic.ts';
import { refuse } from '../ap/reason.ts';
import { DerError } from '../codec/der/error.ts';
import { encode } from '../codec/der/type.ts';
import {
  decodeFrame,
  decodeKrbToken,
  encodeFrame,
  encodeGssChecksum,
  encodeKrbToken,
  GssError,
  KrbTokenId,
  NO_BINDINGS,
} from '../codec/gss.ts';
import {
  decodeNegTokenResp,
  encodeNegTokenInit,
  MechTypeList,
  NEG_TOKEN_RESP_TAG,
  NegState,
} from '../codec/spnego.ts';
import { GSS_CHECKSUM, GssFlag } from '../spec/gss-flags.ts';
import { MechOid } from '../spec/mech-oids.ts';
import type { ClientContext } from './context.ts';
import { clockOf, type Credential, grantingRealm } from './credential.ts';
import { nameOf } from './names.ts';
import { getServiceTicket } from './services.ts';

export interface NegotiationOptions {
  /** Realm of the web server; left out: the KDCs know. */
  readonly realm?: string;
  /**
   * DER of the certificate that the server has shown: binds the request to this TLS connection (tls-server-end-point), so that nobody in between can
   * use it elsewhere. Where the RFC leaves the binding undefined for such a certificate, nothing is bound.
   */
  readonly certificate?: Uint8Array;
  readonly signal?: AbortSignal;
}

/** One request's proof, and what its answer must be. Each request takes one of its own. */
export interface Negotiation {
  /** Value of the request's `Authorization` field. */
  readonly header: string;
  /** The ticket for the server: `negotiate` takes it in place of a ticket-granting ticket, and asks no KDC then. */
  readonly credential: Credential;
  /**
   * Verifies the answer's `WWW-Authenticate` field or fields: that the server could read the ticket, so that it is the one that it claims to be.
   * Believe nothing of an answer before. Throws `ApError`: `mutual-failed`, `refused-by-server`, `malformed-message`, `unusable-key`.
   */
  verify(authenticate: string | readonly string[] | null | undefined): void;
}

/** Kerberos alone is offered, and so it comes first on both sides: no MIC of this list is needed (RFC 4178 section 5). */
const MECHS = [MechOid.KRB5];

const FLAGS = GssFlag.MUTUAL | GssFlag.REPLAY | GssFlag.SEQUENCE | GssFlag.CONF | GssFlag.INTEG;

/**
 * Proves the owner of `credential`, a ticket-granting ticket or a ticket for the server, to the web server on `host`, whose service is `HTTP/<host>`.
 * Throws `KerberosError`, `ClientError`, and `DerError` where the certificate is none.
 */
export async function negotiate(
  context: ClientContext,
  credential: Credential,
  host: string,
  options: NegotiationOptions = {},
): Promise<Negotiation> {
  const { certificate, ...where } = options;
  const bindings = certificate && serverBindings(certificate);
  const ticket =
    grantingRealm(credential) === undefined
      ? credential
      : (await getServiceTicket(context, credential, { name: nameOf('HTTP', host), ...where })).credential;
  const { crypto } = context;
  const sent = makeApReq(crypto, clockOf(context, ticket), ticket, {
    mutual: true,
    subkey: crypto.randomKey(ticket.key.etype),
    seqNumber: new DataView(crypto.randomBytes(4).buffer).getUint32(0) >>> 2,
    checksum: {
      cksumtype: GSS_CHECKSUM,
      checksum: encodeGssChecksum({ bindings: bindings ?? NO_BINDINGS, flags: FLAGS }),
    },
  });
  const apReq = encodeKrbToken({ id: KrbTokenId.AP_REQ, message: sent.message });
  const mechToken = encodeFrame({ mech: MechOid.KRB5, inner: apReq });
  const token = encodeFrame({
    mech: MechOid.SPNEGO,
    inner: encodeNegTokenInit({ mechTypes: MECHS, mechToken }),
  });
  return {
    header: `Negotiate ${btoa(Array.from(token, (octet) => String.fromCharCode(octet)).join(''))}`,
    credential: ticket,
    verify: (authenticate) => verifyAnswer(context, sent, authenticate),
  };
}

function verifyAnswer(
  context: ClientContext,
  sent: SentApReq,
  authenticate: Parameters<Negotiation['verify']>[0],
): void {
  const reply = tokenIn(authenticate);
  if (reply === undefined) refuse('mutual-failed', 'It sends no token of Negotiate.');
  try {
    verifyReply(context, sent, reply);
  } catch (error) {
    if (error instanceof DerError || error instanceof GssError) refuse('malformed-message', error.message);
    throw error;
  }
}

function verifyReply({ crypto }: ClientContext, sent: SentApReq, reply: Uint8Array): void {
  if (reply[0] !== NEG_TOKEN_RESP_TAG) {
    // A server that speaks no SPNEGO answers in the mechanism's own words.
    verifyApRep(crypto, sent, messageIn(reply));
    return;
  }
  const { negState, supportedMech, responseToken, mechListMic } = decodeNegTokenResp(reply);
  if (responseToken === undefined) {
    if (negState === NegState.REJECT) refuse('refused-by-server', 'It rejects the negotiation.');
    refuse('mutual-failed', 'It sends no token of Kerberos.');
  }
  const { subkey } = verifyApRep(crypto, sent, messageIn(responseToken));
  if (negState !== NegState.ACCEPT_COMPLETED || (supportedMech ?? MechOid.KRB5) !== MechOid.KRB5)
    refuse('mutual-failed', 'It does not end the negotiation with Kerberos.');
  if (mechListMic === undefined) return;
  const context = {
    sender: 'acceptor',
    key: subkey ?? sent.subkey ?? sent.sessionKey,
    acceptorSubkey: subkey !== undefined,
  } as const;
  if (!verifyMic(crypto, context, encode(MechTypeList, MECHS), mechListMic))
    refuse('mutual-failed', 'It has seen another list of mechanisms.');
}

/** The AP-REP or KRB-ERROR in a framed token. Throws `GssError`. */
function messageIn(token: Uint8Array): Uint8Array {
  const { mech, inner } = decodeFrame(token);
  if (mech !== MechOid.KRB5) throw new GssError(`the token is of the mechanism ${mech}`);
  const { id, message } = decodeKrbToken(inner);
  if (id !== KrbTokenId.AP_REP && id !== KrbTokenId.ERROR) throw new GssError('the token is no answer');
  return message;
}

/** The token among the challenges of an answer: there may be several fields, and several challenges in a field. */
function tokenIn(authenticate: string | readonly string[] | null | undefined): Uint8Array | undefined {
  for (const field of [authenticate ?? []].flat()) {
    const text = /(?:^|,)\s*negotiate\s+([A-Za-z0-9+/]+={0,2})\s*(?:,|$)/i.exec(field)?.[1];
    if (text === undefined) continue;
    try {
      return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    } catch {
      return refuse('malformed-message', 'Its token is not base64.');
    }
  }
  return undefined;
}
