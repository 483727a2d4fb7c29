import type { Seconds } from '../base/ports.ts';
import type { PrincipalKey } from '../realm/principal.ts';
import type { Person } from './caller.ts';

/** A service of ours whose key unmasks false KDCs: a ticket for it is asked for and must open with this key. */
export interface ProvingService {
  /** Text form of its name, without realm: `host/phone1`, `HTTP/realm.example`. */
  readonly name: string;
  readonly keys: readonly PrincipalKey[];
}

export interface PasswordAttempt {
  /** As a person types it: `REALM\user`, `user@REALM`; without a realm: ours. */
  readonly user: string;
  /** UTF-8; wiped by whoever made it, once the promise has settled. */
  readonly password: Uint8Array;
  readonly service: ProvingService;
  /** Network address that the attempt counts against. */
  readonly address: string;
}

/** What became of an attempt; each but the first has a sentence and a hint for the person. */
export type PasswordProof =
  | {
      readonly result: 'proven';
      readonly person: Person;
      /** When the ticket ends. */
      readonly expires: Seconds;
      /** DER of an AP-REQ with a ticket for the service, made with the person's session key. */
      readonly apReq: Uint8Array;
    }
  | PasswordFailure;

export type PasswordFailure = {
  readonly message: string;
  readonly hint: string;
  /** Stable code of the cause, for the log: `kdc-err-preauth-failed`, `too-many-failures`, `kdc-not-proven`. */
  readonly reason: string;
  /** The cause in the words of whoever found it. For the log alone: it may name other servers, and more than a person at a login page is told. */
  readonly detail?: string | undefined;
} & (
  | { readonly result: 'refused' | 'locked' | 'expired_password' | 'unreachable' }
  /** The password is right, and its owner gets no ticket for this service, nor for any other but the realm's own. */
  | { readonly result: 'no_right'; readonly person: Person }
  /** Seconds by which the person's KDC is ahead of us. */
  | { readonly result: 'clock'; readonly offset: number }
  /** The realm was written another way; no attempt was made. */
  | { readonly result: 'realm_hint'; readonly realm: string }
);

/** Proves a person's password at their own realm's KDC, and the KDC by a ticket for `service`. Never throws for what a person or KDC did. */
export interface PasswordProver {
  prove(attempt: PasswordAttempt, signal?: AbortSignal): Promise<PasswordProof>;
}

export interface PasswordChange {
  readonly user: string;
  /** UTF-8, as the new one; both are wiped by whoever made them, once the promise has settled. */
  readonly password: Uint8Array;
  readonly newPassword: Uint8Array;
  /** Network address that it counts against. */
  readonly address: string;
}

/** `rejected`: the old password is right, the new one is not taken; `message` says why, in the realm's words where it has some. */
export type PasswordChanged =
  | { readonly result: 'changed' }
  | {
      readonly result: 'rejected';
      readonly message: string;
      readonly hint: string;
      readonly reason: string;
      readonly detail?: string | undefined;
    }
  | PasswordFailure;

/** Changes passwords at the person's own realm. Wrong ones count as they do for `PasswordProver`. */
export interface PasswordChanger {
  change(change: PasswordChange, signal?: AbortSignal): Promise<PasswordChanged>;
}
