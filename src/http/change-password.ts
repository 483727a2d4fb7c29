import { changePassword, type ClientContext, nameOf, PasswordRefused } from '../client/index.ts';
import { KpasswdResult } from '../spec/kpasswd.ts';
import { accountClient } from './account-client.ts';
import type { AttemptGuard, GuardedAccount, Identify, Judged } from './attempt-guard.ts';
import type { Gate } from './gate.ts';
import type { PasswordChange, PasswordChanged, PasswordChanger } from './password-proof.ts';
import { judgedError, withDeadline } from './prove-password.ts';

export interface PasswordChangerOptions {
  /** The same as for logins: a wrong password counts once, wherever it was typed. */
  readonly guard: AttemptGuard;
  readonly keys: Gate;
  /** Our realm. */
  readonly realm: string;
  /** As for `createPasswordProver`. */
  readonly client: (address: string) => ClientContext;
}

/** Changes passwords at the person's own realm (RFC 3244). */
export function createPasswordChanger(options: PasswordChangerOptions): PasswordChanger {
  const { guard } = options;
  return {
    change: (change, signal) =>
      guard.run<PasswordChanged>(
        change,
        (account, identify) => changeOnce(options, change, account, identify, withDeadline(signal)),
        signal,
      ),
  };
}

async function changeOnce(
  options: PasswordChangerOptions,
  { password, newPassword, address }: PasswordChange,
  account: GuardedAccount,
  identify: Identify,
  signal: AbortSignal,
): Promise<Judged<PasswordChanged>> {
  const { realm: own, keys } = options;
  const { context, progress } = accountClient(options.client(address), account, {
    own,
    keys,
    identify,
    signal,
  });
  const client = { realm: account.realm, name: nameOf(...account.components) };
  try {
    await changePassword(context, { client, password, newPassword, signal });
    return { result: { result: 'changed' }, outcome: 'succeeded' };
  } catch (error) {
    return error instanceof PasswordRefused
      ? { result: refusal(error), outcome: 'untried' }
      : judgedError(error, progress);
  }
}

/** The password server has said no: to this new password, or to everything. */
function refusal({ code, result, message, says, hint }: PasswordRefused): PasswordChanged {
  const told = { reason: code, detail: message };
  switch (result) {
    case KpasswdResult.SOFTERROR:
    case KpasswdResult.MALFORMED:
      return {
        ...told,
        result: 'rejected',
        message: says ?? 'It does not meet the rules for passwords.',
        hint: hint ?? 'Choose another one.',
      };
    case KpasswdResult.ACCESSDENIED:
      return {
        ...told,
        result: 'rejected',
        message: says ?? 'This account may not change its password.',
        hint: 'Ask whoever keeps the accounts to set a new one.',
      };
    default:
      return {
        ...told,
        result: 'unreachable',
        message: 'The server for passwords could not change it.',
        hint: 'Try again later. If it lasts, tell whoever runs the realm.',
      };
  }
}
