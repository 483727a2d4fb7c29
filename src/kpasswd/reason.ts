import type { ReasonRow } from '../realm/reason.ts';
import { KpasswdResult } from '../spec/kpasswd.ts';

/** Why a password is not changed: what every reason says, and the result code (RFC 3244) that tells the client. */
export interface KpasswdReasonRow extends ReasonRow {
  /** `undefined`: the message is dropped without an answer. */
  readonly result: number | undefined;
}

const LOG_IN = 'Run the program again: it gets a new ticket by itself.';
const ADMINISTRATOR = 'An administrator of the realm can: `realmward user password NAME`.';

/** Every reason for which a password is not changed or set; `docs/events.md` is generated from it. */
export const KPASSWD_REASONS = {
  'kpasswd-not-a-request': {
    result: undefined,
    level: 'info',
    text: 'The message is no request to change a password.',
    hint: 'Something else than such a request was sent to this port.',
  },
  'kpasswd-version': {
    result: KpasswdResult.BAD_VERSION,
    level: 'info',
    text: 'The request is of a version of the protocol that is not known here.',
    hint: 'Use a client that speaks RFC 3244 or the protocol before it.',
  },
  'kpasswd-ticket-refused': {
    result: KpasswdResult.AUTHERROR,
    level: 'info',
    text: 'The ticket that came with the request is not accepted.',
    hint: 'Log in for the service kadmin/changepw: no other ticket changes a password.',
  },
  'kpasswd-no-subkey': {
    result: KpasswdResult.AUTHERROR,
    level: 'info',
    text: 'The request has no key of its own to protect the password with.',
    hint: 'The client is faulty: RFC 3244 wants a subkey in the authenticator.',
  },
  'kpasswd-data-integrity': {
    result: KpasswdResult.AUTHERROR,
    level: 'warn',
    text: 'The new password does not open with the key that it must be protected with.',
    hint: 'The request was changed on its way, or its client is faulty.',
  },
  'kpasswd-sequence': {
    result: KpasswdResult.AUTHERROR,
    level: 'warn',
    text: 'The new password belongs to another request than the ticket that it came with.',
    hint: 'Somebody put two requests together, or the client gives its messages no sequence number.',
  },
  'kpasswd-malformed': {
    result: KpasswdResult.MALFORMED,
    level: 'info',
    text: 'The new password is not in the form that the protocol wants.',
    hint: 'The client is faulty.',
  },
  'kpasswd-foreign-client': {
    result: KpasswdResult.ACCESSDENIED,
    level: 'info',
    text: 'The account belongs to another realm, and its password is changed there.',
    hint: 'Change it at a server of that realm; for users of an AD domain, at a computer of the domain.',
  },
  'kpasswd-client-refused': {
    result: KpasswdResult.ACCESSDENIED,
    level: 'info',
    text: 'The account may not change passwords: it is gone, disabled or expired, or it is no user.',
    hint: 'Only users have passwords; `realmward user list` shows who exists, and in which state.',
  },
  'kpasswd-stale-ticket': {
    result: KpasswdResult.AUTHERROR,
    level: 'info',
    text: "The ticket is older than the account's present password.",
    hint: LOG_IN,
  },
  'kpasswd-not-initial': {
    result: KpasswdResult.INITIAL_FLAG_NEEDED,
    level: 'info',
    text: 'To change your own password, the present one must be typed: another ticket is not enough.',
    hint: LOG_IN,
  },
  'kpasswd-unacceptable': {
    result: KpasswdResult.SOFTERROR,
    level: 'info',
    text: 'The new password is not acceptable.',
    hint: 'Choose another one; the detail says what is wrong with this one.',
  },
  'kpasswd-not-allowed': {
    result: KpasswdResult.ACCESSDENIED,
    level: 'warn',
    text: "You may not set somebody else's password.",
    hint: 'Administrators may; and a Join-Realm account may set the key of a new host/NAME.',
  },
  'kpasswd-own-first': {
    result: KpasswdResult.ACCESSDENIED,
    level: 'info',
    text: "Your own password must be changed before you set somebody else's.",
    hint: 'Run kpasswd for yourself first.',
  },
  'kpasswd-other-realm': {
    result: KpasswdResult.ACCESSDENIED,
    level: 'info',
    text: 'The account whose password shall be set belongs to another realm.',
    hint: 'Ask a server of that realm.',
  },
  'kpasswd-unknown-target': {
    result: KpasswdResult.HARDERROR,
    level: 'info',
    text: 'There is no such account.',
    hint: 'Check the spelling and the case of the name; `realmward user list` shows who exists.',
  },
  'kpasswd-not-a-user': {
    result: KpasswdResult.ACCESSDENIED,
    level: 'info',
    text: 'Services and devices have random keys, and no password that could be set.',
    hint: '`realmward service rekey NAME` makes new keys for a service.',
  },
  'kpasswd-device-exists': {
    result: KpasswdResult.ACCESSDENIED,
    level: 'warn',
    text: 'A device of that name is there already.',
    hint: 'Choose another name, or remove the device first: `realmward device remove NAME`.',
  },
  'kpasswd-device-name': {
    result: KpasswdResult.HARDERROR,
    level: 'info',
    text: 'A device cannot have that name.',
    hint: 'Write host/NAME, with the name or serial number of the device.',
  },
  'kpasswd-busy': {
    result: KpasswdResult.HARDERROR,
    level: 'warn',
    text: 'The server has too many passwords to change at the moment.',
    hint: 'Try again in a minute.',
  },
  'kpasswd-internal-error': {
    result: KpasswdResult.HARDERROR,
    level: 'warn',
    text: 'The server failed to change the password.',
    hint: 'The log line has the particulars; please report it.',
    told: `The server failed to change the password. ${ADMINISTRATOR}`,
  },
} as const satisfies Record<string, KpasswdReasonRow>;

/** A stable code of why a password was not changed. */
export type KpasswdReason = keyof typeof KPASSWD_REASONS;

/** The row of `reason`. */
export function kpasswdReasonRow(reason: KpasswdReason): KpasswdReasonRow {
  return KPASSWD_REASONS[reason];
}
