import { createServer, type IncomingMessage, type Server } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { linger, rawAnswer } from './answer.ts';
import { errorBody, HttpError } from './errors.ts';
import type { WebLimits } from './limits.ts';

export interface PlainOptions {
  readonly limits: WebLimits;
  /** Names of this server, to one of which a redirect leads. */
  readonly names: () => readonly string[];
  readonly answered: (request: IncomingMessage, status: number, error: string | undefined) => void;
  readonly failed: (error: NodeJS.ErrnoException, socket: Duplex) => void;
}

/**
 * The server of what comes without TLS. GET and HEAD are sent to the same place over HTTPS; everything else may carry a password, and is
 * refused at its headers: the body is not asked for, not read, and the connection is closed.
 */
export function createPlainServer({ limits, names, answered, failed }: PlainOptions): Server {
  const answer = (request: IncomingMessage, status: number, headers: string[], body: object): void => {
    const { socket } = request;
    socket.end(rawAnswer(status, headers, JSON.stringify(body), { head: request.method === 'HEAD' }));
    // The body goes nowhere.
    request.resume();
    linger(socket);
  };

  const handle = (request: IncomingMessage): void => {
    const harmless = request.method === 'GET' || request.method === 'HEAD';
    const location = harmless ? httpsUrl(request, names()) : undefined;
    if (location !== undefined) {
      answer(request, 308, [`Location: ${location}`], { location });
      answered(request, 308, undefined);
      return;
    }
    const refusal = harmless ? otherHost(names()) : NOT_ENCRYPTED;
    answer(request, refusal.status, [], errorBody(refusal));
    answered(request, refusal.status, refusal.code);
  };

  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTime,
    requestTimeout: limits.requestTime,
    connectionsCheckingInterval: Math.min(limits.headersTime, 1000),
    // Whoever asks for it without saying whom is told that over HTTPS.
    requireHostHeader: false,
  });
  server.timeout = limits.silentTime;
  server.on('request', handle);
  // The client waits for leave to send its body: it gets the answer instead.
  server.on('checkContinue', handle);
  server.on('checkExpectation', handle);
  server.on('connect', handle);
  server.on('clientError', failed);
  return server;
}

const NOT_ENCRYPTED = new HttpError(
  403,
  'https-required',
  'This server takes requests over HTTPS only; nothing of this one was read.',
  {
    hint: 'Send it to the https:// address. A password that was sent along has crossed the network in the clear: change it.',
  },
);

function otherHost(names: readonly string[]): HttpError {
  return new HttpError(421, 'other-host', 'This server is not known by the name in the Host header.', {
    hint: `Its names are ${names.join(', ')}; https.names in the configuration says so.`,
  });
}

/** Where `request` should have gone, provided that it names us: whatever else stands in the Host header leads nowhere. */
function httpsUrl({ headers, url = '' }: IncomingMessage, names: readonly string[]): string | undefined {
  const { groups } =
    /^(?:\[(?<v6>[0-9a-fA-F:.]{2,45})\]|(?<host>[^:[\]]{1,255}))(?<port>:\d{1,5})?$/.exec(
      headers.host ?? '',
    ) ?? {};
  const host = (groups?.['v6'] ?? groups?.['host'])?.toLowerCase();
  if (host === undefined || !names.includes(host) || !url.startsWith('/')) return undefined;
  const shown = isIPv6(host) ? `[${host}]` : host;
  return `https://${shown}${groups?.['port'] ?? ''}${url}`;
}
