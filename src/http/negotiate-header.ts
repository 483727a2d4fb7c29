/** RFC 4559 section 4: tokens in header fields of HTTP. */
import {
  type Accepted,
  type Continued,
  type Pending,
  type Refused,
  type TokenAcceptor,
} from './negotiate.ts';
import { NegotiateError } from './negotiate-error.ts';

/** What a request's header came to, and the value of `WWW-Authenticate` in its answer; without one the answer needs none. */
export type Negotiated =
  | (Accepted & { readonly header: string | undefined })
  | (Omit<Continued, 'pending'> & { readonly header: string })
  | (Refused & { readonly header: string });

/** Longest header field that is looked at; a ticket has at most 64 KiB (MS-KILE), and few have a tenth of that. */
export const MAX_NEGOTIATE_HEADER = 88 * 1024;

/** Value of `WWW-Authenticate`: `token` is "base64 encoded", and left out it asks the client for one. */
export function negotiateHeader(token?: Uint8Array): string {
  return token === undefined ? 'Negotiate' : `Negotiate ${Buffer.from(token).toString('base64')}`;
}

/** The token in an `Authorization` field; `undefined` for another scheme or no field. Throws `NegotiateError` `malformed-header`. */
export function negotiateToken(authorization: string | undefined): Uint8Array | undefined {
  if (authorization === undefined || !/^negotiate(\s|$)/i.test(authorization)) return undefined;
  if (authorization.length > MAX_NEGOTIATE_HEADER)
    throw new NegotiateError('malformed-header', `It has ${authorization.length} characters.`);
  const text = authorization.slice('negotiate'.length).trim();
  const bytes = Buffer.from(text, 'base64');
  // Node reads over what is no base64: only what it would write the same way is some.
  if (text === '' || bytes.toString('base64') !== text) throw new NegotiateError('malformed-header');
  return bytes;
}

/**
 * Authenticates requests by their `Authorization` field. A negotiation that takes several tokens goes on over one connection, and what is left between them
 * stays with that connection's object: one negotiation each, until the next request or the connection's end. Every request is authenticated
 * anew: nothing else is remembered of a connection.
 *
 * The function gives `undefined` for a request of another scheme or none, and throws what the acceptor throws; then the same request may be shown again.
 */
export function createNegotiation(
  acceptor: TokenAcceptor,
): (authorization: string | undefined, connection: object) => Negotiated | undefined {
  const pendings = new WeakMap<object, Pending>();
  return (authorization, connection) => {
    const token = readToken(authorization);
    if (token === undefined) {
      pendings.delete(connection);
      return undefined;
    }
    if (token instanceof NegotiateError)
      return { result: 'refused', error: token, reply: undefined, header: negotiateHeader() };
    const answer = acceptor.accept(token, pendings.get(connection));
    pendings.delete(connection);
    if (answer.result === 'continue') {
      pendings.set(connection, answer.pending);
      return { result: 'continue', reply: answer.reply, header: negotiateHeader(answer.reply) };
    }
    const { reply } = answer;
    if (answer.result === 'refused') return { ...answer, header: negotiateHeader(reply) };
    return { ...answer, header: reply === undefined ? undefined : negotiateHeader(reply) };
  };
}

function readToken(authorization: string | undefined): Uint8Array | NegotiateError | undefined {
  try {
    return negotiateToken(authorization);
  } catch (error) {
    if (error instanceof NegotiateError) return error;
    throw error;
  }
}
