import { uniqueClock } from '../../client/clock.ts';
import {
  type ClientContext,
  ClientError,
  createSender,
  type Locate,
  type Send,
  type SenderEvent,
} from '../../client/index.ts';
import { nodeNetwork, nodeTimer as timer } from '../../client/node.ts';
import type { Server } from '../../client/server.ts';
import { DerError } from '../../codec/der/error.ts';
import { decode } from '../../codec/der/type.ts';
import { AsReq } from '../../codec/krb5/kdc.ts';
import { nodeCrypto } from '../../crypto/node.ts';
import type { Kdc } from '../../kdc/kdc.ts';
import type { Kpasswd } from '../../kpasswd/kpasswd.ts';
import type { RealmPolicy } from '../../realm/policy.ts';
import { isInbound, type TrustDirectory } from '../../realm/trust.ts';
import { PaType } from '../../spec/pa-types.ts';
import { trustServers, type TrustServersOptions } from './trust-servers.ts';

export interface RealmClientOptions extends TrustServersOptions {
  readonly realm: string;
  readonly policy: Pick<RealmPolicy, 'clockSkew'>;
  readonly kdc: Kdc;
  /** Where passwords of our realm are changed. */
  readonly kpasswd: Kpasswd;
  readonly trusts: TrustDirectory;
  readonly observe?: (event: SenderEvent) => void;
}

/** The realm's own Kerberos client. */
export interface RealmClient {
  /** A context for one piece of work on behalf of somebody at `address`, which is what our KDC's log shows. */
  on(address: string): ClientContext;
  /** Servers of a trusted realm; for the ones of ours there is nobody to ask. */
  readonly locate: Locate;
}

/** How long the one server that gets a password is waited for, in milliseconds. */
const PATIENCE = 10_000;
const NO_LIMIT = 0x7fff_ffff;

/**
 * The client with which the realm logs people in: our own KDC answers in this process; over the network only the KDCs of realms are asked whose
 * users may come to us, by their configured addresses or by DNS under the name that the operator has written, so that nobody who logs in
 * makes us ask for names of their choice (CVE-2025-59088).
 */
export function realmClient(options: RealmClientOptions): RealmClient {
  const { realm: own, kdc, kpasswd, policy } = options;
  const clock = uniqueClock();
  const locate = declaredRealms(options);
  const send = sendOverNetwork(locate, options.observe);
  return {
    locate,
    on: (address) => ({
      crypto: nodeCrypto,
      clock,
      settings: { clockSkew: policy.clockSkew },
      async send(realm, message, settings) {
        if (realm !== own) return send(realm, message, settings);
        const origin = { transport: 'https', address, port: 0 };
        const reply = await (settings?.service === 'kpasswd'
          ? kpasswd(message, origin)
          : kdc(message, { ...origin, maxReply: NO_LIMIT }));
        if (reply === undefined) throw new ClientError('no-answer');
        return reply;
      },
    }),
  };
}

function declaredRealms({ trusts, ...options }: RealmClientOptions): Locate {
  const declared = trustServers(options);
  return async (realm, service) => {
    const behind = trusts.all().some((trust) => isInbound(trust) && trust.transits.includes(realm));
    const trust = trusts.find(realm);
    if (trust === undefined ? !behind : !isInbound(trust))
      throw new ClientError('no-servers', 'It is no realm whose users may come here.');
    return declared(realm, service);
  };
}

/**
 * A password goes to the one server that has asked for it, and once: over TCP, which repeats nothing by itself. A realm that locks accounts
 * counts each request that it gets, a repeated one, too.
 */
function sendOverNetwork(locate: Locate, observe?: (event: SenderEvent) => void): Send {
  const network = nodeNetwork();
  const asked = new Map<string, Server>();
  const sendToAny = createSender({
    locate,
    network,
    timer,
    observe(event) {
      if (event.kind === 'attempt' && event.outcome === 'answered') asked.set(event.realm, serverOf(event));
      observe?.(event);
    },
  });
  const sendToOne = createSender({
    async locate(realm) {
      const { source, servers } = await locate(realm);
      return { source, servers: [asked.get(realm) ?? (servers[0] as Server)] };
    },
    network,
    timer,
    patience: PATIENCE,
    lastPatience: PATIENCE,
    observe,
  });
  // Its servers listen at another port: they are none to send logins to.
  const sendNewPassword = createSender({ locate, network, timer, observe });
  return (realm, message, settings) => {
    if (settings?.service === 'kpasswd') return sendNewPassword(realm, message, settings);
    return (carriesPassword(message) ? sendToOne : sendToAny)(realm, message, settings);
  };
}

/** What refuses TCP altogether has not received anything yet, and gets it over UDP. */
function serverOf({ address, port, url }: Extract<SenderEvent, { kind: 'attempt' }>): Server {
  if (url !== undefined) return { host: address, port, url, transports: ['https'] };
  return { host: address, port, transports: ['tcp', 'udp'] };
}

const AS_REQ = 0x6a;

function carriesPassword(message: Uint8Array): boolean {
  if (message[0] !== AS_REQ) return false;
  try {
    const { padata = [] } = decode(AsReq, message);
    return padata.some(({ padataType }) => padataType === PaType.ENC_TIMESTAMP);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}
