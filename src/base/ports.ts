/** What the core needs from the world outside; handed in by `app/compose`, replaced by fakes in tests. */

/** Whole seconds since 1970-01-01T00:00:00Z, the resolution of KerberosTime (RFC 4120 section 5.2.3). */
export type Seconds = number;

/** A clock; Kerberos needs microseconds beside seconds (RFC 4120 section 5.2.4). */
export interface Clock {
  /** Microseconds since the epoch, an integer below 2^53. */
  microseconds(): number;
}

/** A structured log; pino satisfies it. Never hand it a key or a password. */
export interface Logger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** `clock`'s time in whole seconds, rounded down. */
export function nowSeconds(clock: Clock): Seconds {
  return Math.floor(clock.microseconds() / 1_000_000);
}
