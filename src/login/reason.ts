import type { ReasonRow } from '../realm/reason.ts';

/** A reason for which nobody logs in, with the status of the answer. */
export interface LoginReasonRow extends ReasonRow {
  readonly status: number;
}

const ASK_ACCOUNTS = 'Ask whoever keeps the accounts of that realm.';

/**
 * Why a login through this server did not succeed. What the KDC of the person's realm says has its own name there: the ones that happen are
 * listed, any other one is in the log as it came.
 */
export const LOGIN_REASONS = {
  'kdc-err-preauth-failed': {
    status: 403,
    level: 'info',
    text: 'The password is wrong, or the account does not exist.',
    hint: 'Check the name, the realm and the keyboard layout. Our own KDC says in a line of its own which of both it was.',
  },
  'kdc-err-c-principal-unknown': {
    status: 403,
    level: 'info',
    text: 'The realm of the person does not know the account.',
    told: 'The password is wrong, or the account does not exist.',
    hint: 'Check the spelling of the name.',
  },
  'kdc-err-client-revoked': {
    status: 403,
    level: 'info',
    text: 'The account is locked or disabled in its realm.',
    hint: ASK_ACCOUNTS,
  },
  'kdc-err-key-expired': {
    status: 403,
    level: 'info',
    text: 'The password has expired.',
    hint: 'Change it: the login page asks for a new one, and devices have POST /v1/login/password.',
  },
  'realm-hint': {
    status: 403,
    level: 'info',
    text: 'The realm was written another way than it is called; nobody was asked about the password.',
    hint: 'Log in with the name that the answer gives.',
  },
  'unknown-realm': {
    status: 403,
    level: 'info',
    text: 'The realm is none whose users may log in here; nobody was asked about the password.',
    hint: 'Check its name; an inbound trust lets its users in (realmward trust list).',
  },
  'bad-name': {
    status: 403,
    level: 'info',
    text: 'What was typed is no user name. It is not in the log, as it may be a password.',
    hint: 'Write REALM\\user or user@REALM.',
  },
  'no-right': {
    status: 403,
    level: 'info',
    text: 'The password is right, and the account has no right on devices.',
    hint: 'Give the account a right (realmward user set NAME --right Viewer), or map one of the groups that are listed (rights of the trust).',
  },
  'kdc-err-policy': {
    status: 403,
    level: 'info',
    text: 'The password is right, and the account may not log in to devices.',
    hint: 'An account with the right Join-Realm joins devices and does nothing else. In AD look at logon hours and authentication policies, too.',
  },
  'too-many-failures': {
    status: 403,
    level: 'warn',
    text: 'Too many passwords for this account were wrong; its realm was not asked, so that it is not locked there.',
    hint: 'Wait until the window of the trust is over (maxFailures, window). Somebody may be guessing: see the address.',
  },
  'too-many-from-address': {
    status: 403,
    level: 'warn',
    text: 'Too many passwords from this address were wrong; nobody was asked.',
    hint: 'Wait until the window is over (login.maxFailures, login.window). Somebody may be guessing.',
  },
  'clock-skew': {
    status: 403,
    level: 'warn',
    text: 'The clock of the realm that the person belongs to is too far from ours.',
    hint: 'Set both clocks from a time server; the answer says by how much they differ.',
  },
  'kdc-not-proven': {
    status: 403,
    level: 'warn',
    text: 'Whoever answered as the KDC of a realm does not have its keys. Nobody was let in.',
    hint: 'Check the trust with "realmward trust test": its keys may be wrong. If they are right, somebody else answers at the address of the KDC, and has seen what a password can be guessed from.',
  },
  'no-answer': {
    status: 503,
    level: 'warn',
    text: 'No KDC of the realm answers, or no password server of it.',
    hint: 'Check that its servers run, and that UDP and TCP port 88, for new passwords 464, pass every firewall in between.',
  },
  'no-servers': {
    status: 503,
    level: 'warn',
    text: 'No KDC of the realm is known, or no password server of it.',
    hint: 'Name them in kdcs and kpasswd of the trust, or publish SRV records.',
  },
  deadline: {
    status: 503,
    level: 'warn',
    text: 'The KDCs of the realm take too long.',
    hint: 'Look at the network between here and them.',
  },
  busy: {
    status: 503,
    level: 'warn',
    text: 'Too many logins are under way.',
    hint: 'If it lasts, somebody floods the server: see the addresses.',
  },
  'no-device': {
    status: 503,
    level: 'info',
    text: 'The device was removed or disabled while somebody logged in.',
    hint: 'realmward device show says what it is like.',
  },
  'too-many-logins': {
    status: 429,
    level: 'warn',
    text: 'A device has begun more logins by page than it may have at a time.',
    hint: 'Each ends by itself after ten minutes. Look at the device.',
  },
  'foreign-form': {
    status: 403,
    level: 'info',
    text: 'A form of the login page came from another page, another browser, or after a restart of the server.',
    hint: 'The person types everything again; if it happens often, some page forges such forms.',
  },
  'bad-code': {
    status: 403,
    level: 'warn',
    text: 'A device has shown a code that is not good: unknown, used, too old, or made for another device.',
    hint: 'A code is good for a minute, once, at the server that has made it.',
  },
} as const satisfies Readonly<Record<string, LoginReasonRow>>;

/** The row of a reason; `undefined` for those of others. */
export function loginReasonRow(reason: string | undefined): LoginReasonRow | undefined {
  if (reason === undefined || !Object.hasOwn(LOGIN_REASONS, reason)) return undefined;
  return LOGIN_REASONS[reason as keyof typeof LOGIN_REASONS];
}
