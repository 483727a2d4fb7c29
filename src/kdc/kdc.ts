import type { Clock } from '../base/ports.ts';
import type { Sid } from '../base/sid.ts';
import type { Crypto } from '../crypto/crypto.ts';
import type { RealmPolicy } from '../realm/policy.ts';
import type { LoginRecorder, PrincipalDirectory } from '../realm/ports.ts';
import type { KdcEvent } from './event.ts';

/** What a KDC is made of. */
export interface KdcOptions {
  readonly realm: string;
  /** The realm's own SID. */
  readonly sid: Sid;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly directory: PrincipalDirectory;
  readonly logins: LoginRecorder;
  readonly policy: RealmPolicy;
  /** Told once for each request. Must not throw. */
  readonly observe: (event: KdcEvent) => void;
}

/** Where a request came from, and how large a reply it can carry. */
export interface RequestOrigin {
  readonly transport: string;
  readonly address: string;
  readonly port: number;
  readonly maxReply: number;
}

/** The KDC: bytes in, bytes out; `undefined` where silence is the answer. A promise only when the store had to be asked. */
export type Kdc = (
  request: Uint8Array,
  origin: RequestOrigin,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export declare function createKdc(options: KdcOptions): Kdc;
