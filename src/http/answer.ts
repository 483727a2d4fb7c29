import type { Duplex } from 'node:stream';
import { STATUS_CODES } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { asHttpError, clientGone, errorBody, HttpError } from './errors.ts';

/** Answers with an error in the one form that all of them have; returns what was answered. */
export function sendError(error: unknown, reply: FastifyReply): HttpError {
  const { raw } = reply.request;
  // What reading the rest of a body has come to then is no failure of ours.
  const refusal = raw.destroyed && !raw.complete ? clientGone() : asHttpError(error);
  const { status, headers } = refusal;
  // What is left of a body that is too long is thrown away, for as long as a request may take: a client that is still sending when its
  // connection is closed never reads why.
  if (status === 413) {
    reply.removeHeader('connection');
    raw.resume();
  }
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  void reply.code(status).type('application/json; charset=utf-8').send(errorBody(refusal));
  return refusal;
}

/** 405 with the methods that the path has, or 404. */
export function notFound(app: FastifyInstance, { url }: FastifyRequest): HttpError {
  const path = url.split('?', 1)[0] as string;
  const methods = ROUTE.test(path) ? METHODS.filter((method) => app.hasRoute({ method, url: path })) : [];
  if (methods.length === 0) {
    return new HttpError(404, 'not-found', 'There is nothing at this path.', {
      hint: 'docs/https.md lists the paths.',
    });
  }
  return new HttpError(405, 'method-not-allowed', `This path takes ${methods.join(', ')}.`, {
    hint: 'Use one of these methods.',
    headers: { allow: methods.join(', ') },
  });
}

/**
 * What a path of ours may look like. The router takes what it is asked about for a pattern, and compiles the regular expressions in it: those of
 * strangers are thrown out again, or hold up the whole process for a second each.
 */
const ROUTE = /^[A-Za-z0-9/._-]{1,100}$/;

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Answers what never became a request, on the socket itself, and closes it. Returns what was answered; `undefined` where nobody listens any
 * more.
 */
export function refuseBytes(error: NodeJS.ErrnoException, socket: Duplex): HttpError | undefined {
  const { code = '' } = error;
  // Anything else is about the connection: it was reset, or its TLS handshake failed.
  if (!/^(HPE_|ERR_HTTP_)/.test(code) || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const refusal = UNREADABLE[code] ?? BAD_HTTP;
  socket.end(rawAnswer(refusal.status, [], JSON.stringify(errorBody(refusal))));
  // The parser must not see what else comes.
  socket.removeAllListeners('data');
  linger(socket);
  return refusal;
}

/** How long bytes of a refused client are thrown away, in milliseconds. */
const LINGER = 1000;

/** Closes a connection that was answered, but not before its client has had the time to read why: unread bytes would take that away from it. */
export function linger(socket: Duplex): void {
  socket.on('data', () => undefined);
  const alarm = setTimeout(() => socket.destroy(), LINGER);
  socket.on('close', () => clearTimeout(alarm));
}

/** An answer as bytes, after which the connection is closed; `head`: without the body (RFC 9110 section 9.3.2). */
export function rawAnswer(
  status: number,
  headers: readonly string[],
  body: string,
  { head = false } = {},
): string {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...headers,
    'Cache-Control: no-store',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${head ? '' : body}`;
}

const BAD_HTTP = new HttpError(400, 'bad-request', 'This is no HTTP request.', {
  hint: 'The server speaks HTTP/1.1 and HTTP/1.0 over TLS.',
});

const UNREADABLE: Readonly<Record<string, HttpError>> = {
  HPE_HEADER_OVERFLOW: new HttpError(431, 'headers-too-large', 'The headers of the request are too long.', {
    hint: 'A very long one may be a ticket of somebody in thousands of groups: let the device log in with the password instead.',
  }),
  ERR_HTTP_REQUEST_TIMEOUT: new HttpError(408, 'too-slow', 'The request did not arrive in time.', {
    hint: 'Send it again.',
  }),
};
