import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import type { Scope } from './run.ts';

/** A UDP socket of a test, on a free port, with room for bursts. */
export interface UdpClient {
  readonly port: number;
  /** Replies so far, in order. */
  readonly replies: { readonly bytes: Buffer; readonly from: RemoteInfo }[];
  send(bytes: Uint8Array | string, port: number, address?: string): void;
  /** Resolves when there have been `count` replies in all. */
  until(count: number): Promise<Buffer[]>;
}

export async function udpClient(scope: Scope, address = '127.0.0.1'): Promise<UdpClient> {
  const socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: 4 << 20,
    sendBufferSize: 4 << 20,
  });
  const replies: { bytes: Buffer; from: RemoteInfo }[] = [];
  socket.on('message', (bytes, from) => replies.push({ bytes, from }));
  socket.bind(0, address);
  await once(socket, 'listening');
  scope.teardown(() => void socket.close());
  return {
    port: socket.address().port,
    replies,
    send: (bytes, port, to = address) => socket.send(bytes, port, to),
    async until(count) {
      while (replies.length < count) await once(socket, 'message');
      return replies.map(({ bytes }) => bytes);
    },
  };
}
