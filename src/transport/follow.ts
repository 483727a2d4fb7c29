import { isV6 } from '../base/address.ts';
import type { Logger } from '../base/ports.ts';
import { formatEndpoint, type Endpoint } from './endpoint.ts';
import { listenError } from './listen-error.ts';
import { localAddresses, type ListInterfaces } from './local-addresses.ts';
import type { UdpServer } from './udp.ts';

export interface FollowOptions {
  readonly log: Logger;
  /** How often to look, in milliseconds. */
  readonly interval: number;
  readonly interfaces?: ListInterfaces | undefined;
}

/** Endpoints that stand for `wildcard` on this machine now: its port on each address of its family. */
export function endpointsOf(wildcard: Endpoint, interfaces?: ListInterfaces): Endpoint[] {
  return localAddresses(isV6(wildcard.host), interfaces).map((host) => ({ host, port: wildcard.port }));
}

/**
 * Keeps one UDP socket open for each address of this machine that a wildcard covers, while addresses come and go. Resolves `stop` when nothing
 * more will be opened.
 */
export function followAddresses(
  udp: UdpServer,
  wildcards: readonly Endpoint[],
  { log, interval, interfaces }: FollowOptions,
): { stop(): Promise<void> } {
  /** Told once, tried every time: a new IPv6 address cannot be used before it is known to be nobody else's. */
  const refused = new Set<string>();
  let round: Promise<void> | undefined;
  let stopped = false;

  const follow = async (): Promise<void> => {
    const wanted = new Map(
      wildcards.flatMap((wildcard) =>
        endpointsOf(wildcard, interfaces).map((endpoint) => [formatEndpoint(endpoint), endpoint] as const),
      ),
    );
    const served = new Set<string>();
    for (const endpoint of udp.endpoints()) {
      const address = formatEndpoint(endpoint);
      if (wanted.has(address) || !wildcards.some((wildcard) => covers(wildcard, endpoint))) {
        served.add(address);
        continue;
      }
      await udp.shut(endpoint);
      log.info({ address }, 'an address is gone: it is no longer served over UDP');
    }
    for (const address of refused) if (!wanted.has(address)) refused.delete(address);
    for (const [address, endpoint] of wanted) {
      if (stopped) return;
      if (served.has(address)) continue;
      try {
        await udp.open(endpoint);
        refused.delete(address);
        log.info({ address }, 'a new address is served over UDP');
      } catch (error) {
        if (refused.has(address)) continue;
        refused.add(address);
        const { message, hint } = listenError(error, 'udp', endpoint);
        log.warn({ address, error: message, hint }, 'a new address cannot be served over UDP yet');
      }
    }
  };

  const timer = setInterval(() => {
    round ??= follow().finally(() => (round = undefined));
  }, interval).unref();

  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await round;
    },
  };
}

function covers(wildcard: Endpoint, endpoint: Endpoint): boolean {
  return wildcard.port === endpoint.port && isV6(wildcard.host) === isV6(endpoint.host);
}
