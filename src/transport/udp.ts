import type { RemoteInfo } from 'node:dgram';
import { DgramAsPromised, type SocketAsPromised } from 'dgram-as-promised';
import { isV6 } from '../base/address.ts';
import { equalBytes } from '../base/bytes.ts';
import { isAnswerable } from './answerable.ts';
import { formatEndpoint, type Endpoint } from './endpoint.ts';
import type { MessageHandler, Peer } from './handler.ts';
import type { TransportLimits } from './limits.ts';
import { digestOf, Lookaside } from './lookaside.ts';
import { describeError, type QuietLog } from './quiet-log.ts';

export interface UdpOptions {
  readonly handler: MessageHandler;
  /** `maxReply` of every peer, in bytes. */
  readonly replyLimit: number;
  readonly limits: TransportLimits;
  readonly quiet: QuietLog;
}

/** What happened to datagrams since the start. */
export interface UdpCounts {
  received: number;
  answered: number;
  /** Answered from memory, because the client asked the same again. */
  repeated: number;
  /** Dropped: empty, replies, or from where nothing but an echo can come. */
  unanswerable: number;
  /** Dropped: the same request is in work already. */
  duplicate: number;
  /** Dropped: too much is in work, or too many replies wait to be sent. */
  overload: number;
  /** The handler threw or took too long. */
  failed: number;
  /** The reply could not be sent. */
  unsent: number;
}

/** UDP sockets that share one handler, one memory of replies and one bound on what is in work. */
export interface UdpServer {
  readonly counts: Readonly<UdpCounts>;
  /** Opens a socket; resolves to its port. Rejects with the system's error. */
  open(endpoint: Endpoint): Promise<number>;
  /** Where sockets are open. */
  endpoints(): Endpoint[];
  /** Closes the socket of that address. */
  shut(endpoint: Endpoint): Promise<void>;
  /** Takes no more requests, answers what is in work for as long as `limits.closeTime`, closes all sockets. */
  close(): Promise<void>;
}

/** Asked of the system for each socket; it grants what it allows (`net.core.rmem_max`). Bursts wait there while the event loop is busy. */
const SOCKET_BUFFER = 4 << 20;

/** Replies handed to a socket that the system has not taken yet; beyond this number they are dropped. */
const MAX_UNSENT = 4096;

/** A UDP request whose answer is being waited for. */
interface Waiting {
  readonly request: Uint8Array;
  readonly address: string;
  readonly port: number;
  readonly digest: number;
  readonly since: number;
}

/**
 * Serves UDP. dgram-as-promised opens and closes the sockets; datagrams come through its `createSocket` callback, because its iterator costs 4 us
 * a packet (13.5 us become 17.7) for a promise, three closures and six changes of listeners each.
 */
