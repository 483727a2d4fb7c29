import { nowSeconds } from '../base/ports.ts';
import { accountName } from '../realm/account-name.ts';
import { currentKeys, type Principal } from '../realm/principal.ts';
import { type Accounts, ofKind, refuseTaken, typedName } from './accounts.ts';
import { nextKvno, randomKeys, withKvno, withoutUnneeded } from './keys.ts';

/**
 * Creates a service or a device with random keys: of the realm's etypes, or of `etypes` where the service speaks only those. Throws
 * `RealmwardError` `bad-name`, `reserved-name`, `exists`, `unsupported-etype`.
 */
export async function createService(
  accounts: Accounts,
  service: { name: string; etypes?: readonly number[] | undefined },
): Promise<Principal> {
  const name = accountName(service.name, 'service', accounts.realm);
  await refuseTaken(accounts, name);
  return accounts.principals.add({
    name,
    kind: 'service',
    passwordChanged: nowSeconds(accounts.clock),
    keys: withKvno(randomKeys(accounts, service.etypes), 1),
  });
}

/**
 * Gives a service new random keys of the next kvno, of the etypes that it has. The older ones stay as long as tickets under them may live,
 * `maxTicketLife` seconds. Throws `RealmwardError` `not-found`, `wrong-kind`.
 */
export async function rekeyService(
  accounts: Accounts,
  text: string,
  maxTicketLife: number,
): Promise<Principal> {
  return accounts.principals.change(typedName(accounts, text), (current) => {
    const etypes = currentKeys(ofKind(current, 'service')).map(({ key }) => key.etype);
    return rekeyed(accounts, current, etypes, maxTicketLife);
  });
}

/** The change that gives `current` random keys of the next kvno, and lets those go that no ticket can need. */
export function rekeyed(
  accounts: Accounts,
  current: Principal,
  etypes: readonly number[],
  maxTicketLife: number,
): Pick<Principal, 'keys' | 'passwordChanged'> {
  const now = nowSeconds(accounts.clock);
  const fresh = withKvno(randomKeys(accounts, etypes), nextKvno(current));
  return { keys: withoutUnneeded([...fresh, ...current.keys], now, maxTicketLife), passwordChanged: now };
}
