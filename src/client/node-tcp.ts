import { connect } from 'node:net';
import type { Target } from './failover.ts';

/** Longest answer that is taken in, as long as anything that is decoded. */
const MAX_REPLY = 1 << 20;

/**
 * Sends one message over a connection of its own and waits for one back. Each has its length before it, in `prefix` bytes: four with Kerberos
 * (RFC 4120 section 7.2.2). Memory grows with what arrives, never with what is announced. Rejects with the system's error, for an answer that is
 * cut off or too long, and with the reason of `signal`.
 */
export function exchangeTcp(
  { address, port }: Pick<Target, 'address' | 'port'>,
  message: Uint8Array,
  signal: AbortSignal,
  prefix: 2 | 4 = 4,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const socket = connect({ host: address, port, noDelay: true });
  const pieces: Buffer[] = [];
  let held = 0;
  let expected: number | undefined;
  socket.on('data', (piece) => {
    pieces.push(piece);
    held += piece.length;
    if (expected === undefined && held >= prefix) {
      // The high bit is reserved for extensions (section 7.2.2): set, it makes the length too long by itself.
      const length = Buffer.concat(pieces, prefix).readUIntBE(0, prefix);
      if (length > MAX_REPLY) reject(new Error(`announces an answer of ${length} bytes`));
      expected = prefix + length;
    }
    if (expected !== undefined && held >= expected) resolve(Buffer.concat(pieces).subarray(prefix, expected));
  });
  socket.on('error', reject);
  socket.on('end', () => reject(new Error('closed the connection before its answer was complete')));
  const length = Buffer.alloc(prefix);
  length.writeUIntBE(message.length, 0, prefix);
  socket.write(Buffer.concat([length, message]));
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return promise.finally(() => {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  });
}
