import { createServer, type Server, type Socket } from 'node:net';
import { addressGroup, isV6 } from '../base/address.ts';
import { formatEndpoint, type Endpoint } from './endpoint.ts';
import type { MessageHandler, Peer } from './handler.ts';
import type { TransportLimits } from './limits.ts';
import { describeError, type QuietLog } from './quiet-log.ts';
import { TcpConnection, type TcpCounts, type TcpHost } from './tcp-connection.ts';

export interface TcpOptions {
  readonly handler: MessageHandler;
  /** Makes the message for a client whose request is too long, before its connection is closed; left out: it is just closed. */
  readonly fieldTooLong?: (() => Uint8Array) | undefined;
  readonly limits: TransportLimits;
  readonly quiet: QuietLog;
}

/** TCP listeners that share one handler and one set of limits. */
export interface TcpServer {
  readonly counts: Readonly<TcpCounts>;
  /** Connections that are open now. */
  readonly open: number;
  /** Bytes of unfinished requests that are held now. */
  readonly heldBytes: number;
  /** Listens; resolves to the port. Rejects with the system's error. */
  listen(endpoint: Endpoint): Promise<number>;
  /** Stops listening at that address; connections stay. */
  unlisten(endpoint: Endpoint): Promise<void>;
  /** Stops listening, answers what is in work for as long as `limits.closeTime`, closes all connections. */
  close(): Promise<void>;
}

/** The length prefix has 32 bits, of which the highest is reserved (RFC 4120 section 7.2.2). */
const MAX_REPLY = 0x7fff_ffff;

/** Connections that the system has accepted for us and that we have not seen yet. */
const BACKLOG = 1024;

/** Serves TCP: requests and replies with a length before each (RFC 4120 section 7.2.2), many on a connection, answered in order. */
export function createTcpServer(options: TcpOptions): TcpServer {
  const { handler, fieldTooLong, limits, quiet } = options;
  const counts: TcpCounts = {
    accepted: 0,
    requests: 0,
    answered: 0,
    refused: 0,
    evicted: 0,
    timedOut: 0,
    malformed: 0,
    failed: 0,
  };
  const listeners = new Map<string, Server>();
  /** Each with the bytes it holds, in the order of their last whole request: who stands first has done nothing for longest. */
  const connections = new Map<TcpConnection, number>();
  const perGroup = new Map<string, number>();
  let heldBytes = 0;
  let draining = false;
  let emptied: (() => void) | undefined;
  let sweeper: NodeJS.Timeout | undefined;

  const host: TcpHost = {
    handler,
    fieldTooLong,
    limits,
    counts,
    get draining() {
      return draining;
    },
    now: () => performance.now(),
    progressed(connection) {
      const held = connections.get(connection);
      if (held === undefined) return;
      connections.delete(connection);
      connections.set(connection, held);
    },
    measured(connection) {
      const before = connections.get(connection);
      if (before === undefined) return;
      heldBytes += connection.held - before;
      connections.set(connection, connection.held);
      while (heldBytes > limits.inputBytes) {
        const [worst] = Array.from(connections).find(([, held]) => held > 0) ?? [connection];
        counts.evicted++;
        quiet('TCP connections cut off: too much input waits to be completed', { bytes: heldBytes });
        cutOff(worst);
      }
    },
    failed(error) {
      counts.failed++;
      quiet('a request could not be handled', { transport: 'tcp', error: describeError(error) });
    },
  };

  const forget = (connection: TcpConnection): void => {
    const held = connections.get(connection);
    if (held === undefined) return;
    connections.delete(connection);
    heldBytes -= held;
    const group = addressGroup(connection.peer.address);
    const left = (perGroup.get(group) ?? 1) - 1;
    if (left === 0) perGroup.delete(group);
    else perGroup.set(group, left);
    if (connections.size > 0) return;
    clearInterval(sweeper);
    sweeper = undefined;
    emptied?.();
  };

  /** Ends a connection at once and frees its place before the socket's own end. */
  const cutOff = (connection: TcpConnection): void => {
    forget(connection);
    connection.socket.resetAndDestroy();
  };

  /** Whether a connection could be found that did nothing, and was cut off. */
  const makeRoom = (): boolean => {
    for (const connection of connections.keys()) {
      if (connection.state === 'working') continue;
      counts.evicted++;
      quiet('TCP connections cut off to make room: too many are open', { open: connections.size });
      cutOff(connection);
      return true;
    }
    return false;
  };

  /** One timer for all connections, instead of one each. */
  const sweep = (): void => {
    const now = host.now();
    for (const connection of connections.keys()) {
      if (now < connection.deadline) continue;
      counts.timedOut++;
      cutOff(connection);
    }
  };

  const refuse = (socket: Socket, why: string, fields: object): void => {
    counts.refused++;
    quiet(`TCP connections refused: ${why}`, fields);
    socket.resetAndDestroy();
  };

  const accept = (socket: Socket): void => {
    // 'close' follows, and says all there is to do.
    socket.on('error', () => undefined);
    const { remoteAddress: address, remotePort: port, localAddress } = socket;
    if (address === undefined || port === undefined || draining) {
      socket.destroy();
      return;
    }
    const group = addressGroup(address);
    const mine = perGroup.get(group) ?? 0;
    if (mine >= limits.connectionsPerAddress) {
      return refuse(socket, 'too many from one address', { address, open: mine });
    }
    if (connections.size >= limits.connections && !makeRoom()) {
      return refuse(socket, 'too many are open, all at work', { open: connections.size });
    }
    counts.accepted++;
    perGroup.set(group, mine + 1);
    const peer: Peer = {
      transport: 'tcp',
      address,
      port,
      maxReply: MAX_REPLY,
      ...(localAddress === undefined ? {} : { localAddress }),
    };
    const connection = new TcpConnection(socket, peer, host);
    connections.set(connection, 0);
    socket.on('close', () => forget(connection));
    const { requestTime, idleTime, writeTime, workTime } = limits;
    sweeper ??= setInterval(sweep, Math.min(1000, requestTime, idleTime, writeTime, workTime)).unref();
  };

  return {
    counts,

    get open() {
      return connections.size;
    },

    get heldBytes() {
      return heldBytes;
    },

    async listen(endpoint) {
      // Half-open: a client that has sent its request and closed its side still gets the answer.
      const server = createServer({ allowHalfOpen: true }, accept);
      const port = await new Promise<number>((resolve, reject) => {
        server.once('error', reject);
        server.listen(
          {
            host: endpoint.host,
            port: endpoint.port,
            ipv6Only: isV6(endpoint.host),
            exclusive: true,
            backlog: BACKLOG,
          },
          () => {
            server.off('error', reject);
            resolve((server.address() as { port: number }).port);
          },
        );
      });
      server.on('error', (error) =>
        quiet('connections cannot be accepted', {
          address: formatEndpoint({ ...endpoint, port }),
          error: error.message,
        }),
      );
      listeners.set(formatEndpoint({ ...endpoint, port }), server);
      return port;
    },

    async unlisten(endpoint) {
      const server = listeners.get(formatEndpoint(endpoint));
      listeners.delete(formatEndpoint(endpoint));
      if (server !== undefined) await stopListening(server);
    },

    async close() {
      draining = true;
      const closed = Array.from(listeners.values(), stopListening);
      for (const connection of connections.keys()) {
        if (connection.state === 'reading' || connection.state === 'closing') connection.finish();
      }
      if (connections.size > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, limits.closeTime);
          emptied = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      for (const connection of connections.keys()) cutOff(connection);
      await Promise.all(closed);
    },
  };
}

function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
