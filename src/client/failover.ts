/** Which server of a realm is asked, over what, and for how long its answer is waited for (RFC 4120 section 7.2). */
import { RecentMap } from '../base/recent-map.ts';
import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import { KrbError } from '../codec/krb5/error.ts';
import { decodeKdcProxyMessage, encodeKdcProxyMessage } from '../codec/kkdcp.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { MessageType } from '../spec/message-types.ts';
import { ClientError } from './client-error.ts';
import type { Send, SendOptions } from './context.ts';
import type { Locate, Located, ServiceKind } from './locate.ts';
import type { Server, Transport } from './server.ts';

/**
 * Sockets, as far as a client needs them. Both end with `signal`, and reject with an error whose message says why; with a `ClientError` for what
 * the user should know if nobody else answers.
 */
export interface Network {
  /** IP addresses of a host, the one to try first first; an address stands for itself. Not asked about KDC proxies. */
  addresses(host: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Sends one message and waits for one. Over HTTPS both are whole KDC-PROXY-MESSAGEs: the body that is posted to `url`, and the one that comes
   * back with status 200.
   */
  exchange(to: Target, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

/** One address of a server, and the transport to it. */
export interface Target {
  readonly transport: Transport;
  /** An IP address; of a KDC proxy the host as its URL has it, because its certificate is made for that. */
  readonly address: string;
  readonly port: number;
  /** Of a KDC proxy. */
  readonly url?: string;
}

/** A clock that is never set, in milliseconds, and its alarm. */
export interface Timer {
  now(): number;
  /** Resolves after `milliseconds`, or at once when `signal` says that nobody waits any more. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface SenderOptions {
  readonly locate: Locate;
  readonly network: Network;
  readonly timer: Timer;
  /** Milliseconds that one transport of a silent server is waited for before something else is tried, too. Default 1000. */
  readonly patience?: number;
  /** Milliseconds that an answer is waited for when there is nothing left to try. Default 5000. */
  readonly lastPatience?: number;
  /** Told what is done, as it happens. Must not throw. */
  readonly observe?: ((event: SenderEvent) => void) | undefined;
}

/** What a sender does. */
export type SenderEvent =
  | ({ readonly kind: 'located'; readonly realm: string } & Located)
  | ({
      readonly kind: 'attempt';
      readonly realm: string;
      /** The server's name, where it has one beside its address. */
      readonly host: string;
      readonly milliseconds: number;
      readonly outcome: Outcome | 'silent';
      /** Why it is unreachable. */
      readonly detail: string | undefined;
    } & Target);

/** `too-big`: the answer does not fit into UDP; `unavailable`: the server says that it cannot answer. */
export type Outcome = 'answered' | 'too-big' | 'unavailable' | 'unreachable';

/** How long the server that has answered is asked first, whatever the order of the list, in milliseconds. */
const STICKY = 300_000;
/** As MIT krb5's `udp_preference_limit`, in bytes. */
const MAX_UDP_REQUEST = 1465;
const MAX_REALMS = 128;
const MAX_ADDRESSES = 4;

/**
 * Makes a `Send`. Servers are asked in order, each over UDP and then TCP, or over HTTPS; a silent one for twice `patience`, so that with its default
 * the second one is asked after two seconds; an unreachable one, or one that is not available, is left at once. All that were asked may still answer, and the
 * first answer counts, whatever it says: nobody else is asked about a password that is wrong.
 */
export function createSender(options: SenderOptions): Send {
  const { locate, timer, observe } = options;
  const lastGood = new RecentMap<string, { server: string; until: number }>(MAX_REALMS);
  return async (realm, message, sending = {}) => {
    const { signal, service = 'kdc' } = sending;
    const located = await orAborted(locate(realm, service), signal);
    observe?.({ kind: 'located', realm, ...located });
    const key = `${service} ${realm}`;
    const good = lastGood.get(key);
    const first = good !== undefined && timer.now() < good.until ? good.server : undefined;
    const isFirst = (server: Server): boolean => keyOf(server) === first;
    const servers = [...located.servers.filter(isFirst), ...located.servers.filter((one) => !isFirst(one))];
    const { reply, server } = await new Round(options, realm, message, sending).run(servers, signal);
    if (server !== undefined) lastGood.set(key, { server: keyOf(server), until: timer.now() + STICKY });
    return reply;
  };
}

/** What else than a KDC's silence wants to be looked at. */
const HINTS: Readonly<Record<ServiceKind, { hint?: string }>> = {
  kdc: {},
  primary: {},
  kpasswd: {
    hint: 'Check that passwords are changed there, and that UDP and TCP port 464 pass every firewall in between.',
  },
};

interface Reply {
  readonly reply: Uint8Array;
  /** Who answered; `undefined` for a server that could not. */
  readonly server: Server | undefined;
}

/** One message to the servers of one realm. */
class Round {
  readonly #options: SenderOptions;
  readonly #realm: string;
  readonly #message: Uint8Array;
  readonly #sending: SendOptions;
  /** Whether the message was sent as it came. */
  #sent = false;
  readonly #over = new AbortController();
  readonly #answer = Promise.withResolvers<Reply>();
  readonly #running: Promise<Outcome>[] = [];
  readonly #failures = new Set<string>();
  /** A failure that says more than silence does. */
  #told: ClientError | undefined;
  /** What a server said that cannot help: better than nothing when nobody else answers. */
  #consolation: Uint8Array | undefined;

  constructor(options: SenderOptions, realm: string, message: Uint8Array, sending: SendOptions) {
    this.#options = options;
    this.#realm = realm;
    this.#message = message;
    this.#sending = sending;
  }

  async run(servers: readonly Server[], signal: AbortSignal | undefined): Promise<Reply> {
    try {
      return await orAborted(Promise.race([this.#answer.promise, this.#askAll(servers)]), signal);
    } finally {
      this.#over.abort();
    }
  }

  async #askAll(servers: readonly Server[]): Promise<Reply> {
    for (const server of servers) if (!this.#over.signal.aborted) await this.#askServer(server);
    await this.#within(this.#options.lastPatience ?? 5000, Promise.all(this.#running));
    if (this.#consolation !== undefined) return { reply: this.#consolation, server: undefined };
    const tried = [...this.#failures].join('; ') || 'all of them are silent';
    if (this.#told !== undefined) throw this.#told;
    throw new ClientError(
      'no-answer',
      `The realm is ${this.#realm}; ${tried}.`,
      HINTS[this.#sending.service ?? 'kdc'],
    );
  }

  async #askServer(server: Server): Promise<void> {
    const { patience = 1000, network } = this.#options;
    const { host, port, url } = server;
    if (url !== undefined) {
      await this.#try(server, { transport: 'https', address: host, port, url }, 2 * patience);
      return;
    }
    const found = await this.#within(patience, this.#resolve(host, network));
    const addresses = found?.slice(0, MAX_ADDRESSES) ?? [];
    // A host that is dead at all of its addresses takes no more time than one with a single address.
    const share = patience / (addresses.length || 1);
    for (const address of addresses) {
      for (const transport of this.#transports(server)) {
        if (this.#over.signal.aborted) return;
        const outcome = await this.#try(server, { transport, address, port }, share);
        if (outcome === 'unavailable') return;
      }
    }
  }

  /** Asks `target`, and waits so long; `undefined`: it is silent, or all is over. */
  async #try(server: Server, target: Target, milliseconds: number): Promise<Outcome | undefined> {
    const outcome = await this.#within(milliseconds, this.#ask(server, target));
    if (outcome === undefined && !this.#over.signal.aborted)
      this.#tell(server, target, milliseconds, 'silent');
    return outcome;
  }

  /** A request that is too long for one packet is likely to get lost over UDP: TCP comes first then. */
  #transports({ transports }: Server): readonly Transport[] {
    const isUdpWrong = this.#message.length > MAX_UDP_REQUEST || this.#sending.renew !== undefined;
    return isUdpWrong ? transports.toReversed() : transports;
  }

  #next(): Uint8Array {
    const message = this.#sent ? (this.#sending.renew?.() ?? this.#message) : this.#message;
    this.#sent = true;
    return message;
  }

  async #resolve(host: string, network: Network): Promise<readonly string[]> {
    try {
      return await network.addresses(host, this.#over.signal);
    } catch (error) {
      this.#failures.add(`${host}: ${reasonOf(error)}`);
      return [];
    }
  }

  /** Sends to `target`. The answer may come when others are being tried already. */
  #ask(server: Server, target: Target): Promise<Outcome> {
    const start = this.#options.timer.now();
    const elapsed = (): number => this.#options.timer.now() - start;
    const { signal } = this.#over;
    const asked = this.#exchange(target).then(
      (reply): Outcome => {
        const outcome = outcomeOf(reply, target.transport);
        if (signal.aborted) return outcome;
        this.#tell(server, target, elapsed(), outcome);
        if (outcome === 'answered') {
          this.#answer.resolve({ reply, server });
          this.#over.abort();
        } else {
          this.#consolation = reply;
        }
        return outcome;
      },
      (error: unknown): Outcome => {
        if (signal.aborted) return 'unreachable';
        const detail = reasonOf(error);
        if (error instanceof ClientError) this.#told ??= error;
        const { url, address, port, transport } = target;
        this.#failures.add(`${url ?? `${address}:${port} over ${transport.toUpperCase()}`}: ${detail}`);
        this.#tell(server, target, elapsed(), 'unreachable', detail);
        return 'unreachable';
      },
    );
    this.#running.push(asked);
    return asked;
  }

  async #exchange(target: Target): Promise<Uint8Array> {
    const { network } = this.#options;
    const { signal } = this.#over;
    const message = this.#next();
    if (target.url === undefined) return network.exchange(target, message, signal);
    // The copy is for whoever sends it: what `encode` gives shares its memory.
    const body = encodeKdcProxyMessage({ message, realm: this.#realm }).slice();
    return decodeKdcProxyMessage(await network.exchange(target, body, signal)).message;
  }

  /** What `promise` gives, or `undefined` when that takes longer. */
  async #within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
    const enough = new AbortController();
    const { signal } = enough;
    try {
      const alarm = this.#options.timer.sleep(milliseconds, AbortSignal.any([signal, this.#over.signal]));
      return await Promise.race([promise, alarm.then(() => undefined)]);
    } finally {
      enough.abort();
    }
  }

  #tell(
    server: Server,
    target: Target,
    milliseconds: number,
    outcome: Outcome | 'silent',
    detail?: string,
  ): void {
    const { host } = server;
    this.#options.observe?.({
      kind: 'attempt',
      realm: this.#realm,
      host,
      ...target,
      milliseconds,
      outcome,
      detail,
    });
  }
}

const KRB_ERROR = 0x60 | MessageType.KRB_ERROR;

/** Two errors are about the transport and the server themselves (section 7.2.1); whatever else one says is an answer. */
function outcomeOf(reply: Uint8Array, transport: Transport): Outcome {
  if (reply[0] !== KRB_ERROR) return 'answered';
  try {
    const { errorCode } = decode(KrbError, reply);
    if (errorCode === ErrorCode.KRB_ERR_RESPONSE_TOO_BIG && transport === 'udp') return 'too-big';
    return errorCode === ErrorCode.KDC_ERR_SVC_UNAVAILABLE ? 'unavailable' : 'answered';
  } catch (error) {
    if (error instanceof DerError) return 'answered';
    throw error;
  }
}

/** What `promise` gives, unless `signal` ends the waiting first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function keyOf({ host, port, url }: Server): string {
  return url ?? `${host} ${port}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
