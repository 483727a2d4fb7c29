import { equalBytes } from '../base/bytes.ts';
import type { Key } from '../base/key.ts';
import type { Sid } from '../base/sid.ts';
import { RecentMap } from '../base/recent-map.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import type { ForeignUser } from './foreign-user.ts';

/** A ticket that opened with one of our keys, and whose PAC was verified. */
export interface OpenedTicket {
  /** The ciphertext it was opened from; compared byte for byte before the rest is used again. */
  readonly cipher: Uint8Array;
  /** The key that opened it. */
  readonly key: Key;
  readonly part: EncTicketPart;
  readonly sessionKey: Key;
  /** SID of the account of ours that its PAC speaks of. */
  readonly sid: Sid | undefined;
  /** Its client, when that is a user of another realm. */
  readonly foreign: ForeignUser | undefined;
}

/**
 * Remembers opened tickets: a client asks for many services with one ticket-granting ticket, and opening and verifying it costs more than
 * the rest of the request. What is remembered depends on the ciphertext and the key alone; times, account and policy are looked at anew
 * for each request.
 */
export class TicketMemory {
  readonly #byTail: RecentMap<number, OpenedTicket>;

  constructor(capacity = 4096) {
    this.#byTail = new RecentMap(capacity);
  }

  /** The ticket with exactly this ciphertext, if it was opened with `key` itself. */
  find(cipher: Uint8Array, key: Key): OpenedTicket | undefined {
    const known = this.#byTail.get(tail(cipher));
    return known !== undefined && known.key === key && equalBytes(known.cipher, cipher) ? known : undefined;
  }

  remember(ticket: OpenedTicket): void {
    this.#byTail.set(tail(ticket.cipher), ticket);
  }
}

/** A number from the last six bytes, which are part of a MAC and so as good as random. */
function tail(cipher: Uint8Array): number {
  let value = 0;
  for (let i = Math.max(0, cipher.length - 6); i < cipher.length; i++)
    value = value * 256 + (cipher[i] as number);
  return value;
}
