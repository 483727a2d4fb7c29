/**
 * Realms between `from` and `to`, in order, neither included: as `capaths` says, otherwise by the hierarchy of the names (RFC 4120 section
 * 1.2): up to the domain that both are in, and down again. Of realms that are in no common domain none is known.
 */
export function realmsBetween(
  from: string,
  to: string,
  capaths?: (from: string, to: string) => readonly string[] | undefined,
): readonly string[] {
  const declared = capaths?.(from, to);
  if (declared !== undefined) return declared.slice(0, MAX_BETWEEN);
  const up = domainsOf(from);
  const down = domainsOf(to);
  const common = up.find((domain) => down.includes(domain));
  if (common === undefined) return [];
  return [...up.slice(0, up.indexOf(common)), ...down.slice(0, down.indexOf(common) + 1).toReversed()]
    .filter((realm) => realm !== from && realm !== to)
    .slice(0, MAX_BETWEEN);
}

/** More are no way that anybody has set up, and each may cost a request. */
const MAX_BETWEEN = 10;

/** `A.B.C`, `B.C`, `C`; the name itself and the domains it is in. */
function domainsOf(realm: string): string[] {
  const labels = realm.split('.').slice(-MAX_BETWEEN);
  return labels.map((_, i) => labels.slice(i).join('.'));
}
