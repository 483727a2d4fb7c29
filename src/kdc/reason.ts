import type { ReasonRow } from '../realm/reason.ts';
import { ErrorCode } from '../spec/error-codes.ts';

/** Why the KDC issues no ticket: what every reason says, and the error that tells the client. */
export interface KdcReasonRow extends ReasonRow {
  /** Error code of the KRB-ERROR that the client gets; `undefined`: the request is dropped without an answer. */
  readonly wire: number | undefined;
}

const PASSWORD_TOLD = 'The password is wrong, or the account does not exist.';

/**
 * Every reason for which the KDC does not issue a ticket. The one place that ties a reason to its error code, its log line and its
 * sentence; `docs/events.md` is generated from it.
 */
export const REASONS = {
  'preauth-required': {
    wire: ErrorCode.KDC_ERR_PREAUTH_REQUIRED,
    level: 'info',
    text: 'Preauthentication is required.',
    hint: 'Nothing: each login begins so, and the client goes on by itself.',
  },
  'wrong-password': {
    wire: ErrorCode.KDC_ERR_PREAUTH_FAILED,
    level: 'info',
    text: 'The password or key is wrong.',
    told: PASSWORD_TOLD,
    hint: 'Type the password again; for a keytab, export it anew, its key may have been replaced.',
  },
  'unknown-client': {
    wire: ErrorCode.KDC_ERR_PREAUTH_FAILED,
    level: 'info',
    text: 'The client does not exist.',
    told: PASSWORD_TOLD,
    hint: 'Check the spelling and the case of the name; `realmward user list` shows who exists.',
  },
  'unknown-client-revealed': {
    wire: ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN,
    level: 'info',
    text: 'The client does not exist.',
    hint: 'Check the spelling and the case of the name; `realmward user list` shows who exists.',
  },
  'malformed-preauth': {
    wire: ErrorCode.KDC_ERR_PREAUTH_FAILED,
    level: 'info',
    text: 'The preauthentication data cannot be read.',
    told: PASSWORD_TOLD,
    hint: 'The client is faulty, or the request was changed on its way.',
  },
  'preauth-skew': {
    wire: ErrorCode.KRB_AP_ERR_SKEW,
    level: 'info',
    text: "The client's clock differs too much from the server's.",
    hint: 'Set the clock of the client; both sides should ask the same time servers.',
  },
  'client-disabled': {
    wire: ErrorCode.KDC_ERR_CLIENT_REVOKED,
    level: 'info',
    text: 'The account is disabled.',
    hint: '`realmward user enable NAME` switches it on again.',
  },
  'client-locked': {
    wire: ErrorCode.KDC_ERR_CLIENT_REVOKED,
    level: 'warn',
    text: 'The account is locked for a while after too many wrong passwords.',
    hint: 'Wait, or let an administrator run `realmward user enable NAME`.',
  },
  throttled: {
    wire: ErrorCode.KDC_ERR_CLIENT_REVOKED,
    level: 'warn',
    text: 'Too many wrong passwords came from this address, or were tried for this name.',
    hint: 'Wait. Where it is no attack, look for a device or script with an old password; policy.throttle has the limits.',
  },
  'client-expired': {
    wire: ErrorCode.KDC_ERR_NAME_EXP,
    level: 'info',
    text: 'The account has expired.',
    hint: '`realmward user set NAME --expires WHEN` prolongs it.',
  },
  'password-expired': {
    wire: ErrorCode.KDC_ERR_KEY_EXPIRED,
    level: 'info',
    text: 'The password has expired and must be changed.',
    hint: 'Change it, or let an administrator run `realmward user password NAME`.',
  },
  'join-only': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'This account may join devices to the realm and nothing else.',
    hint: 'Log in with an account that has the right Administrator or Viewer.',
  },
  'wrong-version': {
    wire: ErrorCode.KDC_ERR_BAD_PVNO,
    level: 'info',
    text: 'The request is of another version of Kerberos than 5.',
    hint: 'Kerberos 4 and others are not spoken: the client is too old, or faulty.',
  },
  'wrong-realm': {
    wire: ErrorCode.KDC_ERR_WRONG_REALM,
    level: 'info',
    text: 'This server does not serve the realm that was asked for.',
    hint: "Realm names are case-sensitive; check default_realm and [realms] in the client's krb5.conf.",
  },
  'no-client-name': {
    wire: ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN,
    level: 'info',
    text: 'The request names no client.',
    hint: 'The client is faulty.',
  },
  'no-server-name': {
    wire: ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN,
    level: 'info',
    text: 'The request names no service.',
    hint: 'The client is faulty.',
  },
  'unknown-server': {
    wire: ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN,
    level: 'info',
    text: 'The realm has no service of that name.',
    hint: 'Check the spelling; `realmward service list` shows which exist, `realmward service add NAME` makes one.',
  },
  'server-is-user': {
    wire: ErrorCode.KDC_ERR_MUST_USE_USER2USER,
    level: 'info',
    text: 'A user is no service: only user-to-user authentication reaches it.',
    hint: 'Ask for the ticket with the ticket-granting ticket of that user (kvno --u2u).',
  },
  'server-disabled': {
    wire: ErrorCode.KDC_ERR_SERVICE_REVOKED,
    level: 'info',
    text: 'The service is disabled.',
    hint: '`realmward service list` shows its state.',
  },
  'server-expired': {
    wire: ErrorCode.KDC_ERR_SERVICE_EXP,
    level: 'info',
    text: 'The service has expired.',
    hint: '`realmward service list` shows its state.',
  },
  'server-without-keys': {
    wire: ErrorCode.KDC_ERR_NULL_KEY,
    level: 'warn',
    text: 'The service has no key of an encryption type that the realm uses.',
    hint: 'Give it new keys with `realmward service rekey NAME` and export its keytab again.',
  },
  'initial-ticket-required': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'info',
    text: 'Tickets for this service are given against the password alone, never against another ticket.',
    hint: 'Ask with the password, as kpasswd does.',
  },
  'no-common-etype': {
    wire: ErrorCode.KDC_ERR_ETYPE_NOSUPP,
    level: 'info',
    text: 'Client and realm have no encryption type in common.',
    hint: "Compare permitted_enctypes in the client's krb5.conf with policy.etypes.",
  },
  'option-refused': {
    wire: ErrorCode.KDC_ERR_BADOPTION,
    level: 'info',
    text: 'The request asks for an option that this ticket or exchange does not allow.',
    hint: 'Ask for a ticket that is forwardable, proxiable, renewable or postdatable in the first place (kinit -f, -p, -r).',
  },
  'cannot-postdate': {
    wire: ErrorCode.KDC_ERR_CANNOT_POSTDATE,
    level: 'info',
    text: 'The ticket would start in the future, and no postdated ticket was asked for or allowed.',
    hint: "Check the client's clock; for a postdated ticket use kinit -s.",
  },
  'never-valid': {
    wire: ErrorCode.KDC_ERR_NEVER_VALID,
    level: 'info',
    text: 'The ticket would end before it begins.',
    hint: 'Ask for a longer lifetime, and check the clocks.',
  },
  's4u-refused': {
    wire: ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP,
    level: 'info',
    text: 'Tickets on behalf of another user (S4U2Self) are not issued by this realm.',
    hint: 'Let the user log in.',
  },
  'no-tgs-ticket': {
    wire: ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP,
    level: 'info',
    text: 'The request carries no ticket-granting ticket.',
    hint: 'The client is faulty.',
  },
  'malformed-tgs-ticket': {
    wire: ErrorCode.KRB_AP_ERR_MODIFIED,
    level: 'info',
    text: 'The request’s ticket or authenticator cannot be read.',
    hint: 'The client is faulty, or the request was changed on its way.',
  },
  'not-our-ticket': {
    wire: ErrorCode.KRB_AP_ERR_NOT_US,
    level: 'info',
    text: 'The ticket was not issued for this ticket-granting service.',
    hint: 'Log in again.',
  },
  'unknown-ticket-key': {
    wire: ErrorCode.KRB_AP_ERR_BADKEYVER,
    level: 'info',
    text: 'The ticket was made with a key that this realm no longer has.',
    hint: 'Log in again.',
  },
  'ticket-integrity': {
    wire: ErrorCode.KRB_AP_ERR_BAD_INTEGRITY,
    level: 'warn',
    text: 'The ticket does not open with the key of this realm: it was changed or forged.',
    hint: 'Log in again; when it happens again, look at who sends it.',
  },
  'authenticator-integrity': {
    wire: ErrorCode.KRB_AP_ERR_BAD_INTEGRITY,
    level: 'warn',
    text: 'The authenticator does not open with the session key of the ticket.',
    hint: 'The ticket may be in the hands of someone who does not have its key.',
  },
  'authenticator-mismatch': {
    wire: ErrorCode.KRB_AP_ERR_BADMATCH,
    level: 'warn',
    text: 'Ticket and authenticator name different clients.',
    hint: 'The client is faulty, or somebody tampers with requests.',
  },
  'no-body-checksum': {
    wire: ErrorCode.KRB_AP_ERR_INAPP_CKSUM,
    level: 'info',
    text: 'The authenticator has no checksum of the request, or one of a type that its key does not make.',
    hint: 'Use a client that protects its requests as RFC 4120 section 5.5.1 asks.',
  },
  'body-checksum-wrong': {
    wire: ErrorCode.KRB_AP_ERR_MODIFIED,
    level: 'warn',
    text: 'The request was changed after its checksum was made.',
    hint: 'Somebody between client and server may be tampering with requests.',
  },
  'request-skew': {
    wire: ErrorCode.KRB_AP_ERR_SKEW,
    level: 'info',
    text: "The client's clock differs too much from the server's.",
    hint: 'Set the clock of the client; both sides should ask the same time servers.',
  },
  'ticket-expired': {
    wire: ErrorCode.KRB_AP_ERR_TKT_EXPIRED,
    level: 'info',
    text: 'The ticket has expired.',
    hint: 'Log in again.',
  },
  'ticket-not-yet-valid': {
    wire: ErrorCode.KRB_AP_ERR_TKT_NYV,
    level: 'info',
    text: 'The ticket is not valid yet.',
    hint: 'Wait for its start, then have it validated (kinit -v).',
  },
  'wrong-address': {
    wire: ErrorCode.KRB_AP_ERR_BADADDR,
    level: 'warn',
    text: 'The ticket is bound to other network addresses than the one it came from.',
    hint: 'Ask for tickets without addresses (noaddresses = true), which is the default.',
  },
  'renewal-ended': {
    wire: ErrorCode.KRB_AP_ERR_TKT_EXPIRED,
    level: 'info',
    text: 'The ticket can be renewed no longer.',
    hint: 'Log in again.',
  },
  'ticket-not-as-issued': {
    wire: ErrorCode.KDC_ERR_TGT_REVOKED,
    level: 'warn',
    text: 'The ticket opens with our key, but this realm would not have issued it.',
    hint: 'If policy was just made stricter, log in again; otherwise treat the krbtgt key as stolen: `realmward krbtgt rotate`.',
  },
  'pac-missing': {
    wire: ErrorCode.KDC_ERR_TGT_REVOKED,
    level: 'warn',
    text: 'The ticket carries no PAC, and every ticket of this realm does.',
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'foreign-pac-missing': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'A ticket-granting ticket of a trusted Active Directory realm carries no PAC.',
    hint: 'Only the PAC tells which account it is for. Look at the account in that domain (NO_AUTH_DATA_REQUIRED), or the trust is of kind mit.',
  },
  'pac-malformed': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The ticket's PAC cannot be read.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-no-logon-info': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The ticket's PAC lacks LOGON_INFO.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-no-client-info': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The ticket's PAC lacks CLIENT_INFO.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-no-requester-sid': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The ticket's PAC lacks REQUESTER_SID, so it does not say which account asked for it.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-no-signature': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The ticket's PAC lacks a signature that it must have.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-signature-type': {
    wire: ErrorCode.KDC_ERR_TGT_REVOKED,
    level: 'warn',
    text: "A signature of the ticket's PAC is unkeyed, or not of the type that goes with its key.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-server-signature': {
    wire: ErrorCode.KDC_ERR_TGT_REVOKED,
    level: 'warn',
    text: "The server signature of the ticket's PAC is wrong.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-kdc-signature': {
    wire: ErrorCode.KDC_ERR_TGT_REVOKED,
    level: 'warn',
    text: "The KDC signature of the ticket's PAC is wrong.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-ticket-signature': {
    wire: ErrorCode.KDC_ERR_TGT_REVOKED,
    level: 'warn',
    text: "The ticket signature of the ticket's PAC is wrong.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-full-signature': {
    wire: ErrorCode.KDC_ERR_TGT_REVOKED,
    level: 'warn',
    text: "The full signature of the ticket's PAC is wrong.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-client-name': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The PAC's CLIENT_INFO names another client than the ticket.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-client-time': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The PAC's CLIENT_INFO has another time than the ticket.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-account-name': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The ticket's client is neither the account nor the UPN in its PAC.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-sam-name': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'The PAC has two different account names.',
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-realm': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The PAC belongs to another domain than the ticket's client.",
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-sid': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'The SIDs in the PAC do not agree with one another or with the account.',
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-domain-sid': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The PAC's account belongs to a domain whose SID the trust does not name.",
    hint: 'Compare domainSid and netbios of the trust with what the other realm says of itself.',
  },
  'pac-domain-name': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: "The PAC's domain has another NETBIOS name than the trust.",
    hint: 'Compare domainSid and netbios of the trust with what the other realm says of itself.',
  },
  'pac-own-domain': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'A foreign PAC claims an account of this realm.',
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'pac-own-resource-groups': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'A foreign PAC claims groups of this realm.',
    hint: 'Log in again; when it happens again, treat the key that made the ticket as stolen (`realmward krbtgt rotate`, or `realmward trust rotate REALM` for the key of a trust).',
  },
  'client-gone': {
    wire: ErrorCode.KDC_ERR_TGT_REVOKED,
    level: 'warn',
    text: 'The ticket’s client no longer exists, or its name belongs to another account by now.',
    hint: 'Log in again.',
  },
  'foreign-client': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'The ticket’s client belongs to a realm that this realm does not trust.',
    hint: 'Log in with an account of this realm.',
  },
  'foreign-claims-own-client': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'A trusted realm issued a ticket that names a client of this realm.',
    hint: 'Only this realm speaks for its own users; ask the other side how that ticket came about.',
  },
  'trust-one-way': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'warn',
    text: 'The trust with that realm does not go in this direction.',
    hint: '`realmward trust show REALM` explains the direction; for users who come to us it must be inbound or both.',
  },
  'trust-secret': {
    wire: ErrorCode.KRB_AP_ERR_BAD_INTEGRITY,
    level: 'warn',
    text: 'The ticket of the trusted realm does not open with the secret of the trust.',
    hint: 'Set the same secret on both sides (`realmward trust rotate REALM`); realm names are case-sensitive and part of the key.',
  },
  'trust-wrong-side': {
    wire: ErrorCode.KRB_AP_ERR_BAD_INTEGRITY,
    level: 'warn',
    text: 'The ticket of the trusted realm was made with the key of the other direction of the trust.',
    hint: 'The secret is right; the other side uses the salt of krbtgt/THEM@US for its own tickets. See docs/active-directory.md.',
  },
  'trust-etype': {
    wire: ErrorCode.KDC_ERR_ETYPE_NOSUPP,
    level: 'warn',
    text: 'The ticket of the trusted realm has an encryption type that the trust does not name.',
    hint: 'Switch AES on at the other side: on Windows the box "The other domain supports Kerberos AES Encryption" of the trust.',
  },
  'trust-session-key': {
    wire: ErrorCode.KDC_ERR_ETYPE_NOSUPP,
    level: 'warn',
    text: 'The trusted realm made not only its ticket with RC4, as the trust allows, but the session key in it, too.',
    hint: 'Let AD use AES session keys: msDS-SupportedEncryptionTypes of the trust object 36 instead of 4; or, better, AES altogether.',
  },
  'path-not-accepted': {
    wire: ErrorCode.KDC_ERR_PATH_NOT_ACCEPTED,
    level: 'warn',
    text: 'The ticket has passed through realms that this realm does not accept on that path.',
    hint: "List the realms behind a trusted one in the trust's `transits`.",
  },
  'trust-not-transitive': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'info',
    text: 'A user of a trusted realm may not go on from here to another one.',
    hint: 'Where that is wanted, both trusts need `transitive: true`; else let the two realms trust each other.',
  },
  'client-referral': {
    wire: ErrorCode.KDC_ERR_WRONG_REALM,
    level: 'info',
    text: 'The client belongs to a trusted realm and is referred to it.',
    hint: 'Nothing: the client asks there by itself.',
  },
  'second-ticket-missing': {
    wire: ErrorCode.KDC_ERR_BADOPTION,
    level: 'info',
    text: 'User-to-user authentication needs the ticket-granting ticket of the other user.',
    hint: 'The client is faulty.',
  },
  'second-ticket-mismatch': {
    wire: ErrorCode.KDC_ERR_SERVER_NOMATCH,
    level: 'warn',
    text: 'The additional ticket does not belong to the user whom the request names as its server.',
    hint: 'Ask with the ticket-granting ticket of that very user.',
  },
  'authorization-data-refused': {
    wire: ErrorCode.KDC_ERR_POLICY,
    level: 'info',
    text: 'The authorization data of the request cannot be read, or demands what this server does not know.',
    hint: 'The client is faulty, or needs a feature that this server lacks.',
  },
  'response-too-big': {
    wire: ErrorCode.KRB_ERR_RESPONSE_TOO_BIG,
    level: 'info',
    text: 'The reply is too large for UDP.',
    hint: 'Nothing: the client asks again over TCP by itself.',
  },
  'request-too-long': {
    wire: ErrorCode.KRB_ERR_FIELD_TOOLONG,
    level: 'info',
    text: 'The request is longer than this server accepts.',
    hint: 'The client is faulty, or does not speak Kerberos.',
  },
  'malformed-request': {
    wire: ErrorCode.KRB_ERR_GENERIC,
    level: 'info',
    text: 'The request is not a well-formed Kerberos message.',
    hint: 'The client is faulty; `realmward decode` shows what is wrong with a captured request.',
  },
  'not-a-request': {
    wire: undefined,
    level: 'info',
    text: 'The message is no request to a KDC.',
    hint: 'Something else than a Kerberos client sends to this port.',
  },
  'internal-error': {
    wire: ErrorCode.KRB_ERR_GENERIC,
    level: 'warn',
    text: 'The server failed to work on the request.',
    hint: 'The log line has the particulars; please report it.',
  },
} as const satisfies Record<string, KdcReasonRow>;

/** A stable code of why a request was refused. */
export type ReasonCode = keyof typeof REASONS;

/** The row of `reason`. */
export function reasonRow(reason: ReasonCode): KdcReasonRow {
  return REASONS[reason];
}
