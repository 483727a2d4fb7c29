/**
 * Who sends a request with `Authorization: Negotiate` (RFC 4559): the acceptor of SPNEGO (RFC 4178), without sockets.
 *
 * ```ts
 * const negotiate = createNegotiation(createAcceptor({ realm, crypto, clock, keys, replays, certificates: [der] }));
 * const answer = negotiate(request.headers.authorization, request.socket);         // undefined: another scheme, or none
 * // accepted: answer the request, with `WWW-Authenticate: ${answer.header}` if there is one; see personOf, ticketCaller
 * // continue, refused: 401 with it
 * ```
 */
import { makeMic, type MicContext, verifyMic } from '../ap/mic.ts';
import { acceptableBindings } from '../ap/channel-bindings.ts';
import { ApError } from '../ap/reason.ts';
import type { Acceptor } from '../ap/verify-ap-req.ts';
import { equalBytes, utf8 } from '../base/bytes.ts';
import type { RealmwardError } from '../base/errors.ts';
import { DerError } from '../codec/der/error.ts';
import { encode } from '../codec/der/type.ts';
import { decodeFrame, GssError } from '../codec/gss.ts';
import {
  decodeNegTokenInit,
  decodeNegTokenResp,
  encodeNegTokenResp,
  MechTypeList,
  NEG_TOKEN_RESP_TAG,
  NegState,
} from '../codec/spnego.ts';
import { MechOid } from '../spec/mech-oids.ts';
import { acceptContext, errorToken, type GssContext, isKerberos, type ProvenClient } from './gss-acceptor.ts';
import { NegotiateError, refuse } from './negotiate-error.ts';

/** What an acceptor is made of. `keys` are those of all services that it stands for; `replays` is theirs together. */
export interface TokenAcceptorOptions extends Acceptor {
  /** Our realm, as errors name it. */
  readonly realm: string;
  /**
   * DER of the server's TLS certificates: a client that binds its request to a TLS channel must mean one with these. Left out: bindings are not
   * compared, as behind a TLS proxy whose certificate is not known.
   */
  readonly certificates?: readonly Uint8Array[] | undefined;
}

/** Accepts tokens. Keeps no state of its own but the replay cache. */
export interface TokenAcceptor {
  /**
   * Accepts the token of a request; `pending` is what the token before it on the same connection has left. Throws only what the look-up of keys throws,
   * at a time when nothing is remembered yet: the same token may be shown again.
   */
  accept(token: Uint8Array, pending?: Pending): Accepted | Continued | Refused;
}

/** A client has proven who it is. */
export interface Accepted extends ProvenClient {
  readonly result: 'accepted';
  /** The token that proves us to the client. */
  readonly reply: Uint8Array | undefined;
}

/** The client has to send another token. */
export interface Continued {
  readonly result: 'continue';
  readonly reply: Uint8Array;
  readonly pending: Pending;
}

/** The client has proven nothing. */
export interface Refused {
  readonly result: 'refused';
  /** A `NegotiateError` or an `ApError`: stable code, sentence, hint. */
  readonly error: RealmwardError;
  /** Tells the client so, in a language that it speaks. */
  readonly reply: Uint8Array | undefined;
}

/** What is left between two tokens of a negotiation: the mechanism's token is to come, or the client's MIC of the list of mechanisms. */
export type Pending =
  | { readonly awaits: 'token'; readonly mechList: Uint8Array; readonly needsMic: boolean }
  | { readonly awaits: 'mic'; readonly mechList: Uint8Array; readonly context: GssContext };

