/** SRV records (RFC 2782), and URI records (RFC 7553) in the form that MIT krb5 gives them. */
import { RealmwardError } from '../base/errors.ts';
import { parseServer, type Transport } from './server.ts';

/** One server as DNS names it. */
export interface ServiceRecord {
  readonly priority: number;
  readonly weight: number;
  readonly host: string;
  readonly port: number;
  readonly transport: Transport;
  /** Of a KDC proxy. */
  readonly url?: string;
}

/** A URI record: lower priorities come first here, too. */
export interface UriRecord {
  readonly priority: number;
  readonly weight: number;
  readonly target: string;
}

/**
 * The server that a URI record names: `krb5srv:<flags>:<transport>:<host>[:<port>]`, or `krb5srv:<flags>:kkdcp:<url>`, with `m` among the flags
 * for the primary KDC. `undefined` for what cannot be used: another scheme or transport.
 */
export function uriTarget(
  { priority, weight, target }: UriRecord,
  defaultPort: number,
): (ServiceRecord & { readonly primary: boolean }) | undefined {
  const proxy = /^krb5srv:(?<flags>[a-z]*):kkdcp:(?<url>https:.*)$/i.exec(target)?.groups;
  if (proxy !== undefined) return proxyTarget({ priority, weight }, proxy['url'] ?? '', proxy['flags'] ?? '');
  const { groups } =
    /^krb5srv:(?<flags>[a-z]*):(?<transport>udp|tcp):(?:\[(?<v6>[0-9a-f:.]+)\]|(?<host>[\w.-]+?))\.?(?::(?<port>\d{1,5}))?$/i.exec(
      target,
    ) ?? {};
  const host = groups?.['v6'] ?? groups?.['host'];
  const port = groups?.['port'] === undefined ? defaultPort : Number(groups['port']);
  if (groups === undefined || host === undefined || port < 1 || port > 65_535) return undefined;
  const transport = groups['transport']?.toLowerCase() === 'udp' ? 'udp' : 'tcp';
  return { priority, weight, host, port, transport, primary: /m/i.test(groups['flags'] ?? '') };
}

function proxyTarget(
  order: Pick<UriRecord, 'priority' | 'weight'>,
  text: string,
  flags: string,
): ReturnType<typeof uriTarget> {
  try {
    const { host, port, url = '' } = parseServer(text, 0);
    return { ...order, host, port, url, transport: 'https', primary: /m/i.test(flags) };
  } catch (error) {
    if (error instanceof RealmwardError && error.code === 'bad-server') return undefined;
    throw error;
  }
}

/**
 * Records in the order in which to try them: "A client MUST attempt to contact the target host with the lowest-numbered priority it can reach;
 * target hosts with the same priority SHOULD be tried in an order defined by the weight field" (RFC 2782): a draw in which each has as many
 * tickets as its weight.
 */
export function byPriority(records: readonly ServiceRecord[], random: () => number): ServiceRecord[] {
  const ordered: ServiceRecord[] = [];
  const priorities = [...new Set(records.map(({ priority }) => priority))].toSorted((a, b) => a - b);
  for (const priority of priorities) {
    // "place all records with a weight of 0 at the beginning of the list", so that they have a chance, a small one.
    const left = records.filter((one) => one.priority === priority).toSorted((a, b) => a.weight - b.weight);
    while (left.length > 0) {
      const sum = left.reduce((total, { weight }) => total + weight, 0);
      let ticket = Math.floor(random() * (sum + 1));
      const at = left.findIndex(({ weight }) => (ticket -= weight) <= 0);
      ordered.push(...left.splice(at, 1));
    }
  }
  return ordered;
}
