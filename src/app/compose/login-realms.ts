import type { GuardedRealm } from '../../http/attempt-guard.ts';
import { isInbound, type Trust } from '../../realm/trust.ts';
import type { Config } from '../config/load.ts';

/** Attempts at passwords of a trusted realm that the configuration does not declare: fewer than domain controllers allow. */
const DEFAULT_LIMIT = { maxFailures: 3, window: 1800 };

/** The realms whose users may log in here, ours first: those with an inbound trust, and those behind one. */
export function loginRealms(
  { realm, trusts: declared }: Pick<Config, 'realm' | 'trusts'>,
  trusts: readonly Trust[],
): readonly [GuardedRealm, ...GuardedRealm[]] {
  const direct: GuardedRealm[] = [];
  const behind: GuardedRealm[] = [];
  for (const { realm: name, kind, netbios, domains, transits } of trusts.filter(isInbound)) {
    const limit = declared.find((one) => one.realm === name)?.attempts ?? DEFAULT_LIMIT;
    const shared = { instances: kind !== 'ad', limit };
    direct.push({
      ...shared,
      realm: name,
      aliases: [...(netbios === undefined ? [] : [netbios]), ...domains],
    });
    behind.push(...transits.map((transit) => ({ ...shared, realm: transit, aliases: [] })));
  }
  // A realm behind one may have a trust of its own: that counts.
  const unique = new Map([...behind, ...direct].map((one) => [one.realm, one]));
  for (const { realm: name } of trusts.filter((trust) => !isInbound(trust))) unique.delete(name);
  return [{ realm, aliases: [], instances: true, limit: undefined }, ...unique.values()];
}
