import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Scope } from './run.ts';

/** Something that answers Kerberos over TCP on loopback as `answer` says; resolves to its `host:port`. */
export async function startTcpKdc(
  scope: Scope,
  answer: (message: Uint8Array) => Uint8Array,
): Promise<string> {
  const server = createServer((socket) => {
    let held = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      held = Buffer.concat([held, piece]);
      if (held.length < 4 || held.length < 4 + held.readUInt32BE()) return;
      const reply = answer(held.subarray(4, 4 + held.readUInt32BE()));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(reply.length);
      socket.end(Buffer.concat([length, reply]));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.teardown(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
