import { existsSync } from 'node:fs';
import { ensureRealmPrincipals } from '../../accounts/realm-principals.ts';
import { ensureRealmSid } from '../../accounts/realm-sid.ts';
import { createService } from '../../accounts/services.ts';
import type { TrustAccounts } from '../../accounts/trusts.ts';
import { createUser } from '../../accounts/users.ts';
import type { Accounts } from '../../accounts/accounts.ts';
import { RealmwardError } from '../../base/errors.ts';
import type { Clock, Logger } from '../../base/ports.ts';
import { parseSid, type Sid } from '../../base/sid.ts';
import { createCrypto, type Crypto } from '../../crypto/crypto.ts';
import { nodeCrypto, nodePrimitives } from '../../crypto/node.ts';
import { dataFile } from '../../store/data-dir.ts';
import { openStore, type Store } from '../../store/open.ts';
import type { Config } from '../config/load.ts';
import { applyTrusts, missingTrusts } from './trusts.ts';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A realm's store, open, for the server or for a command beside it. */
export interface Realm {
  readonly config: Config;
  /** The store was not there before. */
  readonly created: boolean;
  readonly store: Store;
  readonly accounts: Accounts & TrustAccounts;
  close(): Promise<void>;
}

/** The machine's clock. Milliseconds are its resolution: a monotonic source of microseconds would not follow when the clock is set. */
export const systemClock: Clock = { microseconds: () => Date.now() * 1000 };

/** For the keys of trusts, and for nothing else: with RC4, which only a trust that names it has a key of (docs/decisions/0013). */
export const trustCrypto: Crypto = createCrypto(nodePrimitives, { rc4: true });

/** Opens the store that the configuration names, made where it is missing. Throws as `openStore`. */
export async function openRealm(
  config: Config,
  options: { readonly environment: Environment; readonly log: Logger },
): Promise<Realm> {
  const { realm, data, policy, lockout } = config;
  const created = !existsSync(dataFile.store(data));
  const store = await openStore({ data, realm, lockout, ...options });
  const accounts: Accounts & TrustAccounts = {
    realm,
    principals: store.principals,
    trusts: store.trusts,
    crypto: nodeCrypto,
    trustCrypto,
    clock: systemClock,
    etypes: policy.etypes,
    passwordLength: config.passwordLength,
  };
  return { config, created, store, accounts, close: () => store.close() };
}

/** What `prepareRealm` did: mostly what it made because it was missing. */
export interface Prepared {
  readonly sid: Sid;
  /** How many of krbtgt, kadmin/changepw and the services of the HTTPS server. */
  readonly realmPrincipals: number;
  readonly users: readonly string[];
  readonly services: readonly string[];
  readonly trusts: readonly string[];
  /** Trusts that existed, and whose settings were brought to what the configuration says. */
  readonly changedTrusts: readonly string[];
}

/**
 * Makes what the realm needs and what the configuration declares, where it is missing. Of what exists no secret is read, and nothing is touched
 * but the settings of trusts, which are what the configuration says. Throws `RealmwardError` `other-sid`, `no-secret`, `bad-password`, `bad-trust`,
 * `exists` (a name that differs from an existing one in letter case alone).
 */
export async function prepareRealm(realm: Realm, environment: Environment): Promise<Prepared> {
  const { config, accounts } = realm;
  const declared = [...config.users, ...config.services].map(({ name }) => name);
  const existing = await accounts.principals.taken(declared);
  const missing = ({ name }: { name: string }): boolean => existing.get(name) !== name;
  // All of them first: a secret that cannot be read should leave nothing half done.
  const users = config.users
    .filter(missing)
    .map(({ name, right, password }) => ({ name, right, password: password.read(environment) }));
  const services = config.services.filter(missing);
  const trusts = await missingTrusts(accounts, config.trusts, environment);

  const sid = await realmSid(realm);
  const realmPrincipals = await ensureRealmPrincipals(accounts, config.https?.names);
  const made: string[] = [];
  const make = async (name: string, creation: Promise<unknown>): Promise<void> => {
    try {
      await creation;
      made.push(name);
    } catch (error) {
      // Another process may have made the same account at the same moment.
      if ((await accounts.principals.find(name)) === undefined) throw whose(name, error);
    }
  };
  for (const user of users) await make(user.name, createUser(accounts, user));
  for (const service of services) await make(service.name, createService(accounts, service));
  const { made: madeTrusts, changed } = await applyTrusts(accounts, sid, config.trusts, trusts);
  const wereMade = ({ name }: { name: string }): boolean => made.includes(name);
  return {
    sid,
    realmPrincipals,
    users: users.filter(wereMade).map(({ name }) => name),
    services: services.filter(wereMade).map(({ name }) => name),
    trusts: madeTrusts,
    changedTrusts: changed,
  };
}

/** Of several passwords, which one cannot be. */
function whose(name: string, error: unknown): unknown {
  if (!(error instanceof RealmwardError) || error.code !== 'bad-password') return error;
  const { code, message, hint = '' } = error;
  return new RealmwardError(code, `the user ${name} of the configuration cannot be made: ${message}`, {
    hint,
  });
}

/** The realm's SID: the one the configuration states, else the one that was made at the first start. Throws `RealmwardError` `other-sid`. */
export async function realmSid({ config, store }: Pick<Realm, 'config' | 'store'>): Promise<Sid> {
  const { sid, data } = config;
  const { settings } = store;
  if (sid === undefined) return ensureRealmSid(settings, nodeCrypto);
  const kept = parseSid(await settings.once('sid', sid));
  if (kept === sid) return sid;
  throw new RealmwardError(
    'other-sid',
    `the store in ${data} belongs to the realm's SID ${kept}, and the configuration says ${sid}`,
    {
      hint: 'Correct sid in the configuration or leave it out. A realm keeps its SID: rights in tickets and accounts on devices depend on it.',
    },
  );
}
