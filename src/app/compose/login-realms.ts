import type { GuardedRealm } from '../../http/attempt-guard.ts';
import { isInbound, type Trust } from '../../realm/trust.ts';

/** The realms whose users may log in here, ours first: those with an inbound trust, and those behind one. */
export function loginRealms(
  realm: string,
  trusts: readonly Trust[],
): readonly [GuardedRealm, ...GuardedRealm[]] {
  const direct: GuardedRealm[] = [];
  const behind: GuardedRealm[] = [];
  for (const { realm: name, kind, netbios, domains, transits, attempts: limit } of trusts.filter(isInbound)) {
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
