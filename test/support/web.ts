/** The HTTPS server with a certificate of its own, and clients that write what they want. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { FastifyPluginAsync } from 'fastify';
import { createWeb, type Web, type WebOptions } from '../../src/http/server.ts';
import type { WebEvent } from '../../src/http/event.ts';
import { createAuthority, openAuthority } from '../../src/pki/authority.ts';
import { capturedLog } from './captured-log.ts';
import type { Scope } from './run.ts';

const clock = { microseconds: () => Date.now() * 1000 };
const pem = await createAuthority('REALM1.EXAMPLE', clock);

/** The CA of every server that `startWeb` starts. */
export const webAuthority = await openAuthority(pem, { realm: 'REALM1.EXAMPLE', clock, name: 'ca.key' });

export interface TestWeb {
  readonly web: Web;
  readonly port: number;
  readonly events: WebEvent[];
  readonly log: ReturnType<typeof capturedLog>;
  /** Sends bytes over TLS, or without, and reads until the connection ends; `end`: closes this side after them. */
  exchange(bytes: string | Uint8Array, options?: { readonly tls?: boolean }): Promise<string>;
  /** A connection that is set up. */
  connect(options?: { readonly tls?: boolean }): Promise<Socket>;
  /** One request over a connection of its own. */
  request(line: string, headers?: readonly string[], body?: string | Uint8Array): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  /** By lower-case name, each with all its lines. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
  /** The same. */
  readonly bytes: Uint8Array;
}

/** Starts a server on loopback that serves `plugins`; it ends with `scope`. */
export async function startWeb(
  scope: Scope,
  plugins: readonly FastifyPluginAsync[],
  options: Pick<WebOptions, 'limits'> & { readonly names?: readonly string[] } = {},
): Promise<TestWeb> {
  const names = options.names ?? ['localhost', '127.0.0.1'];
  const events: WebEvent[] = [];
  const log = capturedLog();
  const web = await createWeb({
    names: () => names,
    tls: await webAuthority.issueServer(names),
    log,
    observe: (event) => events.push(event),
    plugins,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  scope.teardown(() => web.close());
  const port = await web.listen({ host: '127.0.0.1', port: 0 });

  const connect: TestWeb['connect'] = async ({ tls = true } = {}) => {
    const ca = webAuthority.certificate;
    const socket = tls
      ? connectTls({
          host: '127.0.0.1',
          port,
          ca,
          servername: names[0] === '127.0.0.1' ? '' : names[0],
        })
      : connectTcp({ host: '127.0.0.1', port });
    scope.teardown(() => void socket.destroy());
    await once(socket, tls ? 'secureConnect' : 'connect');
    return socket;
  };
  const exchange: TestWeb['exchange'] = async (bytes, of) => {
    const socket = await connect(of);
    const answer = readToEnd(socket);
    socket.write(bytes);
    return answer;
  };
  return {
    web,
    port,
    events,
    log,
    connect,
    exchange,
    async request(line, headers = [], body = '') {
      const fixed = ['Host: localhost', 'Connection: close', ...headers];
      if (body.length > 0) fixed.push(`Content-Length: ${Buffer.byteLength(body)}`);
      const head = Buffer.from(`${line} HTTP/1.1\r\n${fixed.join('\r\n')}\r\n\r\n`);
      return parseAnswer(await exchange(Buffer.concat([head, Buffer.from(body)])));
    },
  };
}

/** What a connection gives until it ends, by whatever end; latin1, so that bytes stay what they are. */
export async function readToEnd(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return Buffer.concat(pieces).toString('latin1');
}

/** The first answer in `text`. */
export function parseAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n');
  const [status = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers: Record<string, string[]> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    (headers[line.slice(0, colon).toLowerCase()] ??= []).push(line.slice(colon + 1).trim());
  }
  const bytes = Buffer.from(text.slice(end + 4), 'latin1');
  return { status: Number(status.split(' ')[1]), headers, body: bytes.toString(), bytes };
}
