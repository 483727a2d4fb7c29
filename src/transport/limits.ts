/** Bounds on what clients may make the server hold. Times in milliseconds. */
export interface TransportLimits {
  /** UDP requests whose answer is being waited for at one time; more are dropped. */
  readonly waiting: number;
  /** Bytes of these requests. */
  readonly waitingBytes: number;
  /** Bytes of requests and replies that are remembered for clients that repeat a UDP request; 0: none are. */
  readonly lookasideBytes: number;
  /** How long a reply is remembered. */
  readonly lookasideTime: number;
  /** Longest request over TCP, in bytes. */
  readonly request: number;
  /** TCP connections in all; then the one that has done nothing for longest makes room for a new one. */
  readonly connections: number;
  /** TCP connections of one IPv4 address or IPv6 /64; more are refused. */
  readonly connectionsPerAddress: number;
  /** Bytes of input held for all TCP connections; then the connection that has done nothing for longest is cut off. */
  readonly inputBytes: number;
  /** From accepting a connection, or from a request's first byte, to the request's last byte. */
  readonly requestTime: number;
  /** Between a reply and the next request's first byte. */
  readonly idleTime: number;
  /** How long a reply may wait for a client that does not read. */
  readonly writeTime: number;
  /** How long the answer to a request is waited for. */
  readonly workTime: number;
  /** How long closing waits for what is in work. */
  readonly closeTime: number;
}

export const DEFAULT_LIMITS: TransportLimits = {
  waiting: 1024,
  waitingBytes: 4 << 20,
  lookasideBytes: 8 << 20,
  lookasideTime: 3000,
  request: 64 << 10,
  connections: 1024,
  connectionsPerAddress: 128,
  inputBytes: 16 << 20,
  requestTime: 10_000,
  idleTime: 30_000,
  writeTime: 10_000,
  workTime: 30_000,
  closeTime: 3000,
};
