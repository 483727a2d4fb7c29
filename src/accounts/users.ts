import { equalConstantTime } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import { nowSeconds, type Seconds } from '../base/ports.ts';
import { accountName } from '../realm/account-name.ts';
import { currentKeys, type Principal, type PrincipalKey } from '../realm/principal.ts';
import type { Right } from '../realm/right.ts';
import { type Accounts, ofKind, refuseTaken, typedName } from './accounts.ts';
import { type NewKey, nextKvno, passwordKeys, withKvno } from './keys.ts';
import { checkUserPassword } from './password.ts';

export interface NewUser {
  readonly name: string;
  readonly password: string;
  /** Left out: the user can log in, and may do nothing. */
  readonly right?: Right | undefined;
  /** Account expiry. */
  readonly expires?: Seconds | undefined;
  /** The password is good for nothing but to be changed. */
  readonly mustChange?: boolean;
}

/** Creates a user. Throws `RealmwardError` `bad-name`, `reserved-name`, `exists`, `bad-password`. */
export async function createUser(accounts: Accounts, user: NewUser): Promise<Principal> {
  const name = accountName(user.name, 'user', accounts.realm);
  checkUserPassword(accounts, name, user.password);
  await refuseTaken(accounts, name);
  const keys = await passwordKeys(accounts, name, user.password);
  return accounts.principals.add({
    name,
    kind: 'user',
    right: user.right,
    expires: user.expires,
    passwordExpires: mustChangeTime(user),
    passwordChanged: nowSeconds(accounts.clock),
    keys: withKvno(keys, 1),
  });
}

/**
 * Gives a user a new password, with the next kvno. The old keys go: nothing but the user's own logins is encrypted with them. With `another` it
 * must not be the one that the user has: a password that must be changed is not changed by that. Throws `RealmwardError` `not-found`,
 * `wrong-kind`, `bad-password`, `same-password`.
 */
export async function setPassword(
  accounts: Accounts,
  text: string,
  password: string,
  options: { mustChange?: boolean; another?: boolean } = {},
): Promise<Principal> {
  const name = typedName(accounts, text);
  checkUserPassword(accounts, name, password);
  // Making keys takes 30 ms: not for an account that is not there, or must not have a password.
  const found = await accounts.principals.find(name);
  if (found !== undefined) ofKind(found, 'user');
  const keys = found === undefined ? [] : await passwordKeys(accounts, name, password);
  return accounts.principals.change(name, (current) => {
    const next = nextKvno(ofKind(current, 'user'));
    if (options.another === true && areSamePassword(currentKeys(current), keys)) {
      throw new RealmwardError('same-password', 'the new password is the one that the account has already', {
        hint: 'Choose another one.',
      });
    }
    return {
      keys: withKvno(keys, next),
      passwordChanged: nowSeconds(accounts.clock),
      passwordExpires: mustChangeTime(options),
    };
  });
}

/** Makes the user's password good for nothing but to be changed, or takes that back. Throws `RealmwardError` `not-found`, `wrong-kind`. */
export async function requirePasswordChange(
  accounts: Accounts,
  text: string,
  mustChange: boolean,
): Promise<Principal> {
  return accounts.principals.change(typedName(accounts, text), (current) => {
    ofKind(current, 'user');
    return { passwordExpires: mustChangeTime({ mustChange }) };
  });
}

/** Changes what the user may do; `undefined`: nothing. Throws `RealmwardError` `not-found`, `wrong-kind`. */
export async function setRight(
  accounts: Accounts,
  text: string,
  right: Right | undefined,
): Promise<Principal> {
  return accounts.principals.change(typedName(accounts, text), (current) => {
    ofKind(current, 'user');
    return { right };
  });
}

/** Whether some of the keys were made alike, and so of one password. Keys made otherwise, of imported accounts, do not tell. */
function areSamePassword(current: readonly PrincipalKey[], next: readonly NewKey[]): boolean {
  return next.some(({ key, salt }) =>
    current.some(
      (other) =>
        other.key.etype === key.etype && other.salt === salt && equalConstantTime(other.key.bytes, key.bytes),
    ),
  );
}

/** `passwordExpires` of a password that must be changed at once, or that stays good. */
function mustChangeTime({ mustChange }: { mustChange?: boolean }): Seconds | undefined {
  return mustChange === true ? 0 : undefined;
}
