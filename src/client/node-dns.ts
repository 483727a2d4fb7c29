/** A DNS client for SRV, URI and address records: what `node:dns` does not tell are lifetimes, and URI records at all. */
import { randomInt } from 'node:crypto';
import { getServers } from 'node:dns';
import { isIP } from 'node:net';
import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { exchangeTcp } from './node-tcp.ts';
import { exchangeUdp } from './node-udp.ts';
import type { Records, ServiceDns } from './locate.ts';
import { parseServer } from './server.ts';

export interface DnsOptions {
  /** Resolvers as `host` or `host:port` with IP addresses; left out: the system's. */
  readonly servers?: readonly string[];
  /** Milliseconds that one resolver is waited for. Default 2000; all of them are asked twice. */
  readonly timeout?: number;
}

/** A resolver that can also tell addresses. */
export interface DnsClient extends ServiceDns {
  /** IPv6 and IPv4 addresses of a host. */
  addresses(host: string): Promise<string[]>;
}

/** Makes a DNS client. Throws `RealmwardError` `bad-server` for a resolver that is no address. */
export function createDnsClient(options: DnsOptions = {}): DnsClient {
  const { timeout = 2000 } = options;
  const given = options.servers?.map((text) => parseServer(text, DNS_PORT));
  const ask = (name: string, type: QueryType): Promise<DecodedPacket> =>
    askResolvers(given ?? getServers().map(systemServer), name, type, timeout);
  return {
    async srv(name) {
      return recordsOf(await ask(name, 'SRV'), (answer) => {
        if (answer.type !== 'SRV') return undefined;
        const { priority = 0, weight = 0, port, target } = answer.data;
        return { priority, weight, host: target.replace(/\.$/, ''), port };
      });
    },
    async uri(name) {
      return recordsOf(await ask(name, URI), (answer) => {
        // The package knows no URI records: their data comes as it is.
        if ((answer.type as string) !== URI) return undefined;
        const data = (answer as unknown as { data: unknown }).data;
        if (!(data instanceof Uint8Array) || data.length < 4) return undefined;
        const view = new DataView(data.buffer, data.byteOffset);
        const target = Buffer.from(data.subarray(4)).toString('latin1');
        return { priority: view.getUint16(0), weight: view.getUint16(2), target };
      });
    },
    async addresses(host) {
      const answers = await Promise.allSettled([ask(host, 'AAAA'), ask(host, 'A')]);
      const addresses = answers.flatMap((answer) =>
        answer.status === 'rejected'
          ? []
          : recordsOf(answer.value, (record) =>
              record.type === 'A' || record.type === 'AAAA' ? record.data : undefined,
            ).records,
      );
      const failed = answers.find((answer) => answer.status === 'rejected');
      if (addresses.length === 0 && failed !== undefined) throw failed.reason;
      return addresses;
    },
  };
}

type QueryType = 'SRV' | 'A' | 'AAAA' | typeof URI;

/** How dns-packet calls type 256 (RFC 7553). */
const URI = 'UNKNOWN_256';
const DNS_PORT = 53;
const ROUNDS = 2;
const MAX_ANSWERS = 64;
/** How long absence is believed where no SOA record says it (RFC 2308 section 5). */
const NEGATIVE_TTL = 30;

interface Resolver {
  readonly host: string;
  readonly port: number;
}

/** `node:dns` writes a port behind an address only where it is not 53, and an IPv6 address in brackets only then. */
function systemServer(text: string): Resolver {
  return isIP(text) === 0 ? parseServer(text, DNS_PORT) : { host: text, port: DNS_PORT };
}

async function askResolvers(
  resolvers: readonly Resolver[],
  name: string,
  type: QueryType,
  timeout: number,
): Promise<DecodedPacket> {
  let problem: unknown = new Error('this machine has no DNS resolver');
  for (let round = 0; round < ROUNDS; round++) {
    for (const resolver of resolvers) {
      try {
        return await askResolver(resolver, name, type, timeout);
      } catch (error) {
        problem = error;
      }
    }
  }
  throw problem;
}

async function askResolver(
  { host, port }: Resolver,
  name: string,
  type: QueryType,
  timeout: number,
): Promise<DecodedPacket> {
  const id = randomInt(0x1_0000);
  const query = encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type: type as 'SRV' }],
  });
  const target = { address: host, port };
  const ask = async (exchange: typeof exchangeUdp): Promise<DecodedPacket> => {
    const reply = decode(Buffer.from(await exchange(target, query, AbortSignal.timeout(timeout))));
    const [question] = reply.questions ?? [];
    // Whoever did not see the question cannot know its number and port; the name is compared as DNS does.
    if (!reply.flag_qr || reply.id !== id || question?.name.toLowerCase() !== name.toLowerCase())
      throw new Error(`${host} answered another question`);
    return reply;
  };
  let reply = await ask(exchangeUdp);
  // RFC 1035 section 4.2.2: over TCP "the message is prefixed with a two byte length field".
  if (reply.flag_tc) reply = await ask((to, message, signal) => exchangeTcp(to, message, signal, 2));
  const { rcode } = reply as unknown as { rcode: string };
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') throw new Error(`${host} answered ${rcode} about ${name}`);
  return reply;
}

function recordsOf<T>(reply: DecodedPacket, read: (answer: Answer) => T | undefined): Records<T> {
  const found = (reply.answers ?? []).slice(0, MAX_ANSWERS).flatMap((answer) => {
    const record = read(answer);
    return record === undefined ? [] : [{ record, ttl: 'ttl' in answer ? (answer.ttl ?? 0) : 0 }];
  });
  if (found.length > 0)
    return { records: found.map(({ record }) => record), ttl: Math.min(...found.map(({ ttl }) => ttl)) };
  const soa = reply.authorities?.find((answer) => answer.type === 'SOA');
  const ttl =
    soa?.type === 'SOA' ? Math.min(soa.ttl ?? NEGATIVE_TTL, soa.data.minimum ?? NEGATIVE_TTL) : NEGATIVE_TTL;
  return { records: [], ttl };
}
