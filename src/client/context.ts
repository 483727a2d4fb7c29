import type { Clock, Seconds } from '../base/ports.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { STRONG_ETYPES } from '../spec/etypes.ts';
import type { Credential } from './credential.ts';
import type { KerberosError } from './kerberos-error.ts';
import type { ServiceKind } from './locate.ts';

/** Brings a request to a KDC of `realm` and its answer back; rejects with `ClientError` `no-servers` or `no-answer`. */
export type Send = (realm: string, message: Uint8Array, options?: SendOptions) => Promise<Uint8Array>;

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Which of the realm's servers are asked. Default: its KDCs. */
  readonly service?: ServiceKind | undefined;
  /**
   * Makes the message anew for each attempt but the first. Given where a server refuses what it has seen: such a message is sent over TCP first,
   * which loses nothing.
   */
  readonly renew?: (() => Uint8Array) | undefined;
}

/** What the client is made of; `nodeClient()` puts one together. */
export interface ClientContext {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly send: Send;
  readonly settings?: ClientSettings;
  /** Told each step as it happens. Must not throw. */
  readonly observe?: (event: ClientEvent) => void;
}

export interface ClientSettings {
  /** Encryption types that are offered and accepted, in order of preference. Default: all strong ones. */
  readonly etypes?: readonly number[];
  /** How far a KDC's clock may be from ours before it is followed. Default 300. */
  readonly clockSkew?: Seconds;
  /**
   * Fewest PBKDF2 iterations with which a password is made a key. The count comes unauthenticated from whoever answers, and a low one makes
   * the password cheap to guess from what is sent then. Default 4096, the least of RFC 3962's and RFC 8009's defaults.
   */
  readonly minIterations?: number;
  /**
   * Realms between `from` and `to`, in order, neither included; an empty list for neighbours. Left out, or `undefined`: up and down the
   * hierarchy of the names, as domains have one.
   */
  readonly capaths?: (from: string, to: string) => readonly string[] | undefined;
}

/** One step of the client's work, for whoever shows or logs it. None of them holds a secret but `ticket`, whose credential is one. */
export type ClientEvent =
  | {
      readonly kind: 'request';
      readonly exchange: Exchange;
      readonly realm: string;
      readonly service: string;
    }
  /** Microseconds by which the KDC's clock is ahead of ours, as an error message of it tells, unauthenticated. */
  | { readonly kind: 'clock'; readonly realm: string; readonly offset: number }
  /** What the KDC wants the password's key to be made with; a keytab's key needs no salt. */
  | {
      readonly kind: 'preauth';
      readonly realm: string;
      readonly etype: number;
      readonly salt: string | undefined;
    }
  | { readonly kind: 'error'; readonly realm: string; readonly error: KerberosError }
  | { readonly kind: 'referral'; readonly exchange: Exchange; readonly from: string; readonly to: string }
  | {
      readonly kind: 'ticket';
      readonly exchange: Exchange;
      readonly realm: string;
      readonly credential: Credential;
    };

export type Exchange = 'AS' | 'TGS';

/** The settings with their defaults. */
export function settingsOf({ settings = {} }: ClientContext): Required<Omit<ClientSettings, 'capaths'>> {
  const { etypes = STRONG_ETYPES, clockSkew = 300, minIterations = 4096 } = settings;
  return { etypes, clockSkew, minIterations };
}

/** `clock` moved by `offset` microseconds. */
export function shifted(clock: Clock, offset: number): Clock {
  return offset === 0 ? clock : { microseconds: () => clock.microseconds() + offset };
}
