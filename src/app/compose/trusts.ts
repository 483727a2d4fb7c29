import { changeTrust, createTrust, type TrustAccounts } from '../../accounts/trusts.ts';
import type { Sid } from '../../base/sid.ts';
import { checkedTrust, statementOf, type TrustSettings } from '../../realm/trust-settings.ts';
import type { DeclaredTrust } from '../config/load.ts';

/** A declared trust that has to be made, with its secret. */
interface MissingTrust {
  readonly settings: TrustSettings;
  readonly secret: string;
}

/** The declared trusts that do not exist yet. Throws `RealmwardError` `no-secret`. */
export async function missingTrusts(
  { trusts }: Pick<TrustAccounts, 'trusts'>,
  declared: readonly DeclaredTrust[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<MissingTrust[]> {
  const missing: MissingTrust[] = [];
  for (const { secret, ...settings } of declared) {
    if ((await trusts.find(settings.realm)) === undefined)
      missing.push({ settings, secret: secret.read(environment) });
  }
  return missing;
}

/**
 * Makes what is missing, and brings the settings of every declared trust to what is declared; their keys stay. Resolves to the realms of those
 * that were made. Throws `RealmwardError` `bad-trust`, `bad-password`, `exists`.
 */
export async function applyTrusts(
  accounts: TrustAccounts,
  sid: Sid,
  declared: readonly DeclaredTrust[],
  missing: readonly MissingTrust[],
): Promise<{ readonly made: readonly string[]; readonly changed: readonly string[] }> {
  const { realm, trusts } = accounts;
  // They were checked with the configuration, where that states the realm's SID; else it is known only now.
  const wanted = declared.map((trust) => checkedTrust(statementOf(trust), { realm, sid }));
  const made: string[] = [];
  for (const { settings, secret } of missing) {
    try {
      await createTrust(accounts, settings, secret);
      made.push(settings.realm);
    } catch (error) {
      // Another process may have made the same trust at the same moment.
      if ((await trusts.find(settings.realm)) === undefined) throw error;
    }
  }
  const changed: string[] = [];
  for (const settings of wanted) {
    if (made.includes(settings.realm)) continue;
    await changeTrust(accounts, settings, (current) => {
      if (!sameSettings(current, settings)) changed.push(settings.realm);
    });
  }
  return { made, changed };
}

function sameSettings(a: TrustSettings, b: TrustSettings): boolean {
  return JSON.stringify(statementOf(a)) === JSON.stringify(statementOf(b));
}
