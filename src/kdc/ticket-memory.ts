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
  /** ATTRIBUTES_INFO of its PAC: what a ticket-granting ticket that is made with it goes on saying. */
  readonly pacAttributes: number | undefined;
}

/**
 * Remembers opened tickets: a client asks for many services with one ticket-granting ticket, and opening and verifying it costs more than
 * the rest of the request. What is remembered depends on the ciphertext and the key alone; times, account and policy are looked at anew
 * for each request.
 *
 * Bounded by bytes as well: a client may put tens of kilobytes into its own tickets, and each group of a foreign user takes seventeen times
 * here what it takes in the ticket (measured: 69 kB for a ticket of 4 kB).
 */
export class TicketMemory {
  readonly #byTail: RecentMap<number, OpenedTicket>;
  readonly #maxBytes: number;
  /** Bytes of the ciphertexts that came in since the memory was empty. */
  #bytes = 0;

  /** `maxBytes` of ciphertexts; then everything is forgotten, which costs each ticket in use one more opening. */
  constructor(capacity = 4096, maxBytes = 6 << 20) {
    this.#byTail = new RecentMap(capacity);
    this.#maxBytes = maxBytes;
  }

  /** The ticket with exactly this ciphertext, if it was opened with `key` itself. */
  find(cipher: Uint8Array, key: Key): OpenedTicket | undefined {
    const known = this.#byTail.get(tail(cipher));
    return known !== undefined && known.key === key && equalBytes(known.cipher, cipher) ? known : undefined;
  }

  remember(ticket: OpenedTicket): void {
    this.#bytes += ticket.cipher.length;
    if (this.#bytes > this.#maxBytes) {
      this.#byTail.clear();
      this.#bytes = ticket.cipher.length;
    }
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
