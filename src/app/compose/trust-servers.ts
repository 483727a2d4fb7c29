import { createLocator, type Locate } from '../../client/index.ts';
import { createDnsClient, type DnsOptions } from '../../client/node-dns.ts';
import { nodeTimer } from '../../client/node.ts';
import type { TrustRepository } from '../../realm/ports.ts';

export interface TrustServersOptions {
  /** Tells where the servers of a trust are. */
  readonly records: Pick<TrustRepository, 'find'>;
  /** Default: the system's resolvers. */
  readonly dns?: DnsOptions | undefined;
}

/** Finds the servers of a trusted realm: where its trust says, or else where DNS says. That there is such a trust is the caller's to see to. */
export function trustServers({ records, dns }: TrustServersOptions): Locate {
  const options = { now: nodeTimer.now, random: Math.random };
  const byDns = createLocator({ ...options, dns: createDnsClient(dns) });
  return async (realm, service) => {
    const { kdcs = [], kpasswd = [] } = (await records.find(realm)) ?? {};
    const hasOwn = service === 'kpasswd' && kpasswd.length > 0;
    if (kdcs.length === 0 && !hasOwn) return byDns(realm, service);
    const servers = kpasswd.length === 0 ? kdcs : { kdcs, kpasswd };
    return createLocator({ ...options, realms: { [realm]: servers } })(realm, service);
  };
}
