import type { Seconds } from '../base/ports.ts';

/** A token that devices join with; the token itself is not kept, its SHA-256 is. */
export interface JoinToken {
  /** What people call it; says nothing about the token. */
  readonly id: string;
  readonly created: Seconds;
  readonly expires: Seconds;
  /** How many devices may join with it, and how many have. */
  readonly uses: number;
  readonly used: number;
}

/** How long after its end a token still tells who asks: an answer that was lost is asked for again (protocol.md). A join takes a use, or fails. */
export const JOIN_ANSWER_LIFE: Seconds = 600;

/** The repository of join tokens. */
export interface JoinTokenRepository {
  /** Throws `RealmwardError` `exists` when there is one with that id. */
  add(token: Omit<JoinToken, 'used'>, hash: Uint8Array): Promise<void>;
  /** All tokens, the newest first; those that ended a month ago are gone. */
  list(): Promise<JoinToken[]>;
  /** The id of the token with that SHA-256, until `JOIN_ANSWER_LIFE` after its end, used up or not. */
  find(hash: Uint8Array, now: Seconds): Promise<string | undefined>;
  /** Throws `RealmwardError` `not-found`. */
  revoke(id: string): Promise<void>;
}
