import type { Sid } from '../base/sid.ts';
import type { GrantedRights } from '../realm/trust.ts';

/** Somebody with an account of ours or of a trusted realm, as a ticket of ours tells. The identity is the pair, never the name alone. */
export interface Person {
  readonly realm: string;
  /** Text form of the name, without realm. */
  readonly name: string;
  readonly rights: Pick<GrantedRights, 'login' | 'join'>;
  /** Groups that the ticket's PAC states, for who wants to know why there is no right. */
  readonly groups: readonly Sid[];
}

/** Who sent an HTTP request, after it was proven. */
export type Caller =
  | { readonly kind: 'person'; readonly person: Person; readonly how: 'basic' | 'negotiate' }
  /**
   * A device that has joined and is not disabled, with its key or the bearer token that it got. `rid` is that of its account: while a body is on its
   * way, another device may take the name.
   */
  | {
      readonly kind: 'device';
      readonly host: string;
      readonly rid: number;
      readonly how: 'bearer' | 'negotiate';
    }
  /** Whoever holds a one-time token of `realmward token create`; it is used up by the join, not by being shown. */
  | { readonly kind: 'join-token'; readonly id: string };
