import { RealmwardError } from '../base/errors.ts';

interface Row {
  readonly text: string;
  readonly hint: string;
}

const BROKEN_CLIENT =
  'The client is at fault: use its newest version, or another one (curl --negotiate, a current browser).';

/** Why a negotiation fails, beside the reasons of `ap/` for which its AP-REQ is refused. */
const ROWS = {
  'malformed-header': {
    text: 'The Authorization header holds no token of Negotiate.',
    hint: 'It reads "Negotiate", a blank, and the token in base64 (RFC 4559).',
  },
  'malformed-token': { text: 'The token of Negotiate is malformed.', hint: BROKEN_CLIENT },
  ntlm: {
    text: 'The client offers NTLM instead of Kerberos, and this realm speaks no NTLM.',
    hint: "It has no Kerberos ticket to offer. Log in to the realm or its domain (kinit), use the server's name and not its address, and allow this site in the browser's list for Negotiate.",
  },
  'no-common-mechanism': {
    text: 'The client offers no mechanism that is known here.',
    hint: 'Kerberos is (1.2.840.113554.1.2.2).',
  },
  'no-negotiation': {
    text: 'The token goes on with a negotiation that has not begun on this connection.',
    hint: 'Begin anew, and send all tokens over one connection: a proxy in between must keep it.',
  },
  'client-gave-up': {
    text: 'The client has broken off the negotiation.',
    hint: 'Its own messages say why (KRB5_TRACE=/dev/stderr for MIT Kerberos).',
  },
  'no-gss-checksum': {
    text: 'The request lacks the checksum of GSS-API in its authenticator.',
    hint: BROKEN_CLIENT,
  },
  'dce-style': {
    text: 'The client wants the exchange of DCE, which HTTP does not have.',
    hint: BROKEN_CLIENT,
  },
  'channel-bindings': {
    text: 'The request was made for another TLS connection: the client has seen a certificate that is not ours.',
    hint: 'Somebody between client and server breaks TLS open: a proxy that inspects it, or an attacker. Exempt this server from the former.',
  },
  'mechanism-list': {
    text: "The client's list of mechanisms did not arrive as it was sent, or the client did not confirm it.",
    hint: 'Somebody between client and server may have changed it. If it happens always, the client is at fault.',
  },
} as const satisfies Record<string, Row>;

/** The closed list of codes. */
export type NegotiateErrorCode = keyof typeof ROWS;

/** A token that proves nothing. */
export class NegotiateError extends RealmwardError {
  declare readonly code: NegotiateErrorCode;

  constructor(code: NegotiateErrorCode, detail?: string) {
    const { text, hint } = ROWS[code];
    super(code, detail === undefined ? text : `${text} ${detail}`, { hint });
  }
}

/** Refuses, in the place of an expression. */
export function refuse(code: NegotiateErrorCode, detail?: string): never {
  throw new NegotiateError(code, detail);
}
