import type { SenderEvent } from '../../../src/client/failover.ts';
import type { ClientContext, ClientEvent } from '../../../src/client/index.ts';
import { nodeClient, type NodeClientOptions } from '../../../src/client/node.ts';

/** A realm's KDC on loopback: ours, MIT's or Samba's. */
interface Kdc {
  readonly realm: string;
  readonly address: string;
  readonly port: number;
}

export interface TestClient extends ClientContext {
  readonly events: readonly (ClientEvent | SenderEvent)[];
  /** What became of each attempt, as `udp answered`. */
  transports(): string[];
}

/** A client that knows these KDCs alone, and remembers what it did. */
export function clientOf(
  kdcs: readonly Kdc[],
  options: NodeClientOptions & { readonly tcp?: boolean } = {},
): TestClient {
  const { tcp = false, ...more } = options;
  const realms = Object.fromEntries(
    kdcs.map(({ realm, address, port }) => [realm, [`${tcp ? 'tcp/' : ''}${address}:${port}`]]),
  );
  const events: (ClientEvent | SenderEvent)[] = [];
  const context = nodeClient({ realms, dns: false, observe: (event) => events.push(event), ...more });
  const transports = (): string[] =>
    events.flatMap((event) => (event.kind === 'attempt' ? [`${event.transport} ${event.outcome}`] : []));
  return { ...context, events, transports };
}
