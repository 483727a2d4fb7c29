import { createReplayCache } from '../ap/replay-cache.ts';
import type { Seconds } from '../base/ports.ts';
import type { RealmwardError } from '../base/errors.ts';
import { createAcceptor } from './negotiate.ts';
import { NegotiateError } from './negotiate-error.ts';
import { createNegotiation, negotiateHeader } from './negotiate-header.ts';
import { serviceKeys, withPrincipals } from './principals.ts';
import { TicketError } from './ticket-error.ts';
import type { TicketCaller, TicketReader, TicketReaderOptions } from './ticket-reader.ts';

export interface NegotiateCallersOptions extends Omit<TicketReaderOptions, 'devices' | 'sid' | 'visitors'> {
  readonly reader: TicketReader;
  /** Canonical names of the services that the server answers as (`HTTP/realm.example`); asked anew each time. */
  readonly services: () => readonly string[];
  /** DER of the server's TLS certificates: see `TokenAcceptorOptions`. */
  readonly certificates?: () => readonly Uint8Array[];
  readonly clockSkew: Seconds;
  /** Encryption types that are accepted. */
  readonly etypes: readonly number[];
}

/** What came of a token of Negotiate; `header` is the value of `WWW-Authenticate` in the answer. */
type NegotiatedCaller =
  | { readonly caller: TicketCaller; readonly header: string | undefined }
  /** The client has to send another token; or, with an error, has proven nothing. */
  | { readonly caller: undefined; readonly header: string; readonly error: RealmwardError | undefined };

/**
 * Tells who sends a request with this `Authorization: Negotiate` over this connection. One replay cache for all services: it knows nothing of the time
 * before the server started, and so refuses what was made then (RFC 4120 section 3.2.3).
 */
export function createNegotiateCallers(
  options: NegotiateCallersOptions,
): (authorization: string, connection: object) => Promise<NegotiatedCaller> {
  const { clock, clockSkew, directory, reader, services } = options;
  const replays = createReplayCache({ clockSkew, since: clock.microseconds() });
  const keys = serviceKeys(directory, options.realm, services);
  const negotiation = (
    certificates: readonly Uint8Array[] | undefined,
  ): ReturnType<typeof createNegotiation> =>
    createNegotiation(createAcceptor({ ...options, keys, replays, certificates }));

  let certificates = options.certificates?.();
  let negotiate = negotiation(certificates);
  /** A new certificate makes a new acceptor, with the same replay cache. */
  const current = (): typeof negotiate => {
    const now = options.certificates?.();
    if (now !== certificates) negotiate = negotiation((certificates = now));
    return negotiate;
  };

  return async (authorization, connection) => {
    const answer = await withPrincipals(directory, () => current()(authorization, connection));
    if (answer === undefined) return refused(new NegotiateError('malformed-header'));
    if (answer.result === 'continue') return { caller: undefined, header: answer.header, error: undefined };
    if (answer.result === 'refused') return refused(answer.error, answer.header);
    try {
      return {
        caller: await reader.caller(answer.ticket, answer.ticketKey.key),
        header: answer.header,
      };
    } catch (error) {
      if (error instanceof TicketError) return refused(error);
      throw error;
    }
  };
}

function refused(error: RealmwardError, header = negotiateHeader()): NegotiatedCaller {
  return { caller: undefined, header, error };
}
