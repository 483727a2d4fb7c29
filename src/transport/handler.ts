/** Who sent a request, and over what. */
export interface Peer {
  readonly transport: 'udp' | 'tcp';
  /** Text of the IP address; a link-local IPv6 address carries its zone (`fe80::1%eth0`). */
  readonly address: string;
  readonly port: number;
  /** Our own address that was asked. */
  readonly localAddress?: string;
  /** Longest reply this transport can carry, in bytes. */
  readonly maxReply: number;
}

/**
 * Answers one request: with the reply's bytes, which belong to the transport from then on, or with `undefined` for silence (UDP sends nothing,
 * TCP closes the connection). What is in memory is answered synchronously; a promise is for what must wait. A handler that throws costs its
 * client the answer and nobody anything else. The request's bytes are the handler's to keep.
 */
export type MessageHandler = (
  request: Uint8Array,
  peer: Peer,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;
