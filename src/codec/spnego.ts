/** SPNEGO, the simple and protected negotiation of GSS-API mechanisms: RFC 4178 section 4.2, MS-SPNG 2.2.1. */
import { enumerated, objectIdentifier, octetString, shortFlags, textString } from './der/primitives.ts';
import { choice, field, optional, sequence, sequenceOf } from './der/schema.ts';
import { decode, encode, type Infer } from './der/type.ts';
import { DerError } from './der/error.ts';

/** MechTypeList ::= SEQUENCE OF MechType, of which clients offer a handful. */
export const MechTypeList = sequenceOf('MechTypeList', objectIdentifier, { max: 32 });
export type MechTypeList = Infer<typeof MechTypeList>;

/**
 * ```
 * NegTokenInit ::= SEQUENCE {
 *         mechTypes       [0] MechTypeList,
 *         reqFlags        [1] ContextFlags  OPTIONAL,
 *         mechToken       [2] OCTET STRING  OPTIONAL,
 *         mechListMIC     [3] OCTET STRING  OPTIONAL
 * }
 * ```
 * Section 4.2.1. reqFlags are unprotected and never looked at.
 */
export const NegTokenInit = sequence('NegTokenInit', {
  mechTypes: field(0, MechTypeList),
  reqFlags: optional(1, shortFlags),
  mechToken: optional(2, octetString('mechToken')),
  mechListMic: optional(3, octetString('mechListMIC')),
});
export type NegTokenInit = Infer<typeof NegTokenInit>;

/**
 * ```
 * NegHints ::= SEQUENCE {
 *         hintName        [0] GeneralString OPTIONAL,
 *         hintAddress     [1] OCTET STRING  OPTIONAL
 * }
 * NegTokenInit2 ::= SEQUENCE {
 *         mechTypes       [0] MechTypeList  OPTIONAL,
 *         reqFlags        [1] ContextFlags  OPTIONAL,
 *         mechToken       [2] OCTET STRING  OPTIONAL,
 *         negHints        [3] NegHints      OPTIONAL,
 *         mechListMIC     [4] OCTET STRING  OPTIONAL
 * }
 * ```
 * MS-SPNG 2.2.1: a NegTokenInit in other clothes. Hints mean nothing.
 */
export const NegTokenInit2 = sequence('NegTokenInit2', {
  mechTypes: optional(0, MechTypeList),
  reqFlags: optional(1, shortFlags),
  mechToken: optional(2, octetString('mechToken')),
  negHints: optional(
    3,
    sequence('NegHints', {
      hintName: optional(0, textString('hintName', 0x1b)),
      hintAddress: optional(1, octetString('hintAddress')),
    }),
  ),
  mechListMic: optional(4, octetString('mechListMIC')),
});

/** Values of negState (section 4.2.2). */
export const NegState = { ACCEPT_COMPLETED: 0, ACCEPT_INCOMPLETE: 1, REJECT: 2, REQUEST_MIC: 3 } as const;

/**
 * ```
 * NegTokenResp ::= SEQUENCE {
 *         negState        [0] ENUMERATED {
 *                 accept-completed (0), accept-incomplete (1), reject (2), request-mic (3)
 *         } OPTIONAL,
 *         supportedMech   [1] MechType      OPTIONAL,
 *         responseToken   [2] OCTET STRING  OPTIONAL,
 *         mechListMIC     [3] OCTET STRING  OPTIONAL
 * }
 * ```
 * Section 4.2.2.
 */
export const NegTokenResp = sequence('NegTokenResp', {
  negState: optional(0, enumerated('negState', 3)),
  supportedMech: optional(1, objectIdentifier),
  responseToken: optional(2, octetString('responseToken')),
  mechListMic: optional(3, octetString('mechListMIC')),
});
export type NegTokenResp = Infer<typeof NegTokenResp>;

/**
 * ```
 * NegotiationToken ::= CHOICE {
 *         negTokenInit    [0] NegTokenInit,
 *         negTokenResp    [1] NegTokenResp
 * }
 * ```
 * Section 4.2.
 */
export const NegotiationToken = choice('NegotiationToken', {
  negTokenInit: field(0, NegTokenInit),
  negTokenResp: field(1, NegTokenResp),
});

const NegotiationToken2 = choice('NegotiationToken', { negTokenInit: field(0, NegTokenInit2) });

/** First octet of a NegotiationToken with a NegTokenResp, which stands alone: only a first token has a frame (section 4.2). */
export const NEG_TOKEN_RESP_TAG = 0xa1;

/**
 * The NegTokenInit in the DER of a NegotiationToken; of a NegTokenInit2 what it has in common with one. Throws `DerError`, for a token without
 * mechanisms, too.
 */
export function decodeNegTokenInit(bytes: Uint8Array): NegTokenInit {
  const token = readInit(bytes);
  if (token.mechTypes === undefined || token.mechTypes.length === 0)
    throw new DerError('NegTokenInit offers no mechanism', 0);
  const { mechTypes, reqFlags, mechToken, mechListMic } = token;
  return { mechTypes, reqFlags, mechToken, mechListMic };
}

/** The NegTokenResp in the DER of a NegotiationToken. Throws `DerError`. */
export function decodeNegTokenResp(bytes: Uint8Array): NegTokenResp {
  const token = decode(NegotiationToken, bytes);
  if ('negTokenResp' in token) return token.negTokenResp;
  throw new DerError('a NegTokenInit where a NegTokenResp is expected', 0);
}

/** DER of a NegotiationToken. */
export function encodeNegTokenInit(negTokenInit: NegTokenInit): Uint8Array {
  return encode(NegotiationToken, { negTokenInit });
}

/** DER of a NegotiationToken. */
export function encodeNegTokenResp(negTokenResp: NegTokenResp): Uint8Array {
  return encode(NegotiationToken, { negTokenResp });
}

/** Where a NegTokenInit has its mechListMIC, a NegTokenInit2 has its hints: only one of the two reads a token that has either. */
function readInit(bytes: Uint8Array): Infer<typeof NegTokenInit2> {
  try {
    const token = decode(NegotiationToken, bytes);
    if ('negTokenInit' in token) return token.negTokenInit;
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    try {
      return decode(NegotiationToken2, bytes).negTokenInit;
    } catch {
      throw error;
    }
  }
  throw new DerError('a NegTokenResp where a NegTokenInit is expected', 0);
}
