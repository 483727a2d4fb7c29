import type { ErrorCode } from '../spec/error-codes.ts';

/** What a KRB-ERROR code means to a person, and what to do about it. */
export interface KdcErrorRow {
  readonly text: string;
  readonly hint?: string;
}

const CLOCKS = 'Set the clock of this machine (and of the KDC) from a time server.';
const LOG_IN = 'Log in again.';
const BUG =
  'This should not happen between a correct client and a correct KDC: look into the log of the KDC.';
const TICKET_SERVICE = 'Log in again; if that does not help, export the keytab of the service anew.';

/** One row for each code of RFC 4120 section 7.5.9. */
export const KDC_ERRORS: { readonly [Name in keyof typeof ErrorCode]: KdcErrorRow } = {
  KDC_ERR_NONE: { text: 'The KDC reports an error without saying which.', hint: BUG },
  KDC_ERR_NAME_EXP: {
    text: 'The account has expired.',
    hint: 'Ask whoever keeps the accounts to extend it.',
  },
  KDC_ERR_SERVICE_EXP: {
    text: 'The account of the service has expired.',
    hint: 'Ask whoever keeps the accounts to extend it.',
  },
  KDC_ERR_BAD_PVNO: { text: 'The server does not speak version 5 of Kerberos.' },
  KDC_ERR_C_OLD_MAST_KVNO: {
    text: "The client's key is stored under an old master key.",
    hint: 'The operator of the KDC must roll its master key over completely.',
  },
  KDC_ERR_S_OLD_MAST_KVNO: {
    text: "The service's key is stored under an old master key.",
    hint: 'The operator of the KDC must roll its master key over completely.',
  },
  KDC_ERR_C_PRINCIPAL_UNKNOWN: {
    text: 'The realm does not know this client.',
    hint: 'Check the spelling of the name and of the realm; both are case-sensitive.',
  },
  KDC_ERR_S_PRINCIPAL_UNKNOWN: {
    text: 'The realm does not know this service.',
    hint: 'Check the spelling of host name and realm. If the service is in another realm, that realm must be trusted and its name given.',
  },
  KDC_ERR_PRINCIPAL_NOT_UNIQUE: {
    text: 'The realm has several accounts of this name.',
    hint: 'In AD: find the duplicate with `setspn -X` and remove it.',
  },
  KDC_ERR_NULL_KEY: {
    text: 'The client or the service has no key.',
    hint: 'Set a password for the account, or make a key for the service.',
  },
  KDC_ERR_CANNOT_POSTDATE: { text: 'A ticket that starts later is not allowed.' },
  KDC_ERR_NEVER_VALID: {
    text: 'The ticket would end before it starts.',
    hint: `Ask for a longer lifetime. ${CLOCKS}`,
  },
  KDC_ERR_POLICY: {
    text: 'The policy of the KDC forbids this.',
    hint: 'The log of the KDC says which rule it was; in AD look at logon hours, authentication policies and selective authentication of the trust.',
  },
  KDC_ERR_BADOPTION: {
    text: 'The KDC cannot do what was asked for with this ticket.',
    hint: 'To renew, the ticket must be renewable and not expired; to forward, forwardable.',
  },
  KDC_ERR_ETYPE_NOSUPP: {
    text: 'The KDC has no encryption type in common with what was asked for.',
    hint: 'Give client, service and trust keys of aes256 or aes128; for a trust with Windows tick "The other domain supports Kerberos AES Encryption".',
  },
  KDC_ERR_SUMTYPE_NOSUPP: { text: 'The KDC does not know the type of checksum.', hint: BUG },
  KDC_ERR_PADATA_TYPE_NOSUPP: {
    text: 'The KDC does not accept this way of preauthentication.',
    hint: 'Allow encrypted timestamps (PA-ENC-TIMESTAMP) for this account.',
  },
  KDC_ERR_TRTYPE_NOSUPP: { text: 'The KDC does not know the encoding of the transited realms.', hint: BUG },
  KDC_ERR_CLIENT_REVOKED: {
    text: 'The account is disabled or locked.',
    hint: 'Wait until the lock ends, or ask whoever keeps the accounts. Do not try again and again: that keeps it locked.',
  },
  KDC_ERR_SERVICE_REVOKED: {
    text: 'The account of the service is disabled.',
    hint: 'Ask whoever keeps the accounts to enable it.',
  },
  KDC_ERR_TGT_REVOKED: {
    text: 'The ticket-granting ticket is no longer accepted.',
    hint: `${LOG_IN} In a trust: the KDC demands a PAC, or the account behind the ticket is gone.`,
  },
  KDC_ERR_CLIENT_NOTYET: { text: 'The account is not valid yet.', hint: 'Try again later.' },
  KDC_ERR_SERVICE_NOTYET: { text: 'The account of the service is not valid yet.', hint: 'Try again later.' },
  KDC_ERR_KEY_EXPIRED: {
    text: 'The password has expired.',
    hint: 'Change it: Ctrl+Alt+Del on a Windows machine of the domain, or `kpasswd`.',
  },
  KDC_ERR_PREAUTH_FAILED: {
    text: 'The password, or the key in the keytab, is wrong.',
    hint: 'Check the user name, the realm and the keyboard layout. A keytab is wrong when the key was changed after it was exported.',
  },
  KDC_ERR_PREAUTH_REQUIRED: {
    text: 'The KDC demands preauthentication, and does not accept the one it was given.',
    hint: BUG,
  },
  KDC_ERR_SERVER_NOMATCH: { text: 'The tickets of the request do not belong to each other.', hint: BUG },
  KDC_ERR_MUST_USE_USER2USER: {
    text: 'This service takes user-to-user tickets alone.',
    hint: 'Give the service an account of its own with a random key, and ask for that.',
  },
  KDC_ERR_PATH_NOT_ACCEPTED: {
    text: 'The KDC does not accept the realms that lie between the client and the service.',
    hint: 'Declare the path (capaths) at the KDC of the service, or make a trust that is more direct.',
  },
  KDC_ERR_SVC_UNAVAILABLE: {
    text: 'The KDC cannot answer at the moment.',
    hint: 'Try again later; look into the log of the KDC if it lasts.',
  },
  KRB_AP_ERR_BAD_INTEGRITY: {
    text: 'The KDC cannot open what it was sent.',
    hint: 'In a trust: the two sides have different secrets, or a key was made with the wrong salt. Otherwise the password or the keytab is wrong.',
  },
  KRB_AP_ERR_TKT_EXPIRED: { text: 'The ticket has expired.', hint: `${LOG_IN} ${CLOCKS}` },
  KRB_AP_ERR_TKT_NYV: {
    text: 'The ticket is not valid yet.',
    hint: `${CLOCKS} A postdated ticket must be validated first.`,
  },
  KRB_AP_ERR_REPEAT: { text: 'The request was seen before.', hint: 'Try again.' },
  KRB_AP_ERR_NOT_US: {
    text: 'The ticket is not for this server.',
    hint: 'Check that the host name leads to the machine that is meant.',
  },
  KRB_AP_ERR_BADMATCH: { text: 'The ticket and what came with it name different clients.', hint: LOG_IN },
  KRB_AP_ERR_SKEW: {
    text: 'The clocks of this machine and of the KDC are too far apart.',
    hint: CLOCKS,
  },
  KRB_AP_ERR_BADADDR: {
    text: 'The ticket may not be used from this network address.',
    hint: 'Get a ticket without addresses.',
  },
  KRB_AP_ERR_BADVERSION: { text: 'The server does not speak version 5 of Kerberos.' },
  KRB_AP_ERR_MSG_TYPE: { text: 'The server did not expect this type of message.', hint: BUG },
  KRB_AP_ERR_MODIFIED: {
    text: 'The message was changed on its way, or made with another key than the one of the server.',
    hint: TICKET_SERVICE,
  },
  KRB_AP_ERR_BADORDER: { text: 'Messages arrived in the wrong order.', hint: 'Try again.' },
  KRB_AP_ERR_BADKEYVER: {
    text: 'The ticket was made with another version of the key than the server has.',
    hint: TICKET_SERVICE,
  },
  KRB_AP_ERR_NOKEY: { text: 'The server does not have the key of the ticket.', hint: TICKET_SERVICE },
  KRB_AP_ERR_MUT_FAIL: {
    text: 'The server could not prove who it is.',
    hint: 'Check that the host name leads to the machine that is meant.',
  },
  KRB_AP_ERR_BADDIRECTION: { text: 'A message came back to its sender.', hint: BUG },
  KRB_AP_ERR_METHOD: { text: 'The server wants another way of authentication.' },
  KRB_AP_ERR_BADSEQ: { text: 'A message has the wrong sequence number.', hint: 'Try again.' },
  KRB_AP_ERR_INAPP_CKSUM: { text: 'The request has no checksum of a type that the KDC accepts.', hint: BUG },
  KRB_AP_PATH_NOT_ACCEPTED: {
    text: 'The server does not accept the realms that the ticket passed through.',
    hint: 'Declare the path (capaths) at the KDC of the service, or make a trust that is more direct.',
  },
  KRB_ERR_RESPONSE_TOO_BIG: {
    text: 'The answer is too long for UDP.',
    hint: 'Open TCP port 88 between this machine and the KDC.',
  },
  KRB_ERR_GENERIC: {
    text: 'The KDC reports an error that has no number of its own.',
    hint: 'The log of the KDC says more.',
  },
  KRB_ERR_FIELD_TOOLONG: { text: 'The request is too long for the KDC.' },
  KDC_ERR_WRONG_REALM: {
    text: 'The account belongs to another realm.',
    hint: 'Log in with the name of that realm.',
  },
};
