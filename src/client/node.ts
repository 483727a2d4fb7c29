/** The client with Node's sockets, resolver, clock and crypto. */
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { callbackify } from 'node:util';
import { createReplayCache } from '../ap/replay-cache.ts';
import { type Acceptor, keysOf } from '../ap/verify-ap-req.ts';
import type { Clock, Seconds } from '../base/ports.ts';
import { readKeytab } from '../codec/keytab.ts';
import { nodeCrypto } from '../crypto/node.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { uniqueClock } from './clock.ts';
import type { ClientContext, ClientEvent, ClientSettings } from './context.ts';
import { createSender, type Network, type SenderEvent, type Timer } from './failover.ts';
import { createLocator, type Locate, type RealmServers } from './locate.ts';
import { createDnsClient, type DnsClient, type DnsOptions } from './node-dns.ts';
import { exchangeHttps } from './node-https.ts';
import { exchangeTcp } from './node-tcp.ts';
import { type TlsTrust, tlsOptions } from './node-tls.ts';
import { exchangeUdp } from './node-udp.ts';

export interface NodeClientOptions {
  /** Servers of realms; others are looked for in DNS. */
  readonly realms?: Readonly<Record<string, RealmServers>>;
  /**
   * Which resolvers to ask; default: the system's. `false`: none, and only configured realms are known, which is right wherever somebody else
   * names the realm: a user at a login page, or a KDC that refers to another one.
   */
  readonly dns?: DnsOptions | false;
  /** Which certificates of KDC proxies are believed. Default: those of the CAs that Node knows. */
  readonly tls?: TlsTrust;
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

/**
 * A context for `getInitialTicket` and its like, and the locator that its sender uses. Throws `RealmwardError` `bad-server`, `bad-certificate`,
 * `bad-fingerprint`.
 */
export function nodeClient(options: NodeClientOptions = {}): ClientContext & { readonly locate: Locate } {
  const { realms = {}, dns, settings = {}, crypto = nodeCrypto, clock = uniqueClock(), observe } = options;
  const { patience = 1000, lastPatience = 5000 } = options;
  const resolver = dns === false ? undefined : createDnsClient(dns);
  const { now } = nodeTimer;
  const locate = createLocator({ realms, dns: resolver, now, random: Math.random });
  const network = nodeNetwork(
    dns === false || dns?.servers === undefined ? undefined : resolver,
    options.tls,
  );
  const send = createSender({ locate, network, timer: nodeTimer, patience, lastPatience, observe });
  return { crypto, clock, send, locate, settings, ...(observe === undefined ? {} : { observe }) };
}

/** What a service accepts tickets with that has the keys in the bytes of this keytab. Throws `RealmwardError` where they are no keytab. */
export function nodeAcceptor(
  keytab: Uint8Array,
  { clockSkew = 300 }: { readonly clockSkew?: Seconds } = {},
): Acceptor {
  const clock = uniqueClock();
  // What was sent before this moment may be known to somebody, and is not to us.
  const replays = createReplayCache({ clockSkew, since: clock.microseconds() });
  return { crypto: nodeCrypto, clock, clockSkew, keys: keysOf(readKeytab(keytab)), replays };
}

/**
 * Node's sockets. Host names are the system's to look up (its hosts file counts, too), unless a resolver is given. Throws as `nodeClient` does.
 */
export function nodeNetwork(resolver?: DnsClient, trust: TlsTrust = {}): Network {
  const tls = tlsOptions(trust);
  const viaResolver = resolver === undefined ? undefined : lookupWith(resolver);
  return {
    async addresses(host) {
      if (isIP(host.split('%')[0] as string) !== 0) return [host];
      if (resolver !== undefined) return resolver.addresses(host);
      return (await lookup(host, { all: true })).map(({ address }) => address);
    },
    exchange({ transport, url, ...to }, message, signal) {
      if (url !== undefined) return exchangeHttps({ ...to, url, tls, lookup: viaResolver }, message, signal);
      return transport === 'udp' ? exchangeUdp(to, message, signal) : exchangeTcp(to, message, signal);
    },
  };
}

/** `resolver` in the form in which Node's sockets take one. */
function lookupWith(resolver: DnsClient): LookupFunction {
  const addressesOf = callbackify((host: string) => resolver.addresses(host));
  return (host, { all }, callback) =>
    addressesOf(host, (error, addresses) => {
      const found = addresses?.map((address) => ({ address, family: isIP(address) })) ?? [];
      const [first] = found;
      if (error !== null || first === undefined)
        callback(error ?? new Error(`DNS has no address of ${host}`), '');
      else if (all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
}

/** Node's monotonic clock. */
export const nodeTimer: Timer = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
};
