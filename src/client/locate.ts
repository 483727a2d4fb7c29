/** Where the KDCs of a realm are: as configured, or as DNS says (RFC 4120 section 7.2.3). */
import type { Seconds } from '../base/ports.ts';
import { RecentMap } from '../base/recent-map.ts';
import { ClientError } from './client-error.ts';
import { parseServer, type Server } from './server.ts';
import { byPriority, type ServiceRecord, type UriRecord, uriTarget } from './service-records.ts';

/** `primary` is the KDC whose database is the one that is written to, as far as the realm says which one that is. */
export type ServiceKind = 'kdc' | 'primary' | 'kpasswd';

/** Servers in the order in which to ask them; at least one. */
export interface Located {
  readonly source: 'configuration' | 'DNS URI' | 'DNS SRV';
  readonly servers: readonly Server[];
}

/** Finds servers. Rejects with `ClientError` `no-servers`. */
export type Locate = (realm: string, service?: ServiceKind) => Promise<Located>;

/**
 * A realm's servers, each as `host`, `host:port`, `192.0.2.1:88` or `[2001:db8::1]:88`, in the order in which to ask them; `tcp/` before it
 * leaves UDP out. `https://host/KdcProxy` is a KDC proxy (MS-KKDCP). A list alone is that of its KDCs.
 */
export type RealmServers =
  | readonly string[]
  | {
      readonly kdcs: readonly string[];
      readonly primary?: readonly string[];
      readonly kpasswd?: readonly string[];
    };

/** Records of one name, none where it has none, and for how many seconds that holds. */
export interface Records<T> {
  readonly records: readonly T[];
  readonly ttl: Seconds;
}

/** A DNS resolver. Both reject where nobody has answered. */
export interface ServiceDns {
  srv(name: string): Promise<Records<Omit<ServiceRecord, 'transport'>>>;
  /** Type 256, RFC 7553. */
  uri(name: string): Promise<Records<UriRecord>>;
}

export interface LocatorOptions {
  readonly realms?: Readonly<Record<string, RealmServers>>;
  /** Asked about realms that are not configured; left out: nobody is. */
  readonly dns?: ServiceDns | undefined;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
  /** A number from 0 up to 1, without 1; by it weights are obeyed (RFC 2782). */
  readonly random: () => number;
}

/** Makes a `Locate` that remembers what DNS said. Throws `RealmwardError` `bad-server` for a configured server that is none. */
export function createLocator({ realms = {}, dns, now, random }: LocatorOptions): Locate {
  const configured = new Map(
    Object.entries(realms).map(([realm, servers]) => [realm, configuredServers(servers)] as const),
  );
  const remembered = new RecentMap<string, { until: number; answer: Promise<Found> }>(MAX_REMEMBERED);

  const lookUp = (realm: string, service: ServiceKind, dns: ServiceDns): Promise<Found> => {
    const key = `${service} ${realm}`;
    const known = remembered.get(key);
    if (known !== undefined && now() < known.until) return known.answer;
    // Whoever asks meanwhile waits for the same answer; for how long it holds is known when it is there.
    const entry = { until: Infinity, answer: askDns(dns, realm, service) };
    remembered.set(key, entry);
    const keep = (seconds: Seconds): void => void (entry.until = now() + seconds * 1000);
    void entry.answer.then(
      ({ ttl }) => keep(ttl),
      () => keep(FAILURE_TTL),
    );
    return entry.answer;
  };

  return async (realm, service = 'kdc') => {
    const own = configured.get(realm)?.[service];
    if (own !== undefined) return { source: 'configuration', servers: own };
    if (dns === undefined) throw noServers(realm, 'It is not configured, and DNS is not asked.');
    if (!isDomain(realm)) throw noServers(realm, 'It is not configured, and its name is no domain name.');
    const { source, records } = await lookUp(realm, service, dns);
    if (records.length === 0) throw noServers(realm, 'It is not configured, and DNS has no records for it.');
    return { source, servers: servers(byPriority(records, random)) };
  };
}

const PORTS: Readonly<Record<ServiceKind, number>> = { kdc: 88, primary: 88, kpasswd: 464 };
const MAX_REMEMBERED = 128;
/** More servers are more than anybody waits for. */
const MAX_SERVERS = 16;
/** Bounds on how long records are believed, and on how long their absence is. */
const [MIN_TTL, MAX_TTL, MAX_NEGATIVE_TTL] = [5, 86_400, 60];
/** After which time DNS is asked again when nobody has answered. */
const FAILURE_TTL: Seconds = 5;