export function createUdpServer(options: UdpOptions): UdpServer {
  const { handler, replyLimit, limits, quiet } = options;
  const counts: UdpCounts = {
    received: 0,
    answered: 0,
    repeated: 0,
    unanswerable: 0,
    duplicate: 0,
    overload: 0,
    failed: 0,
    unsent: 0,
  };
  const lookaside =
    limits.lookasideBytes > 0 ? new Lookaside(limits.lookasideBytes, limits.lookasideTime) : undefined;
  const sockets = new Map<string, { readonly local: Endpoint; readonly socket: SocketAsPromised }>();
  const waiting = new Set<Waiting>();
  const waitingByDigest = new Map<number, Waiting>();
  let waitingBytes = 0;
  let unsent = 0;
  let draining = false;
  let drained: (() => void) | undefined;

  const checkDrained = (): void => {
    if (waiting.size === 0 && unsent === 0) drained?.();
  };

  const sent = (error: Error | null): void => {
    unsent--;
    if (draining) checkDrained();
    if (error === null) {
      counts.answered++;
      return;
    }
    counts.unsent++;
    quiet('a UDP reply could not be sent', { error: error.message });
  };

  const send = (
    socket: SocketAsPromised['socket'],
    reply: Uint8Array,
    port: number,
    address: string,
  ): void => {
    if (unsent >= MAX_UNSENT) {
      counts.overload++;
      quiet('UDP replies dropped: the network takes them too slowly', { waiting: unsent });
      return;
    }
    unsent++;
    try {
      socket.send(reply, port, address, sent);
    } catch (error) {
      // The socket was closed in the meantime, or the handler's reply is no bytes.
      sent(error as Error);
    }
  };

  const failed = (error: unknown): void => {
    counts.failed++;
    quiet('a request could not be handled', { transport: 'udp', error: describeError(error) });
  };

  const settle = (entry: Waiting): boolean => {
    if (!waiting.delete(entry)) return false;
    waitingBytes -= entry.request.length;
    if (waitingByDigest.get(entry.digest) === entry) waitingByDigest.delete(entry.digest);
    if (draining) setImmediate(checkDrained);
    return true;
  };

  /** Gives up on answers that never came, so that their places are not lost for good. */
  const giveUp = (now: number): void => {
    for (const entry of waiting) {
      if (now - entry.since < limits.workTime) return;
      settle(entry);
      failed(new Error(`no answer within ${limits.workTime} ms`));
    }
  };

  const crowded = (bytes: number): boolean =>
    waiting.size >= limits.waiting || waitingBytes + bytes > limits.waitingBytes;

  const finish = (
    entry: Waiting,
    socket: SocketAsPromised['socket'],
    reply: Uint8Array | undefined,
  ): void => {
    if (!settle(entry) || reply === undefined) return;
    lookaside?.remember(entry.digest, entry.request, entry.address, entry.port, reply, performance.now());
    send(socket, reply, entry.port, entry.address);
  };

  const receive = (
    socket: SocketAsPromised['socket'],
    local: Endpoint,
    request: Uint8Array,
    from: RemoteInfo,
  ): void => {
    if (draining) return;
    counts.received++;
    const { address, port } = from;
    if (
      !isAnswerable(request, port) ||
      // Our own address, forged: we would answer ourselves.
      (port === local.port && sockets.has(keyOf({ host: address, port })))
    ) {
      counts.unanswerable++;
      return;
    }
    const now = performance.now();
    const digest = digestOf(request, port);
    const known = lookaside?.find(digest, request, address, port, now);
    if (known !== undefined) {
      counts.repeated++;
      send(socket, known, port, address);
      return;
    }
    if (waiting.size > 0) {
      const same = waitingByDigest.get(digest);
      if (
        same !== undefined &&
        same.port === port &&
        same.address === address &&
        equalBytes(same.request, request)
      ) {
        counts.duplicate++;
        return;
      }
      if (crowded(request.length)) giveUp(now);
      if (crowded(request.length)) {
        counts.overload++;
        quiet('UDP requests dropped: too many answers are being waited for', { waiting: waiting.size });
        return;
      }
    }
    let reply: ReturnType<MessageHandler>;
    try {
      const peer: Peer = { transport: 'udp', address, port, localAddress: local.host, maxReply: replyLimit };
      reply = handler(request, peer);
    } catch (error) {
      failed(error);
      return;
    }
    if (reply === undefined) return;
    if (!(reply instanceof Uint8Array)) {
      const entry: Waiting = { request, address, port, digest, since: now };
      waiting.add(entry);
      waitingByDigest.set(digest, entry);
      waitingBytes += request.length;
      reply.then(
        (late) => finish(entry, socket, late),
        (error: unknown) => {
          if (settle(entry)) failed(error);
        },
      );
      return;
    }
    lookaside?.remember(digest, request, address, port, reply, now);
    send(socket, reply, port, address);
  };

  return {
    counts,

    async open(endpoint) {
      const v6 = isV6(endpoint.host);
      const local = { host: endpoint.host, port: endpoint.port };
      const socket = DgramAsPromised.createSocket(
        {
          type: v6 ? 'udp6' : 'udp4',
          ipv6Only: v6,
          recvBufferSize: SOCKET_BUFFER,
          sendBufferSize: SOCKET_BUFFER,
          // Only addresses ever come here. To answer at once saves a turn of the event loop for each reply.
          lookup: (host, _options, callback) => callback(null, host, v6 ? 6 : 4),
        },
        (request, from) => receive(socket.socket, local, request, from),
      );
      try {
        local.port = (
          await socket.bind({ address: endpoint.host, port: endpoint.port, exclusive: true })
        ).port;
      } catch (error) {
        await socket.close().catch(() => undefined);
        throw error;
      }
      socket.socket.on('error', (error) =>
        quiet('a UDP socket reports an error', { address: formatEndpoint(local), error: error.message }),
      );
      sockets.set(keyOf(local), { local, socket });
      return local.port;
    },

    endpoints: () => Array.from(sockets.values(), ({ local }) => local),

    async shut(endpoint) {
      const open = sockets.get(keyOf(endpoint));
      sockets.delete(keyOf(endpoint));
      await open?.socket.close();
    },

    async close() {
      draining = true;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limits.closeTime);
        drained = () => {
          clearTimeout(timer);
          resolve();
        };
        checkDrained();
      });
      waiting.clear();
      await Promise.all(Array.from(sockets.values(), ({ socket }) => socket.close()));
      sockets.clear();
    },
  };
}

function keyOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}
