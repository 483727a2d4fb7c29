/** Where a krb5.conf points to, and what else it says. */
export interface Krb5ConfOptions {
  readonly realm: string;
  readonly port: number;
  /** How the realm's `kdc =` line reads; default `127.0.0.1:port`. */
  readonly kdc?: string;
  /** More lines of `[libdefaults]`. */
  readonly libdefaults?: Readonly<Record<string, string | number | boolean>>;
  /** More lines of the realm's own block. */
  readonly realmOptions?: Readonly<Record<string, string>>;
}

/**
 * Text of a krb5.conf that MIT, Heimdal and Java all read: one realm, its KDC on loopback, and nothing that asks DNS. The default realm's
 * domain is its lower-case name.
 */
export function krb5Conf(options: Krb5ConfOptions): string {
  const { realm, port, kdc = `127.0.0.1:${port}`, libdefaults = {}, realmOptions = {} } = options;
  return `[libdefaults]
  default_realm = ${realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
${lines(libdefaults, '  ')}
[realms]
  ${realm} = {
    kdc = ${kdc}
${lines(realmOptions, '    ')}
  }
[domain_realm]
  .${realm.toLowerCase()} = ${realm}
  ${realm.toLowerCase()} = ${realm}
`;
}

function lines(values: Readonly<Record<string, string | number | boolean>>, indent: string): string {
  return Object.entries(values)
    .map(([name, value]) => `${indent}${name} = ${value}`)
    .join('\n');
}
