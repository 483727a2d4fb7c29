import type { Seconds } from '../base/ports.ts';
import type { PrincipalChange } from '../realm/ports.ts';
import type { Principal } from '../realm/principal.ts';
import { type Accounts, ofKind, typedName } from './accounts.ts';

/*
 * What happens to users and services alike. Each throws `RealmwardError` `bad-name`, `not-found`, and `wrong-kind` for the realm's own principals.
 */

/** The account can authenticate, and be authenticated to, again. */
export async function enableAccount(accounts: Accounts, text: string): Promise<Principal> {
  return changeAccount(accounts, text, { disabled: false });
}

/** Nobody gets tickets for or as this account; it stays, with its keys. */
export async function disableAccount(accounts: Accounts, text: string): Promise<Principal> {
  return changeAccount(accounts, text, { disabled: true });
}

/** Takes away the lock that too many failed logins brought, and forgets these. */
export async function unlockAccount(accounts: Accounts, text: string): Promise<Principal> {
  return changeAccount(accounts, text, { lockedUntil: undefined });
}

/** From when on the account is as if disabled; `undefined`: never. */
export async function setExpiry(
  accounts: Accounts,
  text: string,
  expires: Seconds | undefined,
): Promise<Principal> {
  return changeAccount(accounts, text, { expires });
}

/** Removes the account for good. Its RID is never given again. */
export async function removeAccount(accounts: Accounts, text: string): Promise<void> {
  const name = typedName(accounts, text);
  const found = await accounts.principals.find(name);
  if (found !== undefined) ofKind(found, 'user', 'service');
  await accounts.principals.remove(name);
}

async function changeAccount(accounts: Accounts, text: string, change: PrincipalChange): Promise<Principal> {
  return accounts.principals.change(typedName(accounts, text), (current) => {
    ofKind(current, 'user', 'service');
    return change;
  });
}
