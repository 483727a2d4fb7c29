import { isV6 } from '../base/address.ts';
import { RealmwardError } from '../base/errors.ts';
import type { Logger } from '../base/ports.ts';
import { formatEndpoint, isWildcard, parseEndpoint, sameAddress, type Endpoint } from './endpoint.ts';
import { followAddresses } from './follow.ts';
import type { MessageHandler } from './handler.ts';
import { DEFAULT_LIMITS, type TransportLimits } from './limits.ts';
import type { ListInterfaces } from './local-addresses.ts';
import { openBoth } from './open-both.ts';
import { createQuietLog } from './quiet-log.ts';
import type { TcpCounts } from './tcp-connection.ts';
import { createTcpServer } from './tcp.ts';
import { createUdpServer, type UdpCounts } from './udp.ts';

export interface TransportOptions {
  /** Addresses as `parseEndpoint` reads them; UDP and TCP on each. A wildcard stands for its own family alone. */
  readonly listen: readonly string[];
  readonly handler: MessageHandler;
  readonly log: Logger;
  /** Longest reply over UDP in bytes, the `maxReply` of UDP peers. Default 1465, which clients of AD are used to. */
  readonly udpReplyLimit?: number;
  /** Makes the message for a TCP client whose request is too long; left out: its connection is just closed. */
  readonly fieldTooLong?: () => Uint8Array;
  readonly limits?: Partial<TransportLimits>;
  /** How often wildcards look for addresses that came or went, in milliseconds. Default 3000. */
  readonly followInterval?: number;
  /** Where they look; default: the system. */
  readonly interfaces?: ListInterfaces;
}

/** Sockets that are open and serve. */
export interface Running {
  /** What was asked for, in the same order, with real ports. */
  readonly addresses: readonly Endpoint[];
  /** What UDP is served on now: for a wildcard, each address of the machine. */
  udpAddresses(): Endpoint[];
  counts(): { readonly udp: Readonly<UdpCounts>; readonly tcp: Readonly<TcpCounts> };
  /** Stops accepting, answers what is in work for as long as `limits.closeTime`, closes everything. */
  close(): Promise<void>;
}

/**
 * Opens UDP and TCP on every address and serves both with `handler`. A wildcard's UDP is served by one socket for each address of the machine,
 * so that a reply leaves from the address that was asked. Throws `RealmwardError` (`bad-endpoint` and the codes of `listenError`), and then
 * holds nothing.
 */
export async function startTransports(options: TransportOptions): Promise<Running> {
  const { handler, fieldTooLong, log, interfaces, udpReplyLimit = 1465, followInterval = 3000 } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const wanted = options.listen.map(parseEndpoint);
  refuseOverlaps(wanted);
  const quiet = createQuietLog(log);
  const tcp = createTcpServer({ handler, fieldTooLong, limits, quiet });
  const udp = createUdpServer({ handler, replyLimit: udpReplyLimit, limits, quiet });
  const addresses: Endpoint[] = [];
  try {
    for (const endpoint of wanted) addresses.push(await openBoth(tcp, udp, endpoint, interfaces));
  } catch (error) {
    await Promise.all([tcp.close(), udp.close()]);
    throw error;
  }
  const wildcards = addresses.filter(({ host }) => isWildcard(host));
  const follower =
    wildcards.length > 0
      ? followAddresses(udp, wildcards, { log, interval: followInterval, interfaces })
      : undefined;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await follower?.stop();
    await Promise.all([tcp.close(), udp.close()]);
  };
  return {
    addresses,
    udpAddresses: () => udp.endpoints(),
    counts: () => ({ udp: udp.counts, tcp: tcp.counts }),
    close: () => (closing ??= close()),
  };
}

/** Two endpoints on one port must not cover the same address: the second could never be opened, and the system's error would not say why. */
function refuseOverlaps(endpoints: readonly Endpoint[]): void {
  endpoints.forEach((endpoint, i) => {
    const rival = endpoints
      .slice(0, i)
      .find(
        (other) =>
          other.port === endpoint.port &&
          other.port !== 0 &&
          isV6(other.host) === isV6(endpoint.host) &&
          (isWildcard(other.host) || isWildcard(endpoint.host) || sameAddress(other.host, endpoint.host)),
      );
    if (rival === undefined) return;
    throw new RealmwardError(
      'bad-endpoint',
      `${formatEndpoint(endpoint)} and ${formatEndpoint(rival)} cover the same address`,
      { hint: 'Keep one of the two.' },
    );
  });
}
