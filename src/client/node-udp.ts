import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Target } from './failover.ts';

/**
 * Sends one datagram and waits for one back. The socket is connected: the system takes datagrams of nobody else, and tells when nobody listens
 * there. Rejects with the system's error, and with the reason of `signal`.
 */
export function exchangeUdp(
  { address, port }: Pick<Target, 'address' | 'port'>,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const abort = (): void => reject(signal.reason);
  socket.once('message', resolve).on('error', reject);
  // Whoever connects to a literal address asks no DNS: both are called back soon.
  socket.connect(port, address, () => {
    socket.send(message, (error) => {
      if (error !== null) reject(error);
    });
  });
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return promise.finally(() => {
    signal.removeEventListener('abort', abort);
    socket.close();
  });
}
