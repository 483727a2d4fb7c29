import { createServer, type Server, type Socket } from 'node:net';
import { addressGroup, isV6 } from '../base/address.ts';
import type { WebLimits } from './limits.ts';

/** Where a connection goes once its first byte is there. */
export interface FrontOptions {
  readonly limits: WebLimits;
  /** The first byte is that of a TLS handshake. */
  readonly tls: (socket: Socket) => void;
  /** It is anything else. */
  readonly plain: (socket: Socket) => void;
  /** Closes connections between requests, to make room. */
  readonly closeIdle: () => void;
  /** Told why a connection was refused: a fixed text. */
  readonly refused: (why: string) => void;
}

/** What was accepted on all ports, and where it is listened. */
export interface Front {
  /** Connections that are open now. */
  readonly open: number;
  /** Listens; resolves to the port. Rejects with the system's error. */
  listen(endpoint: { readonly host: string; readonly port: number }): Promise<number>;
  /** The handshake of a connection, told by any socket on top of it, is over: its deadline does not count any more. */
  settled(socket: Ends): void;
  /** Stops listening; connections that are set up stay. Resolves when the last one has ended. */
  stop(): Promise<void>;
  /** Ends every connection at once. */
  cutOff(): void;
}

/** RFC 8446 section 5.1: a record of the content type handshake(22), with which every TLS connection begins. */
const HANDSHAKE = 0x16;
const BACKLOG = 1024;

/** One port for TLS and plain HTTP, told apart by the first byte; counts connections and bounds the time until they are set up. */
export function createFront({ limits, tls, plain, closeIdle, refused }: FrontOptions): Front {
  const servers: Server[] = [];
  /** Each with the alarm that ends it, until its handshake is done. */
  const connections = new Map<Socket, NodeJS.Timeout | undefined>();
  const unsettled = new Map<string, Socket>();
  const perGroup = new Map<string, number>();
  let stopped = false;

  const accept = (socket: Socket): void => {
    // 'close' follows, and says all there is to do.
    socket.on('error', () => undefined);
    const address = socket.remoteAddress;
    if (address === undefined || stopped) return void socket.destroy();
    const group = addressGroup(address);
    const mine = perGroup.get(group) ?? 0;
    if (mine >= limits.connectionsPerAddress) return refuse(socket, 'too many from one address');
    if (connections.size >= limits.connections) {
      closeIdle();
      return refuse(socket, 'too many are open');
    }
    const key = keyOf(socket);
    perGroup.set(group, mine + 1);
    connections.set(
      socket,
      setTimeout(() => socket.destroy(), limits.handshakeTime),
    );
    unsettled.set(key, socket);
    socket.on('close', () => {
      clearTimeout(connections.get(socket));
      connections.delete(socket);
      if (unsettled.get(key) === socket) unsettled.delete(key);
      const left = (perGroup.get(group) ?? 1) - 1;
      if (left === 0) perGroup.delete(group);
      else perGroup.set(group, left);
    });
    socket.once('readable', () => dispatch(socket));
  };

  const refuse = (socket: Socket, why: string): void => {
    refused(why);
    socket.resetAndDestroy();
  };

  const dispatch = (socket: Socket): void => {
    const first = socket.read(1) as Buffer | null;
    // It was closed before anything was said.
    if (first === null) return void socket.destroy();
    socket.unshift(first);
    if (first[0] === HANDSHAKE) return tls(socket);
    settled(socket);
    plain(socket);
  };

  const settled: Front['settled'] = (socket) => {
    const key = keyOf(socket);
    const raw = unsettled.get(key);
    if (raw === undefined) return;
    unsettled.delete(key);
    clearTimeout(connections.get(raw));
    connections.set(raw, undefined);
  };

  return {
    get open() {
      return connections.size;
    },
    settled,

    async listen({ host, port }) {
      // Half-open: a client that has sent its request and closed its side still gets the answer.
      const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        const ipv6Only = isV6(host);
        server.listen({ host, port, ipv6Only, exclusive: true, backlog: BACKLOG }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      server.on('error', () => refused('they cannot be accepted'));
      servers.push(server);
      return (server.address() as { port: number }).port;
    },

    async stop() {
      stopped = true;
      for (const socket of unsettled.values()) socket.destroy();
      await Promise.all(
        servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve()))),
      );
    },

    cutOff() {
      for (const socket of connections.keys()) socket.destroy();
    },
  };
}

/** A connection by its ends: what runs on top of a socket knows these, and not the socket. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Ends): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>;