function configuredServers(servers: RealmServers): Readonly<Record<ServiceKind, readonly Server[]>> {
  const lists = 'kdcs' in servers ? servers : { kdcs: servers };
  const parse = (texts: readonly string[], service: ServiceKind): Server[] =>
    texts.map((text) => parseServer(text, PORTS[service]));
  const kdc = parse(lists.kdcs, 'kdc');
  return {
    kdc,
    primary: lists.primary === undefined ? kdc : parse(lists.primary, 'primary'),
    // Password changes are served where tickets are, unless somebody says otherwise.
    kpasswd:
      lists.kpasswd === undefined
        ? kdc.map((server) => (server.url === undefined ? { ...server, port: PORTS.kpasswd } : server))
        : parse(lists.kpasswd, 'kpasswd'),
  };
}

interface Found {
  readonly source: Located['source'];
  readonly records: readonly ServiceRecord[];
  readonly ttl: Seconds;
}

const SRV_NAMES: Readonly<Record<ServiceKind, string>> = {
  kdc: '_kerberos',
  primary: '_kerberos-master',
  kpasswd: '_kpasswd',
};

/** URI records say all at once; where there are none, SRV records count, which are asked for at the same time. */
async function askDns(dns: ServiceDns, realm: string, service: ServiceKind): Promise<Found> {
  const srv = SRV_NAMES[service];
  const [uri, udp, tcp] = await Promise.allSettled([
    dns.uri(`${service === 'kpasswd' ? '_kpasswd' : '_kerberos'}.${realm}`),
    dns.srv(`${srv}._udp.${realm}`),
    dns.srv(`${srv}._tcp.${realm}`),
  ]);
  if (uri.status === 'fulfilled' && uri.value.records.length > 0) {
    const records = uri.value.records.flatMap((record) => uriTarget(record, PORTS[service]) ?? []);
    const primaries = records.filter(({ primary }) => primary);
    const wanted = service === 'primary' && primaries.length > 0 ? primaries : records;
    if (wanted.length > 0) return { source: 'DNS URI', records: wanted, ttl: clamp(uri.value.ttl, MAX_TTL) };
  }
  const answers = [
    ...(udp.status === 'fulfilled' ? [{ ...udp.value, transport: 'udp' as const }] : []),
    ...(tcp.status === 'fulfilled' ? [{ ...tcp.value, transport: 'tcp' as const }] : []),
  ];
  const records = answers.flatMap(({ records, transport }) =>
    // "A Target of "." means that the service is decidedly not available at this domain" (RFC 2782).
    records.filter(({ host }) => isDomain(host)).map((record) => ({ ...record, transport })),
  );
  if (records.length > 0) {
    const ttl = Math.min(...answers.filter((one) => one.records.length > 0).map((one) => one.ttl));
    return { source: 'DNS SRV', records, ttl: clamp(ttl, MAX_TTL) };
  }
  // Few realms say which KDC is their primary: then every KDC may be.
  if (service === 'primary') return askDns(dns, realm, 'kdc');
  const failed = [uri, udp, tcp].find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    throw new ClientError('no-servers', `It is not configured, and DNS does not answer about ${realm}.`, {
      cause: failed.reason,
    });
  }
  return {
    source: 'DNS SRV',
    records: [],
    ttl: clamp(Math.min(...answers.map(({ ttl }) => ttl)), MAX_NEGATIVE_TTL),
  };
}

/** One server for each host and port; what DNS names for UDP alone takes TCP, too, as every KDC must (RFC 4120 section 7.2.2). */
function servers(records: readonly ServiceRecord[]): Server[] {
  const found = new Map<string, Server>();
  for (const { host, port, transport, url } of records) {
    const key = url ?? `${host.toLowerCase()} ${port}`;
    const known = found.get(key);
    if (url !== undefined) found.set(key, { host, port, transports: ['https'], url });
    else if (transport === 'udp') found.set(key, { host, port, transports: ['udp', 'tcp'] });
    else if (known === undefined) found.set(key, { host, port, transports: ['tcp'] });
  }
  return [...found.values()].slice(0, MAX_SERVERS);
}

/** A name that can be asked for, so that a realm's name cannot be anything else than a name in DNS. */
function isDomain(text: string): boolean {
  return text.length <= 200 && /^(?:[\w-]{1,63}\.)*[\w-]{1,63}$/.test(text);
}

function clamp(ttl: Seconds, max: Seconds): Seconds {
  return Math.min(Math.max(ttl, MIN_TTL), max);
}

function noServers(realm: string, why: string): ClientError {
  return new ClientError('no-servers', `The realm is "${realm.slice(0, 100)}". ${why}`);
}
