/** Bounds on what HTTPS clients may make the server hold. Times in milliseconds, sizes in bytes. */
export interface WebLimits {
  /** Connections in all; then idle ones are closed, and without any new ones are refused. */
  readonly connections: number;
  /**
   * Connections of one IPv4 address or IPv6 /64; more are refused. Above 300, as many devices as one script joins side by side from one address.
   */
  readonly connectionsPerAddress: number;
  /** From accepting a connection to the end of the TLS handshake. */
  readonly handshakeTime: number;
  /** From the handshake, or from a request's first byte, to the end of its headers. */
  readonly headersTime: number;
  /** The same, to the end of its body. */
  readonly requestTime: number;
  /** Between an answer and the next request. */
  readonly idleTime: number;
  /** How long a connection may be without a byte in either direction while an answer is made or sent. */
  readonly silentTime: number;
  /** Request line and headers: a ticket of somebody in a thousand groups stands in one of them. */
  readonly headerBytes: number;
  /** Bodies, unless a path says otherwise. */
  readonly bodyBytes: number;
  /** How long closing waits for what is in work. */
  readonly closeTime: number;
}

export const DEFAULT_WEB_LIMITS: WebLimits = {
  connections: 1024,
  connectionsPerAddress: 384,
  handshakeTime: 10_000,
  headersTime: 10_000,
  requestTime: 30_000,
  idleTime: 10_000,
  silentTime: 60_000,
  headerBytes: 96 << 10,
  bodyBytes: 64 << 10,
  closeTime: 3000,
};
