import { ClientError, createSender, type Locate, type Send } from '../../client/index.ts';
import { nodeNetwork, nodeTimer } from '../../client/node.ts';
import type { TrustDirectory } from '../../realm/trust.ts';
import { trustServers, type TrustServersOptions } from './trust-servers.ts';

export interface UpstreamOptions extends TrustServersOptions {
  readonly trusts: TrustDirectory;
}

/** The KDCs of declared realms, as a proxy reaches them. */
export interface Upstream {
  /** The realms with which a trust is declared, and those behind them that the trusts name. */
  realms(): readonly string[];
  /** Asks a KDC of one of these; rejects with `ClientError` for any other realm. */
  readonly send: Send;
}

/** A request may hold a password's proof, and each KDC that gets one counts it: another one is asked only after this time, in milliseconds. */
const PATIENCE = 4000;

/**
 * KDCs are where the trust says, or where DNS says under the name that the operator has written: what a request names is compared with these
 * names, and never asked for (CVE-2025-59088).
 */
export function createUpstream({ trusts, ...options }: UpstreamOptions): Upstream {
  const declared = trustServers(options);
  const realms = (): readonly string[] => trusts.all().flatMap(({ realm, transits }) => [realm, ...transits]);
  const locate: Locate = async (realm, service) => {
    if (!realms().includes(realm)) throw new ClientError('no-servers', 'No trust with it is declared.');
    const found = await declared(realm, service);
    // Answers of an AD often do not fit into a datagram.
    const servers = found.servers.map((server) => ({
      ...server,
      transports: server.transports.toReversed(),
    }));
    return { ...found, servers };
  };
  return {
    realms,
    send: createSender({ locate, network: nodeNetwork(), timer: nodeTimer, patience: PATIENCE }),
  };
}
