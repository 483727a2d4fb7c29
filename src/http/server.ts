/** The HTTPS server: Fastify behind a port that tells TLS from plain HTTP. What it serves are plugins. */
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, {
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyServerOptions,
} from 'fastify';
import type { Logger } from '../base/ports.ts';
import { notFound, refuseBytes, sendError } from './answer.ts';
import type { HttpError } from './errors.ts';
import { eventOf, loggedPath, pathOf, type WebEvent } from './event.ts';
import { createFront } from './front.ts';
import { securityHeaders } from './headers.ts';
import { DEFAULT_WEB_LIMITS, type WebLimits } from './limits.ts';
import { createPlainServer } from './plain.ts';
import { secureContext, type TlsMaterial } from './tls.ts';

export interface WebOptions {
  /** Names and addresses that the server goes by, in lower case; asked anew each time. */
  readonly names: () => readonly string[];
  readonly tls: TlsMaterial;
  readonly log: Logger;
  /** Told once for each request. Must not throw. */
  readonly observe: (event: WebEvent) => void;
  /** What is served, registered in this order. */
  readonly plugins: readonly FastifyPluginAsync[];
  readonly limits?: Partial<WebLimits>;
}

/** The server, which serves once it listens. */
export interface Web {
  /** Listens on one more address; resolves to the port. Rejects with the system's error. */
  listen(endpoint: { readonly host: string; readonly port: number }): Promise<number>;
  /** Uses this certificate from the next connection on. Throws where OpenSSL cannot read it. */
  setTls(tls: TlsMaterial): void;
  /** Stops listening, answers what is in work for as long as `limits.closeTime`, closes everything. A second call waits for the first. */
  close(): Promise<void>;
}

/** How often it is looked which connections have become idle while the server closes, in milliseconds. */
const CLOSING_INTERVAL = 25;
const MAX_HEADERS = 100;

/** Makes the server. Throws what a plugin throws, and where OpenSSL cannot read certificate or key. */
export async function createWeb(options: WebOptions): Promise<Web> {
  const { names, log, observe, plugins } = options;
  const limits: WebLimits = { ...DEFAULT_WEB_LIMITS, ...options.limits };
  let closing: Promise<void> | undefined;

  const refuse = (error: NodeJS.ErrnoException, socket: Duplex, tls: boolean): void => {
    const refusal = refuseBytes(error, socket);
    if (refusal === undefined) return;
    const { remoteAddress: address = '', remotePort: port = 0 } = socket as Socket;
    const { status, code } = refusal;
    observe({ ...NO_REQUEST, address, port, tls, status, error: code });
  };

  const { app, server } = createApp(options, limits, {
    clientErrorHandler: (error, socket) => refuse(error, socket, true),
    // No hook is run for these.
    frameworkErrors: (error, request, reply) => {
      const refusal = sendError(error, reply.header('cache-control', 'no-store'));
      observe(eventOf(request, reply, refusal));
    },
  });
  /** For the log. */
  const errors = new WeakMap<FastifyReply, HttpError>();
  const answerError = (error: unknown, reply: FastifyReply): void => {
    const refusal = sendError(error, reply);
    errors.set(reply, refusal);
    if (refusal.status !== 500) return;
    log.error(
      { err: refusal.cause ?? refusal, path: pathOf(reply.request) },
      'a request could not be answered',
    );
  };
  app.decorateRequest('caller', undefined);
  // A page of another site may have a browser post it, with whatever the browser knows of somebody here.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler((error, _request, reply) => answerError(error, reply));
  app.setNotFoundHandler((request, reply) => answerError(notFound(app, request), reply));
  app.addHook('onSend', async (_request, reply, payload) => {
    if (closing !== undefined) reply.header('connection', 'close');
    return payload;
  });
  app.addHook('onResponse', async (request, reply) => observe(eventOf(request, reply, errors.get(reply))));
  await app.register(securityHeaders, { names });
  for (const plugin of plugins) await app.register(plugin);
  await app.ready();

  const plain = createPlainServer({
    limits,
    names,
    answered({ method = '', url = '', socket }: IncomingMessage, status, error) {
      const { remoteAddress: address = '', remotePort: port = 0 } = socket;
      observe({ ...NO_REQUEST, method, path: loggedPath(url), status, address, port, error });
    },
    failed: (error, socket) => refuse(error, socket, false),
  });
  const closeIdle = (): void => {
    server.closeIdleConnections();
    plain.closeIdleConnections();
  };
  const front = createFront({
    limits,
    tls: (socket) => void server.emit('connection', socket),
    plain: (socket) => void plain.emit('connection', socket),
    closeIdle,
    refused: (why) => log.debug({}, `HTTPS connections refused: ${why}`),
  });
  server.on('secureConnection', (socket) => {
    front.settled(socket);
    socket.disableRenegotiation();
  });
  // Neither listens itself. This starts the check of their times.
  server.emit('listening');
  plain.emit('listening');

  const close = async (): Promise<void> => {
    const ended = front.stop();
    const deadline = performance.now() + limits.closeTime;
    for (closeIdle(); front.open > 0 && performance.now() < deadline; closeIdle())
      await sleep(CLOSING_INTERVAL);
    front.cutOff();
    await ended;
    // They stop looking at times.
    server.close();
    plain.close();
    await app.close();
  };
  return {
    listen: (endpoint) => front.listen(endpoint),
    setTls: (tls) => server.setSecureContext(secureContext(tls)),
    close: () => (closing ??= close()),
  };
}

/** What is known of bytes that never became a request of a path of ours. */
const NO_REQUEST: WebEvent = {
  method: '',
  path: '',
  status: 0,
  milliseconds: 0,
  address: '',
  port: 0,
  tls: false,
  caller: undefined,
  error: undefined,
  reason: undefined,
  detail: undefined,
};

function createApp(
  { tls }: Pick<WebOptions, 'tls'>,
  limits: WebLimits,
  handlers: Pick<FastifyServerOptions, 'clientErrorHandler' | 'frameworkErrors'>,
): { readonly app: FastifyInstance; readonly server: Server } {
  let server: Server | undefined;
  const app: FastifyInstance = Fastify({
    serverFactory: (handler) => {
      server = createServer(
        {
          ...secureContext(tls),
          handshakeTimeout: limits.handshakeTime,
          maxHeaderSize: limits.headerBytes,
          headersTimeout: limits.headersTime,
          requestTimeout: limits.requestTime,
          keepAliveTimeout: limits.idleTime,
          connectionsCheckingInterval: Math.min(limits.headersTime, 1000),
        },
        handler,
      );
      return server;
    },
    bodyLimit: limits.bodyBytes,
    logger: false,
    ...handlers,
  });
  if (server === undefined) throw new TypeError('Fastify has made no server');
  server.timeout = limits.silentTime;
  server.maxHeadersCount = MAX_HEADERS;
  return { app, server };
}
