import { RecentMap } from '../base/recent-map.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import { type Likeness, likenessOf } from '../pac/likeness.ts';
import { matchesTemplate } from '../pac/template.ts';
import type { VerifiedPac } from '../pac/verify.ts';
import type { Trust } from '../realm/trust.ts';
import type { ForeignUser } from './foreign-user.ts';

/**
 * Remembers users of trusted realms by the PACs that they came with. Whoever logs in again brings a PAC that says the same, but for times and
 * counters: then it needs neither decoding nor filtering, and the PACs that were laid out for the user are still right. The signature is
 * verified each time; whether name, realm, time and trust are those of the ticket, too.
 *
 * Bounded by bytes as well as in number, as `TicketMemory` is.
 */
export class VisitorMemory {
  readonly #byName: RecentMap<string, { readonly user: ForeignUser; readonly likeness: Likeness }>;
  readonly #maxBytes: number;
  /** Bytes of the PACs that came in since the memory was empty. */
  #bytes = 0;

  /** `maxBytes` of PACs; then everything is forgotten, which costs each user one more decoding. */
  constructor(capacity = 2048, maxBytes = 4 << 20) {
    this.#byName = new RecentMap(capacity);
    this.#maxBytes = maxBytes;
  }

  /** The user of a ticket of `issuer` with this PAC. A trust that has changed is another object, and remembers nobody. */
  find(issuer: string, part: EncTicketPart, pac: VerifiedPac, trust: Trust): ForeignUser | undefined {
    const known = this.#byName.get(nameOf(issuer, part));
    return known !== undefined &&
      known.user.trust === trust &&
      matchesTemplate(known.likeness, pac.bytes, part.authtime)
      ? known.user
      : undefined;
  }

  remember(issuer: string, part: EncTicketPart, pac: VerifiedPac, user: ForeignUser): void {
    this.#bytes += pac.bytes.length;
    if (this.#bytes > this.#maxBytes) {
      this.#byName.clear();
      this.#bytes = pac.bytes.length;
    }
    this.#byName.set(nameOf(issuer, part), { user, likeness: likenessOf(pac) });
  }
}

/** Everything about the ticket that its PAC is compared with, but for the time. Zeros stand in no name. */
function nameOf(issuer: string, { crealm, cname }: EncTicketPart): string {
  return `${issuer}\0${crealm}\0${cname.nameType}\0${cname.nameString.join('\0')}`;
}