/** Makes the acceptor of these services. */
export function createAcceptor(options: TokenAcceptorOptions): TokenAcceptor {
  const { crypto, realm } = options;
  const bindings = options.certificates?.flatMap(acceptableBindings);

  const first = (token: Uint8Array): Accepted | Continued => {
    if (isNtlm(token)) return refuse('ntlm');
    if (token[0] === NEG_TOKEN_RESP_TAG) return refuse('no-negotiation');
    const { mech, inner } = decodeFrame(token);
    if (mech === MechOid.SPNEGO) return begin(inner);
    if (!isKerberos(mech)) return refuse('no-common-mechanism', `It offers ${mech}.`);
    const { proven, reply } = acceptContext(options, bindings, token);
    return { result: 'accepted', ...proven, reply };
  };

  const begin = (inner: Uint8Array): Accepted | Continued => {
    const { mechTypes, mechToken, mechListMic } = decodeNegTokenInit(inner);
    const chosen = mechTypes.findIndex(isKerberos);
    if (chosen < 0)
      return refuse(
        mechTypes.includes(MechOid.NTLM) ? 'ntlm' : 'no-common-mechanism',
        `It offers ${mechTypes.join(', ')}.`,
      );
    const supportedMech = mechTypes[chosen];
    // DER has one form only: these are the bytes that the client has sent. A copy, because it may be kept until the next token.
    const mechList = encode(MechTypeList, mechTypes).slice();
    // "If the accepted mechanism is the most preferred mechanism of both the initiator and the acceptor, then the MIC token exchange … is OPTIONAL.
    // In all other cases, MIC tokens MUST be exchanged after the mechanism context is fully established" (RFC 4178 section 5).
    const needsMic = chosen > 0;
    if (!needsMic && mechToken !== undefined)
      return finish(acceptContext(options, bindings, mechToken), {
        mechList,
        needsMic,
        mechListMic,
        supportedMech,
      });
    // Kerberos' own token is still to come: there is none, or it is of the client's first choice.
    return {
      result: 'continue',
      reply: encodeNegTokenResp({
        negState: needsMic ? NegState.REQUEST_MIC : NegState.ACCEPT_INCOMPLETE,
        supportedMech,
      }),
      pending: { awaits: 'token', mechList, needsMic },
    };
  };

  const next = (token: Uint8Array, pending: Pending): Accepted | Continued => {
    const { negState, responseToken, mechListMic } = decodeNegTokenResp(token);
    if (negState === NegState.REJECT) return refuse('client-gave-up');
    const { mechList } = pending;
    if (pending.awaits === 'mic') {
      checkMic(pending.context, mechList, mechListMic);
      // Our own MIC has gone out already: there is nothing left to say.
      return { result: 'accepted', ...pending.context.proven, reply: undefined };
    }
    if (responseToken === undefined) return refuse('malformed-token', 'It lacks the token of Kerberos.');
    const context = acceptContext(options, bindings, responseToken);
    return finish(context, { mechList, needsMic: pending.needsMic, mechListMic, supportedMech: undefined });
  };

  /** Kerberos is done. What is left is whether both sides have seen the same list of mechanisms. */
  const finish = (
    context: GssContext,
    negotiation: {
      readonly mechList: Uint8Array;
      readonly needsMic: boolean;
      readonly mechListMic: Uint8Array | undefined;
      /** "This field SHALL only be present in the first reply from the target" (section 4.2.2). */
      readonly supportedMech: string | undefined;
    },
  ): Accepted | Continued => {
    const { mechList, needsMic, mechListMic, supportedMech } = negotiation;
    // A MIC that comes unasked is verified, too, and answered.
    const confirmed = mechListMic !== undefined;
    if (confirmed) checkMic(context, mechList, mechListMic);
    const done = confirmed || !needsMic;
    const reply = encodeNegTokenResp({
      negState: done ? NegState.ACCEPT_COMPLETED : NegState.ACCEPT_INCOMPLETE,
      supportedMech,
      responseToken: context.reply,
      mechListMic:
        confirmed || needsMic
          ? makeMic(crypto, micContext(context, 'acceptor'), context.sequence, mechList)
          : undefined,
    });
    if (done) return { result: 'accepted', ...context.proven, reply };
    return { result: 'continue', reply, pending: { awaits: 'mic', mechList, context } };
  };

  const checkMic = (context: GssContext, mechList: Uint8Array, mic: Uint8Array | undefined): void => {
    if (mic === undefined || !verifyMic(crypto, micContext(context, 'initiator'), mechList, mic))
      refuse('mechanism-list');
  };

  /** What tells the client: a KRB-ERROR where its AP-REQ was refused, in SPNEGO inside a token with the state reject. */
  const refusal = (token: Uint8Array, error: RealmwardError): Uint8Array | undefined => {
    const { negotiates, kerberos } = anatomyOf(token);
    const responseToken =
      kerberos !== undefined && error instanceof ApError
        ? errorToken(options, realm, kerberos, error)
        : undefined;
    return negotiates ? encodeNegTokenResp({ negState: NegState.REJECT, responseToken }) : responseToken;
  };

  return {
    accept(token, pending) {
      try {
        return pending !== undefined && token[0] === NEG_TOKEN_RESP_TAG ? next(token, pending) : first(token);
      } catch (thrown) {
        const error = asRefusal(thrown);
        if (error === undefined) throw thrown;
        return { result: 'refused', error, reply: refusal(token, error) };
      }
    },
  };
}

/** The context's key is never a subkey of ours. */
function micContext({ key }: GssContext, sender: MicContext['sender']): MicContext {
  return { sender, key, acceptorSubkey: false };
}

/** MS-NLMP 2.2.1: every message of NTLM begins with these letters. */
const NTLM_SIGNATURE = utf8('NTLMSSP\0');

function isNtlm(token: Uint8Array): boolean {
  return equalBytes(token.subarray(0, NTLM_SIGNATURE.length), NTLM_SIGNATURE);
}

/** What a token is refused with; `undefined` for what is no fault of the token's. */
function asRefusal(thrown: unknown): RealmwardError | undefined {
  if (thrown instanceof NegotiateError || thrown instanceof ApError) return thrown;
  if (thrown instanceof DerError || thrown instanceof GssError)
    return new NegotiateError('malformed-token', `It cannot be read: ${thrown.message}.`);
  return undefined;
}

/** Of a token that was refused: whether it is one of SPNEGO, and the framed token of Kerberos that it is or has. */
function anatomyOf(token: Uint8Array): { negotiates: boolean; kerberos?: Uint8Array | undefined } {
  try {
    if (token[0] === NEG_TOKEN_RESP_TAG)
      return { negotiates: true, kerberos: decodeNegTokenResp(token).responseToken };
    const { mech, inner } = decodeFrame(token);
    if (mech !== MechOid.SPNEGO)
      return isKerberos(mech) ? { negotiates: false, kerberos: token } : { negotiates: false };
    return { negotiates: true, kerberos: decodeNegTokenInit(inner).mechToken };
  } catch (error) {
    if (error instanceof DerError || error instanceof GssError) return { negotiates: false };
    throw error;
  }
}
