import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Scope } from './run.ts';

/** A test's TCP connection to a KDC-like server: messages with a length of four bytes before each. */
export interface TcpClient {
  readonly socket: Socket;
  /** Replies so far, in order. */
  readonly replies: Buffer[];
  /** Whether the server has ended or reset the connection. */
  readonly ended: boolean;
  /** Resolves when there have been `count` replies in all. Rejects where the connection ends before. */
  until(count: number): Promise<Buffer[]>;
  /** Resolves when the server has ended or reset the connection. */
  end(): Promise<void>;
}

export async function tcpClient(
  scope: Scope,
  port: number,
  options: { host?: string; allowHalfOpen?: boolean } = {},
): Promise<TcpClient> {
  const { host = '127.0.0.1', allowHalfOpen = false } = options;
  const socket = connect({ port, host, noDelay: true, allowHalfOpen });
  scope.teardown(() => void socket.destroy());
  const replies: Buffer[] = [];
  const state = { ended: false };
  let rest = Buffer.alloc(0);
  const finish = (): void => {
    state.ended = true;
    socket.emit('ready-or-over');
  };
  socket.on('error', finish).on('end', finish).on('close', finish);
  socket.on('data', (piece) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      const length = rest.readUInt32BE();
      replies.push(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    socket.emit('ready-or-over');
  });
  if (!state.ended) await Promise.race([once(socket, 'connect'), once(socket, 'ready-or-over')]);
  return {
    socket,
    replies,
    get ended() {
      return state.ended;
    },
    async until(count) {
      while (replies.length < count) {
        if (state.ended) throw new Error(`the connection ended after ${replies.length} of ${count} replies`);
        await once(socket, 'ready-or-over');
      }
      return replies;
    },
    async end() {
      while (!state.ended) await once(socket, 'ready-or-over');
    },
  };
}

/** `message` with its length before it. */
export function framed(message: Uint8Array | string): Buffer {
  const bytes = Buffer.from(message);
  const frame = Buffer.alloc(4 + bytes.length);
  frame.writeUInt32BE(bytes.length);
  bytes.copy(frame, 4);
  return frame;
}
