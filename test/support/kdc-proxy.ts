/** A KDC proxy (MS-KKDCP) of the test's own, over HTTPS on loopback. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { decodeKdcProxyMessage, encodeKdcProxyMessage } from '../../src/codec/kkdcp.ts';
import type { CertifiedKey } from './certificates.ts';
import type { Scope } from './run.ts';

/** Who answers the messages: a KDC's handler. */
export type ProxiedKdc = (message: Uint8Array, realm: string) => Promise<Uint8Array | undefined>;

export interface TestProxy {
  readonly port: number;
  /** `https://localhost:<port>/KdcProxy` */
  readonly url: string;
  /** Realms that were asked for, one for each message. */
  readonly asked: string[];
}

/** What a KDC-PROXY-MESSAGE is answered with. */
export async function answerProxied(
  kdc: ProxiedKdc,
  body: Uint8Array,
  asked: string[] = [],
): Promise<Uint8Array> {
  const { message, realm = '' } = decodeKdcProxyMessage(body);
  asked.push(realm);
  return encodeKdcProxyMessage({ message: (await kdc(message, realm)) ?? new Uint8Array(0) });
}

/** Starts it; `page` serves whatever else is asked for. */
export async function startTestProxy(
  scope: Scope,
  { cert, key }: CertifiedKey,
  kdc: ProxiedKdc,
  page?: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<TestProxy> {
  const asked: string[] = [];
  const port = await startHttps(scope, { cert, key }, (request, response) => {
    if (request.method !== 'POST' || request.url !== '/KdcProxy') {
      if (page === undefined) response.writeHead(404).end();
      else page(request, response);
      return;
    }
    readBody(request)
      .then((body) => answerProxied(kdc, body, asked))
      .then((answer) => response.writeHead(200, { 'content-type': 'application/kerberos' }).end(answer))
      .catch(() => response.writeHead(400).end());
  });
  return { port, url: `https://localhost:${port}/KdcProxy`, asked };
}

/** An HTTPS server on loopback that does `serve`; gives its port. */
export async function startHttps(
  scope: Scope,
  { cert, key }: Pick<CertifiedKey, 'cert' | 'key'>,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ cert, key }, serve);
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
