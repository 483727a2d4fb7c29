/** What the command line does to a realm's store: the functions of accounts/, and an open store to use them on. */
import { ofKind, refuseTaken, typedName } from '../accounts/accounts.ts';
import { RealmwardError } from '../base/errors.ts';
import { nowSeconds, type Seconds } from '../base/ports.ts';
import { etypeName } from '../crypto/etypes.ts';
import { accountName } from '../realm/account-name.ts';
import { parseName } from '../realm/name.ts';
import type { PrincipalSummary } from '../realm/ports.ts';
import { currentKeys, type PrincipalKind } from '../realm/principal.ts';
import { NameType } from '../spec/name-types.ts';
import type { KeytabEntry } from '../codec/keytab.ts';
import type { Realm } from './compose/realm.ts';
import { type PrincipalView, principalView } from './principal-view.ts';

export { etypesByName } from '../accounts/etypes.ts';
export { disableDevice, enableDevice, removeDevice } from '../accounts/device-life.ts';
export { createJoinToken } from '../accounts/join-tokens.ts';
export { rotateKrbtgt } from '../accounts/realm-principals.ts';
export { importUsers } from '../accounts/import-users.ts';
export { disableAccount, enableAccount, removeAccount, setExpiry, unlockAccount } from '../accounts/life.ts';
export { createService, rekeyService } from '../accounts/services.ts';
export { createUser, requirePasswordChange, setPassword, setRight } from '../accounts/users.ts';
export { openRealm, prepareRealm } from './compose/realm.ts';

/** The accounts of one kind, by name. */
export async function listAccounts(
  { accounts, config }: Realm,
  kind: PrincipalKind,
): Promise<PrincipalView[]> {
  const now = nowSeconds(accounts.clock);
  const summaries = await accounts.principals.list({ kind });
  return summaries.map((summary) => principalView(summary, config.realm, now));
}

/** One account. Throws `RealmwardError` `bad-name`, `not-found`, `wrong-kind`. */
export async function showAccount(
  { accounts, config }: Realm,
  text: string,
  kind: PrincipalKind,
): Promise<PrincipalView> {
  const summary = await findAccount({ accounts }, text);
  // Only its kind is looked at.
  ofKind({ ...summary, keys: [] }, kind);
  return principalView(summary, config.realm, nowSeconds(accounts.clock));
}

/** Throws what `createUser` would throw about the name. */
export async function checkNewUser({ accounts }: Realm, text: string): Promise<void> {
  await refuseTaken(accounts, accountName(text, 'user', accounts.realm));
}

/** Bounds a user's or service's own tickets; a field left out stays, `undefined`: the realm's bound. Throws as `showAccount`. */
export async function setTicketLimits(
  { accounts }: Pick<Realm, 'accounts'>,
  text: string,
  limits: { maxLife?: Seconds | undefined; maxRenew?: Seconds | undefined },
): Promise<void> {
  await accounts.principals.change(typedName(accounts, text), (current) => {
    ofKind(current, 'user', 'service');
    return limits;
  });
}

/**
 * The current keys of a user or service as keytab entries, of the etypes named or all. Throws `RealmwardError` `bad-name`, `not-found`,
 * `no-keys`, and `wrong-kind` for the realm's own principals, whose keys nobody but its servers may have.
 */
export async function keytabEntries(
  { accounts, config }: Realm,
  text: string,
  etypes: readonly number[] | undefined,
): Promise<KeytabEntry[]> {
  const name = typedName(accounts, text);
  const principal = await accounts.principals.find(name);
  if (principal === undefined) throw notFound(name);
  const keys = currentKeys(ofKind(principal, 'user', 'service')).filter(
    ({ key }) => etypes?.includes(key.etype) ?? true,
  );
  if (keys.length === 0) {
    const why = etypes === undefined ? 'no keys' : `no key of ${etypes.map(etypeName).join(', ')}`;
    throw new RealmwardError('no-keys', `"${name}" has ${why}`, {
      hint: 'Nothing was exported. "service rekey" or "user password" makes new keys.',
    });
  }
  const timestamp = nowSeconds(accounts.clock);
  const components = { nameType: NameType.PRINCIPAL, nameString: parseName(name) };
  return keys.map(({ kvno, key }) => ({ realm: config.realm, name: components, timestamp, kvno, key }));
}

/** How long a ticket of this realm may be in use: its longest lifetime, and the clock skew that is forgiven at its end. */
export function maxTicketLife({ config }: Realm): Seconds {
  return config.policy.maxLife + config.policy.clockSkew;
}

async function findAccount({ accounts }: Pick<Realm, 'accounts'>, text: string): Promise<PrincipalSummary> {
  const name = typedName(accounts, text);
  const summary = await accounts.principals.summary(name);
  if (summary === undefined) throw notFound(name);
  return summary;
}

function notFound(name: string): RealmwardError {
  return new RealmwardError('not-found', `the realm has no principal "${name}"`, {
    hint: 'Names are case-sensitive; "realmward user list" and "realmward service list" show those that exist.',
  });
}
