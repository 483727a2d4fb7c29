/**
 * The client without Node: for browsers, and for JavaScript on devices. It reaches KDCs through a KDC proxy (MS-KKDCP) by `fetch`, or by whatever
 * `Send` or `Network` it is given, and computes in plain JavaScript. Also what the package `realmward-client` exports.
 *
 * ```ts
 * const context = portableClient({ realms: { 'REALM1.EXAMPLE': ['https://realm1.example/KdcProxy'] } });
 * const tgt = await getInitialTicket(context, { client: parsePrincipal('alice@REALM1.EXAMPLE'), proof: { password } });
 * const { credential } = await getServiceTicket(context, tgt, { name: nameOf('host', 'device1') });
 * ```
 */
import type { Clock } from '../base/ports.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { portableCrypto } from '../crypto/portable.ts';
import { uniqueClock } from './clock.ts';
import type { ClientContext, ClientEvent, ClientSettings } from './context.ts';
import { createSender, type SenderEvent, type Timer } from './failover.ts';
import { type Fetch, fetchNetwork } from './fetch.ts';
import { createLocator, type Locate, type RealmServers } from './locate.ts';

export { makeApRep, type VerifiedApRep, verifyApRep } from '../ap/ap-rep.ts';
export { type ApReqOptions, makeApReq, type SentApReq, type TicketHolder } from '../ap/ap-req.ts';
export { createReplayCache, type ReplayCache } from '../ap/replay-cache.ts';
export { type Acceptor, keysOf, type VerifiedApReq, verifyApReq } from '../ap/verify-ap-req.ts';
export { RealmwardError } from '../base/errors.ts';
export { Key } from '../base/key.ts';
export type { Clock, Seconds } from '../base/ports.ts';
export { type Ccache, readCcache, writeCcache } from '../codec/ccache.ts';
export { type KeytabEntry, readKeytab, writeKeytab } from '../codec/keytab.ts';
export {
  decodeKdcProxyMessage,
  encodeKdcProxyMessage,
  KDC_PROXY_MEDIA_TYPE,
  type ProxiedMessage,
} from '../codec/kkdcp.ts';
export type { Crypto } from '../crypto/crypto.ts';
export { CryptoError } from '../crypto/errors.ts';
export { etypeName } from '../crypto/etypes.ts';
export { Etype } from '../spec/etypes.ts';
export { TicketFlag } from '../spec/flags.ts';
export { portableCrypto };
export * from './index.ts';

export interface PortableClientOptions {
  /** Servers of realms, KDC proxies all of them: `https://host/KdcProxy`. */
  readonly realms: Readonly<Record<string, RealmServers>>;
  /** Default: that of the engine. A browser lets a page ask proxies of its own origin, and others where they allow it (CORS). */
  readonly fetch?: Fetch;
  readonly settings?: ClientSettings;
  /** Default: in plain JavaScript, without RC4. */
  readonly crypto?: Crypto;
  readonly clock?: Clock;
  /** As in `SenderOptions`, in milliseconds. */
  readonly patience?: number;
  readonly lastPatience?: number;
  /** Told the client's steps and the sender's, in their order. Must not throw. */
  readonly observe?: (event: ClientEvent | SenderEvent) => void;
}

/** A context for `getInitialTicket` and its like, and the locator that its sender uses. Throws `RealmwardError` `bad-server`. */
export function portableClient(options: PortableClientOptions): ClientContext & { readonly locate: Locate } {
  const { realms, settings = {}, crypto = portableCrypto, clock = uniqueClock(), observe } = options;
  const { fetch = globalThis.fetch, patience = 1000, lastPatience = 5000 } = options;
  const locate = createLocator({ realms, now: timer.now, random: Math.random });
  const send = createSender({ locate, network: fetchNetwork(fetch), timer, patience, lastPatience, observe });
  return { crypto, clock, send, locate, settings, ...(observe === undefined ? {} : { observe }) };
}

const timer: Timer = {
  now: () => performance.now(),
  sleep(milliseconds, signal) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const alarm = setTimeout(resolve, milliseconds);
    const end = (): void => {
      clearTimeout(alarm);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    return promise;
  },
};
