import { RealmwardError } from '../base/errors.ts';
import { ErrorCode } from '../spec/error-codes.ts';

interface ReasonRow {
  /** The KRB-ERROR code that tells the other side (RFC 4120 section 3.2.3). */
  readonly wire: number;
  readonly text: string;
  readonly hint?: string;
}

/** Why an AP-REQ or an AP-REP is refused. */
const REASONS = {
  'malformed-message': {
    wire: ErrorCode.KRB_AP_ERR_MSG_TYPE,
    text: 'This is no message of the Kerberos application exchange.',
  },
  'not-us': {
    wire: ErrorCode.KRB_AP_ERR_NOT_US,
    text: 'The ticket is for a service whose keys are not here.',
    hint: 'Compare the name that the client asks for with the names in the keytab (`klist -k`).',
  },
  'unknown-key-version': {
    wire: ErrorCode.KRB_AP_ERR_BADKEYVER,
    text: "The ticket was made with a version of the service's key that is not here.",
    hint: 'Export the keytab anew; a client with an old ticket must get a new one (`kdestroy`, then log in).',
  },
  'no-key': {
    wire: ErrorCode.KRB_AP_ERR_NOKEY,
    text: 'The service has no usable key of the encryption type of the ticket.',
    hint: 'Export the keytab with all encryption types that the realm uses for this service.',
  },
  'ticket-integrity': {
    wire: ErrorCode.KRB_AP_ERR_BAD_INTEGRITY,
    text: "The ticket does not open with the service's key.",
    hint: 'The keytab is not of the realm that issued the ticket, or its key was changed: export it anew.',
  },
  'authenticator-integrity': {
    wire: ErrorCode.KRB_AP_ERR_BAD_INTEGRITY,
    text: 'The authenticator does not open with the session key: its sender does not own the ticket.',
  },
  'client-mismatch': {
    wire: ErrorCode.KRB_AP_ERR_BADMATCH,
    text: 'The authenticator names another client than the ticket.',
  },
  'address-mismatch': {
    wire: ErrorCode.KRB_AP_ERR_BADADDR,
    text: 'The ticket may not be used from this network address.',
    hint: 'Get a ticket without addresses (`noaddresses = true`, the default of all current clients).',
  },
  'clock-skew': {
    wire: ErrorCode.KRB_AP_ERR_SKEW,
    text: 'The clocks of client and service are too far apart.',
    hint: 'Set the clocks of both; they may differ by five minutes at most unless configured otherwise.',
  },
  replay: {
    wire: ErrorCode.KRB_AP_ERR_REPEAT,
    text: 'This authenticator was seen before, or may have been.',
    hint: 'A client that sends the request anew, with a new authenticator, is served.',
  },
  'ticket-not-yet-valid': {
    wire: ErrorCode.KRB_AP_ERR_TKT_NYV,
    text: 'The ticket is not valid yet.',
    hint: 'A postdated ticket must be validated by the KDC when its time has come; otherwise set the clocks.',
  },
  'ticket-expired': {
    wire: ErrorCode.KRB_AP_ERR_TKT_EXPIRED,
    text: 'The ticket has expired.',
    hint: 'Get a new ticket: log in again, or renew.',
  },
  'path-not-checked': {
    wire: ErrorCode.KRB_AP_PATH_NOT_ACCEPTED,
    text: 'The ticket passed through other realms, and no KDC of this realm vouches for the path.',
    hint: 'The KDC of the service must check the path (flag transited-policy-checked).',
  },
  'no-checksum': {
    wire: ErrorCode.KRB_AP_ERR_INAPP_CKSUM,
    text: 'The authenticator has no keyed checksum of the type that belongs to the session key.',
  },
  'checksum-wrong': {
    wire: ErrorCode.KRB_AP_ERR_MODIFIED,
    text: 'What the authenticator was sent with was changed on its way.',
  },
  'indicator-not-proven': {
    wire: ErrorCode.KRB_AP_ERR_MODIFIED,
    text: "What the ticket says about its client is not signed with the service's key.",
    hint: 'The KDC that issued the ticket makes no svc-verifier for this service (RFC 7751), or with another key.',
  },
  'unusable-key': {
    wire: ErrorCode.KDC_ERR_ETYPE_NOSUPP,
    text: 'The session key or the subkey is of an encryption type that is not allowed here, or has the wrong length.',
  },
  'mutual-failed': {
    wire: ErrorCode.KRB_AP_ERR_MUT_FAIL,
    text: 'The answer does not prove that the service has the session key: this may be another server than the one it claims to be.',
    hint: 'Do not send this server anything. Check its address, and that its keytab is the current one.',
  },
  'refused-by-server': {
    wire: ErrorCode.KRB_ERR_GENERIC,
    text: 'The service answered with an error.',
  },
} as const satisfies Record<string, ReasonRow>;

/** The closed list of reasons. */
export type ApReason = keyof typeof REASONS;

/** What `ap/` throws: `code` is the reason, `wire` what a KRB-ERROR about it says. */
export class ApError extends RealmwardError {
  declare readonly code: ApReason;
  /** The error code of RFC 4120 section 7.5.9; of `refused-by-server` the one that the server sent. */
  readonly wire: number;

  constructor(reason: ApReason, detail?: string, wire?: number) {
    const row: ReasonRow = REASONS[reason];
    const text = detail === undefined ? row.text : `${row.text} ${detail}`;
    super(reason, text, row.hint === undefined ? {} : { hint: row.hint });
    this.wire = wire ?? row.wire;
  }
}

/** Refuses, in the place of an expression. */
export function refuse(reason: ApReason, detail?: string): never {
  throw new ApError(reason, detail);
}
