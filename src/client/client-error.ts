import { RealmwardError } from '../base/errors.ts';

interface Row {
  readonly text: string;
  readonly hint?: string;
}

const SOMEBODY_ELSE = 'Somebody else than the KDC may have answered, or the answer was changed on its way.';

/** What goes wrong on our side of the exchange: no answer, or one that must not be believed. What a KDC says itself is a `KerberosError`. */
const ROWS = {
  'no-servers': {
    text: 'No KDC is known for the realm.',
    hint: 'Name its servers in the configuration, or publish _kerberos._udp and _kerberos._tcp SRV records for it. Realm names are case-sensitive.',
  },
  'no-answer': {
    text: 'No KDC of the realm has answered.',
    hint: 'Check that a server runs there and that UDP and TCP port 88 pass every firewall in between.',
  },
  'certificate-refused': {
    text: 'The certificate of the server is not accepted.',
    hint: 'Name the CA that has signed it, or its SHA-256 fingerprint.',
  },
  'malformed-reply': {
    text: 'The answer is no Kerberos message.',
    hint: 'Is the address that of a KDC?',
  },
  'unexpected-reply': { text: 'The answer is a Kerberos message, but none that answers this request.' },
  'reply-integrity': {
    text: 'The answer does not open with the key that it must be made with.',
    hint: SOMEBODY_ELSE,
  },
  'wrong-key': {
    text: 'The ticket that the KDC sent does not open with this password or key.',
    hint: 'The password is wrong, or the keytab is older than the key: the KDC asks for no preauthentication, so only we can tell.',
  },
  'nonce-mismatch': { text: 'The answer belongs to another request.', hint: SOMEBODY_ELSE },
  'client-mismatch': { text: 'The answer holds a ticket for another client.', hint: SOMEBODY_ELSE },
  'server-mismatch': { text: 'The answer holds a ticket for another service.', hint: SOMEBODY_ELSE },
  'realm-mismatch': {
    text: 'The KDC answers for another realm.',
    hint: 'Realm names are case-sensitive: use the name that the KDC gives, if that is the realm that is meant.',
  },
  'times-mismatch': { text: 'The ticket has other times than it may have.', hint: SOMEBODY_ELSE },
  'etype-refused': {
    text: 'The KDC chose an encryption type that was not offered.',
    hint: SOMEBODY_ELSE,
  },
  'request-changed': {
    text: 'The KDC has received another request than we have sent.',
    hint: 'Somebody changes messages between this machine and the KDC.',
  },
  'iterations-refused': {
    text: 'The KDC wants the key to be made with a number of iterations that is not acceptable.',
    hint: 'If this is your own realm, set another iteration count there. If not, somebody wants the password to be cheap to guess, or this machine to be busy.',
  },
  'no-common-etype': {
    text: 'The KDC offers no encryption type for this client that is acceptable here.',
    hint: 'Give the account keys of aes256 or aes128: set its password anew, and in AD tick "This account supports Kerberos AES 256 bit encryption".',
  },
  'no-preauth-method': {
    text: 'The KDC accepts no way of preauthentication that is known here.',
    hint: 'Allow encrypted timestamps (PA-ENC-TIMESTAMP) for this account.',
  },
  'no-key': {
    text: 'There is no usable key for the client.',
    hint: 'Look with `klist -k -e` which principals and encryption types the keytab has.',
  },
  'no-end': {
    text: 'The KDC asks for more and more, and never decides.',
    hint: SOMEBODY_ELSE,
  },
  'referral-loop': {
    text: 'The realms refer us to each other in a circle.',
    hint: 'Compare the domain-to-realm rules and trusts of these realms.',
  },
  'too-many-hops': {
    text: 'The way to the service leads through too many realms.',
    hint: 'Make a trust that is more direct.',
  },
  'not-a-tgt': {
    text: 'The credential is no ticket-granting ticket.',
    hint: 'Log in first: services are asked for with a ticket for krbtgt/REALM.',
  },
  'not-for-passwords': {
    text: 'The ticket is not for the service that passwords are changed at.',
    hint: 'Log in for the service kadmin/changepw.',
  },
  'ticket-expired': { text: 'The ticket has expired.', hint: 'Log in again.' },
  'not-renewable': {
    text: 'The ticket cannot be renewed.',
    hint: 'Log in again; ask for a renewable ticket to have one that can be renewed.',
  },
} as const satisfies Record<string, Row>;

/** The closed list of codes. */
export type ClientErrorCode = keyof typeof ROWS;

/** What the client throws beside `KerberosError`, `CryptoError` and what an abort signal gives. */
export class ClientError extends RealmwardError {
  declare readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, detail?: string, options: { hint?: string; cause?: unknown } = {}) {
    const row: Row = ROWS[code];
    const hint = options.hint ?? row.hint;
    super(code, detail === undefined ? row.text : `${row.text} ${detail}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: options.cause,
    });
  }
}

/** Gives up, in the place of an expression. */
export function fail(code: ClientErrorCode, detail?: string): never {
  throw new ClientError(code, detail);
}
