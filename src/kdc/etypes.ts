import type { Account } from './account.ts';
import type { KdcRealm } from './realm.ts';

/**
 * The session key's etype: the strongest that the client offers, the realm uses and the service understands, which it shows by having keys
 * of it (RFC 4120 section 3.1.3); the realm's own services understand all.
 */
export function sessionEtype(
  realm: KdcRealm,
  server: Account,
  offered: readonly number[],
): number | undefined {
  if (server.principal.kind !== 'service') {
    for (const etype of realm.policy.etypes) if (offered.includes(etype)) return etype;
    return undefined;
  }
  for (const { key } of server.keys) if (offered.includes(key.etype)) return key.etype;
  return undefined;
}
