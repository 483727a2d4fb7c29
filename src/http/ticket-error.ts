import { RealmwardError } from '../base/errors.ts';
import type { PacReason } from '../pac/reason.ts';

/** Why a ticket that opened says nothing that may be believed. */
export type TicketReason =
  | PacReason
  | 'pac-missing'
  | 'pac-malformed'
  /** The PAC of a client of our realm is about an account of another domain, or the other way round. */
  | 'pac-foreign-account'
  | 'pac-own-account'
  | 'account-gone'
  | 'realm-gone'
  | 'device-unknown';

/** A service ticket that is not what our KDC would issue now; `code` is one of `TicketReason`. */
export class TicketError extends RealmwardError {
  declare readonly code: TicketReason;

  constructor(reason: TicketReason, detail?: string) {
    const { text, hint } = rowOf(reason);
    super(reason, detail === undefined ? text : `${text} ${detail}`, { hint });
  }
}

function rowOf(reason: TicketReason): { readonly text: string; readonly hint: string } {
  switch (reason) {
    case 'account-gone':
      return {
        text: 'The account that the ticket was issued for is no more, or is disabled.',
        hint: 'Ask an administrator (realmward user show, realmward device show). An account or a device that was made anew needs a new ticket.',
      };
    case 'realm-gone':
      return {
        text: 'The ticket is of a user of a realm whose users may not come here, or not any more.',
        hint: 'An inbound trust lets them in (realmward trust list).',
      };
    case 'device-unknown':
      return {
        text: 'The ticket belongs to a host that has not joined the realm as a device.',
        hint: 'Let the device join (POST /v1/join); realmward device list shows who has.',
      };
    default:
      return {
        text: `The ticket does not prove who its owner is (${reason}).`,
        hint: 'Get a new ticket: log in again. If that is refused, too, somebody other than our KDC has made it, with a key of ours.',
      };
  }
}
