import { RealmwardError } from '../base/errors.ts';
import { nowSeconds } from '../base/ports.ts';
import { accountName } from '../realm/account-name.ts';
import { formatName } from '../realm/name.ts';
import type { Accounts } from './accounts.ts';
import { randomKeys, withKvno } from './keys.ts';
import { rekeyed } from './services.ts';

/** Canonical name of the principal whose keys seal the realm's ticket-granting tickets. */
export function krbtgtName(realm: string): string {
  return formatName(['krbtgt', realm]);
}

/** The service that passwords are changed at (RFC 3244). */
export const KADMIN_CHANGEPW = 'kadmin/changepw';

/** A ticket that changes a password need not live longer than it takes to type one, in seconds. */
const CHANGEPW_MAX_LIFE = 300;

/** Canonical name of the realm's own HTTPS server where it goes by `host`, a DNS name or an IP address. */
export function webServiceName(host: string): string {
  return formatName(['HTTP', host]);
}

/**
 * Makes what every realm has, krbtgt/REALM and kadmin/changepw, and the services of its HTTPS server, where it is missing; resolves to how many were
 * made. Throws `RealmwardError` `wrong-kind` where a service of somebody else's has the name of one of these.
 */
export async function ensureRealmPrincipals(
  accounts: Accounts,
  webHosts: readonly string[] = [],
): Promise<number> {
  const { principals, realm, clock } = accounts;
  const webServices = webHosts.map((host) => ({ name: webServiceName(host), maxLife: undefined }));
  const wanted = [
    { name: krbtgtName(realm), maxLife: undefined },
    { name: KADMIN_CHANGEPW, maxLife: CHANGEPW_MAX_LIFE },
    ...webServices,
  ];
  const existing = await principals.taken(wanted.map(({ name }) => name));
  for (const { name } of webServices) await refuseOthers(accounts, existing.get(name));
  const missing = wanted.filter(({ name }) => !existing.has(name));
  return principals.addMany(
    missing.map(({ name, maxLife }) => ({
      name: accountName(name, 'realm', realm),
      kind: 'realm' as const,
      maxLife,
      passwordChanged: nowSeconds(clock),
      keys: withKvno(randomKeys(accounts), 1),
    })),
  );
}

async function refuseOthers({ principals }: Accounts, name: string | undefined): Promise<void> {
  const found = name === undefined ? undefined : await principals.find(name);
  if (found === undefined || found.kind === 'realm') return;
  throw new RealmwardError(
    'wrong-kind',
    `"${found.name}" is a service, and the HTTPS server of the realm goes by that name`,
    {
      hint: `Remove it (realmward service remove ${found.name}), or give the HTTPS server another name in https.names. Whoever holds its keytab could pass for the realm's server.`,
    },
  );
}

/** What a rotation of krbtgt's keys left. */
export interface KrbtgtRotation {
  readonly kvno: number;
  /** Older kvnos that stay: tickets under them may still be alive. */
  readonly kept: readonly number[];
}

/**
 * Gives krbtgt/REALM new keys of all the realm's etypes. Tickets under the older ones stay valid until they end: at the latest after `maxTicketLife`
 * seconds, the realm's longest lifetime and clock skew (a renewed ticket is a new one, under the new key). Throws `RealmwardError` `not-found`.
 */
export async function rotateKrbtgt(accounts: Accounts, maxTicketLife: number): Promise<KrbtgtRotation> {
  const krbtgt = await accounts.principals.change(krbtgtName(accounts.realm), (current) =>
    rekeyed(accounts, current, accounts.etypes, maxTicketLife),
  );
  const [kvno = 0, ...kept] = new Set(krbtgt.keys.map((key) => key.kvno));
  return { kvno, kept };
}
