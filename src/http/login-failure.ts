import { ApError } from '../ap/reason.ts';
import { RealmwardError } from '../base/errors.ts';
import { ClientError, KerberosError } from '../client/index.ts';
import type { AttemptOutcome } from '../realm/attempts.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { TicketError } from './ticket-error.ts';
import type { PasswordFailure } from './password-proof.ts';

/** How far a login had come when it failed. */
export interface LoginProgress {
  /** Our realm. */
  readonly own: string;
  /** The password's key was used: what was made with it may have reached the KDC. */
  readonly sent: boolean;
  /** The person's realm has given a ticket. */
  readonly loggedIn: boolean;
  /** Seconds by which a KDC was ahead of us when it last spoke of time. */
  readonly offset: number;
}

/** A failure as the person is told, and whether a KDC has counted it. */
export interface JudgedFailure {
  readonly failure: PasswordFailure;
  readonly outcome: AttemptOutcome;
}

/** What an error of the client means for a login; `undefined` for one that is nobody's doing but ours. */
export function judgeError(error: unknown, progress: LoginProgress): JudgedFailure | undefined {
  if (error instanceof KerberosError) return judgeKdc(error, progress);
  if (error instanceof ClientError) return judgeClient(error, progress);
  if (error instanceof ApError || error instanceof TicketError) return unproven(error);
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return judged(maybeCounted(progress), 'unreachable', new RealmwardError('deadline', error.message), {
      message: 'The servers of the realm take too long.',
      hint: 'Try again later. If it lasts, tell whoever runs the realm.',
    });
  return undefined;
}

/** Where nobody says what the realm makes of the password: it may have counted a failure once it could have received it. */
export function maybeCounted({ sent, loggedIn }: LoginProgress): AttemptOutcome {
  return sent && !loggedIn ? 'failed' : 'untried';
}

/** A KDC has refused. Who it is, is not known before its ticket has opened with our key. */
function judgeKdc(error: KerberosError, progress: LoginProgress): JudgedFailure {
  const { loggedIn, own } = progress;
  switch (error.errorCode) {
    case ErrorCode.KDC_ERR_PREAUTH_FAILED:
    case ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN:
      if (!loggedIn) return wrongPassword(error);
      break;
    case ErrorCode.KDC_ERR_KEY_EXPIRED:
      return judged('untried', 'expired_password', error, {
        message: 'The password has expired.',
        hint: 'Choose a new one, then log in with it.',
      });
    case ErrorCode.KDC_ERR_CLIENT_REVOKED:
    case ErrorCode.KDC_ERR_NAME_EXP:
    case ErrorCode.KDC_ERR_CLIENT_NOTYET:
      return judged(maybeCounted(progress), 'locked', error, {
        message: 'The account is locked, disabled or expired.',
        hint: 'Wait until the lock ends, or ask whoever keeps the accounts. Trying again and again keeps it locked.',
      });
    case ErrorCode.KRB_AP_ERR_SKEW:
    case ErrorCode.KRB_AP_ERR_TKT_NYV:
    case ErrorCode.KRB_AP_ERR_TKT_EXPIRED:
      return clockFailure(progress.offset, error);
    case ErrorCode.KRB_AP_ERR_BAD_INTEGRITY:
    case ErrorCode.KRB_AP_ERR_MODIFIED:
    case ErrorCode.KRB_AP_ERR_NOKEY:
    case ErrorCode.KRB_AP_ERR_BADKEYVER:
      // At our own KDC: the ticket that a trusted realm gave does not open with the key that we share with it.
      if (!loggedIn) return wrongPassword(error);
      if (error.realm === own) return unproven(error);
      break;
    case ErrorCode.KDC_ERR_POLICY:
      return judged(maybeCounted(progress), 'refused', error, {
        message: 'The realm does not allow this login.',
        hint: 'The account may be limited to certain hours or machines: ask whoever keeps the accounts.',
      });
    default:
  }
  return judged(maybeCounted(progress), 'unreachable', error, {
    message: 'The realm could not decide about the login.',
    hint: 'The log of the realm server says why. Try again later, or tell whoever runs it.',
  });
}

function judgeClient(error: ClientError, progress: LoginProgress): JudgedFailure {
  switch (error.code) {
    case 'wrong-key':
      return wrongPassword(error);
    case 'no-servers':
    case 'no-answer':
      return judged(maybeCounted(progress), 'unreachable', error, {
        message: 'No server of the realm answers.',
        hint: 'Try again later. If it lasts, tell whoever runs the realm.',
      });
    case 'times-mismatch':
      return clockFailure(progress.offset, error);
    default:
      // Whatever else the client finds wrong is an answer that must not be believed.
      return { ...unproven(error), outcome: maybeCounted(progress) };
  }
}

/** The person's KDC and we do not go by the same time. `offset` in seconds. */
export function clockFailure(offset: number, cause?: RealmwardError): JudgedFailure {
  const way = offset < 0 ? 'behind' : 'ahead of';
  return {
    outcome: 'untried',
    failure: {
      result: 'clock',
      offset,
      reason: cause?.code ?? 'clock-skew',
      detail: cause?.message,
      message: `The clock of the person's realm is ${Math.abs(offset)} seconds ${way} ours.`,
      hint: 'Set both clocks from a time server.',
    },
  };
}

/** One answer for a wrong password and for a name that does not exist. */
function wrongPassword(error: RealmwardError): JudgedFailure {
  return judged('failed', 'refused', error, {
    message: 'The password is wrong, or the account does not exist.',
    hint: 'Check the name, the realm and the keyboard layout.',
  });
}

/**
 * Whoever answered has not shown that it is a KDC of the realm: one that knows the password, but not our keys, comes as far as this. The
 * attempt counts as none, as no KDC of ours or theirs has seen it succeed.
 */
function unproven(error: RealmwardError): JudgedFailure {
  return {
    outcome: 'untried',
    failure: {
      result: 'refused',
      reason: 'kdc-not-proven',
      detail: `${error.code}: ${error.message}`,
      message: 'Whoever answered for the realm could not prove to be its server.',
      hint: 'Tell whoever runs the realm: its trust has wrong keys, or somebody else answers in its place.',
    },
  };
}

function judged(
  outcome: AttemptOutcome,
  result: 'refused' | 'locked' | 'expired_password' | 'unreachable',
  error: RealmwardError,
  told: { readonly message: string; readonly hint: string },
): JudgedFailure {
  return { outcome, failure: { result, reason: error.code, detail: error.message, ...told } };
}
