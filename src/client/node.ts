/** The client with Node's sockets, resolver, clock and crypto. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../base/ports.ts';
import { nodeCrypto } from '../crypto/node.ts';
import type { Crypto } from '../crypto/crypto.ts';
import type { ClientContext, ClientEvent, ClientSettings } from './context.ts';
import { createSender, type Network, type SenderEvent, type Timer } from './failover.ts';
import { createLocator, type Locate, type RealmServers } from './locate.ts';
import { createDnsClient, type DnsClient, type DnsOptions } from './node-dns.ts';
import { exchangeTcp } from './node-tcp.ts';
import { exchangeUdp } from './node-udp.ts';

export interface NodeClientOptions {
  /** Servers of realms; others are looked for in DNS. */
  readonly realms?: Readonly<Record<string, RealmServers>>;
  /**
   * Which resolvers to ask; default: the system's. `false`: none, and only configured realms are known, which is right wherever somebody else
   * names the realm: a user at a login page, or a KDC that refers to another one.
   */
  readonly dns?: DnsOptions | false;
  readonly settings?: ClientSettings;
  /** Default: Node's, without RC4. */
  readonly crypto?: Crypto;
  readonly clock?: Clock;
  /** As in `SenderOptions`, in milliseconds. */
  readonly patience?: number;
  readonly lastPatience?: number;
  /** Told the client's steps and the sender's, in their order. Must not throw. */
  readonly observe?: (event: ClientEvent | SenderEvent) => void;
}

/** A context for `getInitialTicket` and its like, and the locator that its sender uses. Throws `RealmwardError` `bad-server`. */
export function nodeClient(options: NodeClientOptions = {}): ClientContext & { readonly locate: Locate } {
  const { realms = {}, dns, settings = {}, crypto = nodeCrypto, clock = uniqueClock(), observe } = options;
  const { patience = 1000, lastPatience = 5000 } = options;
  const resolver = dns === false ? undefined : createDnsClient(dns);
  const { now } = timer;
  const locate = createLocator({ realms, dns: resolver, now, random: Math.random });
  const network = nodeNetwork(dns === false || dns?.servers === undefined ? undefined : resolver);
  const send = createSender({ locate, network, timer, patience, lastPatience, observe });
  return { crypto, clock, send, locate, settings, ...(observe === undefined ? {} : { observe }) };
}

/**
 * Node's sockets. Host names are the system's to look up (its hosts file counts, too), unless a resolver is given.
 */
export function nodeNetwork(resolver?: DnsClient): Network {
  return {
    async addresses(host) {
      if (isIP(host.split('%')[0] as string) !== 0) return [host];
      if (resolver !== undefined) return resolver.addresses(host);
      return (await lookup(host, { all: true })).map(({ address }) => address);
    },
    exchange: ({ transport, ...to }, message, signal) =>
      transport === 'udp' ? exchangeUdp(to, message, signal) : exchangeTcp(to, message, signal),
  };
}

const timer: Timer = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
};

/**
 * The system's clock, which gives no microsecond twice: old replay caches know an authenticator by its client and its time alone. When it is
 * set back it follows.
 */
function uniqueClock(): Clock {
  let last = 0;
  const microseconds = (): number => {
    const now = Date.now() * 1000;
    last = now > last || last - now > 1_000_000 ? now : last + 1;
    return last;
  };
  return { microseconds };
}
