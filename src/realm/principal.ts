import type { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import type { Right } from './right.ts';

/** One long-term key of a principal. */
export interface PrincipalKey {
  readonly kvno: number;
  readonly key: Key;
  /** Salt of a key made from a password; `undefined` for a random key. */
  readonly salt: string | undefined;
  /** s2kparams as on the wire (PBKDF2 iteration count); `undefined` for the etype's default. */
  readonly s2kparams: Uint8Array | undefined;
  /** When this key was made. An older kvno is kept until no ticket can need it, which is told from here; left out: it is never pruned. */
  readonly created?: Seconds | undefined;
}

/** `user` logs in; `service` is a device or a service with a random key; `realm` is krbtgt/REALM, kadmin/changepw and their like. */
export type PrincipalKind = 'user' | 'service' | 'realm';

/**
 * An account of the realm as the KDC sees it. Immutable: a change makes a new object, so work may be remembered by object identity.
 */
export interface Principal {
  /** Row number in the store; never reused. */
  readonly id: number;
  /** Canonical text form without realm (`formatName`). */
  readonly name: string;
  readonly kind: PrincipalKind;
  /** RID in the realm's own SID space, from 2000 up; never reused. */
  readonly rid: number;
  readonly right: Right | undefined;
  readonly disabled: boolean;
  /** Account expiry. */
  readonly expires: Seconds | undefined;
  /** From when on the password must be changed; 0 means at once. */
  readonly passwordExpires: Seconds | undefined;
  /** When the password was last set; goes into the PAC. */
  readonly passwordChanged: Seconds;
  /** Bounds on this principal's tickets, in seconds; `undefined`: the realm's. */
  readonly maxLife: number | undefined;
  readonly maxRenew: number | undefined;
  /** Until when preauthentication is refused after too many failures. */
  readonly lockedUntil: Seconds | undefined;
  /** All keys that are alive, highest kvno first, within a kvno strongest etype first. Empty: the account cannot authenticate. */
  readonly keys: readonly PrincipalKey[];
}

/** The newest kvno's keys. */
export function currentKeys(principal: Principal): readonly PrincipalKey[] {
  const newest = principal.keys[0]?.kvno;
  return principal.keys.filter((key) => key.kvno === newest);
}
