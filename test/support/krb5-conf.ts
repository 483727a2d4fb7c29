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
  /** Other realms that the reader knows. */
  readonly others?: readonly OtherRealm[];
  /** `[capaths]`: by client's realm, by server's realm, what lies between; `.` is nothing. */
  readonly capaths?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A realm and where its KDC is; the fields of every KDC that a test starts. */
export interface OtherRealm {
  readonly realm: string;
  readonly address: string;
  readonly port: number;
}

/**
 * Text of a krb5.conf that MIT, Heimdal and Java all read: the KDC of its realm on loopback, and nothing that asks DNS. A realm's domain is
 * its lower-case name.
 */
export function krb5Conf(options: Krb5ConfOptions): string {
  const {
    realm,
    port,
    kdc = `127.0.0.1:${port}`,
    libdefaults = {},
    realmOptions = {},
    others = [],
  } = options;
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
${others.map((other) => `  ${other.realm} = {\n    kdc = ${other.address}:${other.port}\n  }`).join('\n')}
[domain_realm]
${[realm, ...others.map((other) => other.realm)].map(domainLines).join('\n')}
${capathsSection(options.capaths)}`;
}

function domainLines(realm: string): string {
  const domain = realm.toLowerCase();
  return `  .${domain} = ${realm}\n  ${domain} = ${realm}`;
}

function capathsSection(capaths: Krb5ConfOptions['capaths']): string {
  if (capaths === undefined) return '';
  const blocks = Object.entries(capaths).map(([from, to]) => `  ${from} = {\n${lines(to, '    ')}\n  }\n`);
  return `[capaths]\n${blocks.join('')}`;
}

function lines(values: Readonly<Record<string, string | number | boolean>>, indent: string): string {
  return Object.entries(values)
    .map(([name, value]) => `${indent}${name} = ${value}`)
    .join('\n');
}
