import { RealmwardError } from '../base/errors.ts';
import { isWildcard, type Endpoint } from './endpoint.ts';
import { endpointsOf } from './follow.ts';
import { listenError } from './listen-error.ts';
import type { ListInterfaces } from './local-addresses.ts';
import type { TcpServer } from './tcp.ts';
import type { UdpServer } from './udp.ts';

/** How often a free port is taken until UDP and TCP can both have it. */
const MAX_TRIES = 50;

/**
 * Opens TCP and UDP on one port; resolves to the endpoint with its real port. Throws the `RealmwardError` of `listenError`, and has then opened
 * nothing.
 */
export async function openBoth(
  tcp: Pick<TcpServer, 'listen' | 'unlisten'>,
  udp: Pick<UdpServer, 'open' | 'shut'>,
  endpoint: Endpoint,
  interfaces?: ListInterfaces,
): Promise<Endpoint> {
  for (let tries = 1; ; tries++) {
    const port = await tcp.listen(endpoint).catch((error: unknown) => {
      throw listenError(error, 'tcp', endpoint);
    });
    const bound = { host: endpoint.host, port };
    try {
      await openUdp(udp, bound, interfaces);
      return bound;
    } catch (error) {
      // A free port that TCP got may be another program's over UDP: give it back and take the next one.
      const taken = error instanceof RealmwardError && error.code === 'port-in-use';
      await tcp.unlisten(bound);
      if (endpoint.port !== 0 || !taken || tries === MAX_TRIES) throw error;
    }
  }
}

/** Opens all that `endpoint` stands for, or nothing. */
async function openUdp(
  udp: Pick<UdpServer, 'open' | 'shut'>,
  endpoint: Endpoint,
  interfaces?: ListInterfaces,
): Promise<void> {
  const wildcard = isWildcard(endpoint.host);
  const opened: Endpoint[] = [];
  for (const target of wildcard ? endpointsOf(endpoint, interfaces) : [endpoint]) {
    try {
      await udp.open(target);
      opened.push(target);
    } catch (error) {
      // An address that cannot be used yet, or not any more: followAddresses sees to it.
      if (wildcard && (error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') continue;
      await Promise.all(opened.map((each) => udp.shut(each)));
      throw listenError(error, 'udp', target);
    }
  }
}
