import { isIPv6 } from 'node:net';
import { formatEndpoint, isWildcard, type Endpoint } from '../transport/endpoint.ts';

/**
 * A krb5.conf with which MIT's, Heimdal's and Java's programs on this machine find the realm, where it gives tickets and where it changes
 * passwords, and nothing is asked of DNS. Where the server listens on all addresses, loopback stands for them.
 */
export function clientKrb5Conf(
  realm: string,
  listening: { readonly kdc: readonly Endpoint[]; readonly kpasswd: readonly Endpoint[] },
): string {
  const lines = (key: string, endpoints: readonly Endpoint[]): string =>
    [...new Set(endpoints.map((endpoint) => `    ${key} = ${formatEndpoint(reachable(endpoint))}\n`))].join(
      '',
    );
  const domain = realm.toLowerCase();
  return `# Written by "realmward serve" each time it starts.
[libdefaults]
  default_realm = ${realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false

[realms]
  ${realm} = {
${lines('kdc', listening.kdc)}${lines('kpasswd_server', listening.kpasswd)}  }

[domain_realm]
  .${domain} = ${realm}
  ${domain} = ${realm}
`;
}

/** An address at which clients of this machine reach what listens on `endpoint`. */
export function reachable(endpoint: Endpoint): Endpoint {
  if (!isWildcard(endpoint.host)) return endpoint;
  return { host: isIPv6(endpoint.host) ? '::1' : '127.0.0.1', port: endpoint.port };
}
