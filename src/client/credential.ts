import type { Key } from '../base/key.ts';
import type { Clock, Seconds } from '../base/ports.ts';
import type { Principal } from '../ap/principal.ts';
import type { Ccache, Credential as CcacheEntry } from '../codec/ccache.ts';
import { isConfiguration, isRemoved, timeOffset, timeOffsetTag } from '../codec/ccache.ts';
import { decode, encode } from '../codec/der/type.ts';
import type { HostAddress } from '../codec/krb5/basic.ts';
import { Ticket } from '../codec/krb5/ticket.ts';
import { type ClientContext, shifted } from './context.ts';

/** A ticket with its session key and what the KDC said about both. Secret: whoever has it is its client. */
export interface Credential {
  readonly client: Principal;
  /** The service, and the realm that issued the ticket. */
  readonly server: Principal;
  readonly ticket: Ticket;
  /** The session key. */
  readonly key: Key;
  /** Ticket flags, numbered as in `spec/flags.ts`. */
  readonly flags: number;
  readonly authtime: Seconds;
  readonly starttime: Seconds;
  readonly endtime: Seconds;
  /** Until when the ticket can be renewed; `undefined`: it cannot. */
  readonly renewTill: Seconds | undefined;
  /** Network addresses that the ticket is bound to; empty: none. */
  readonly addresses: readonly HostAddress[];
  /** Microseconds to add to our own clock to get the KDC's; 0 where they are near enough to each other. */
  readonly clockOffset: number;
}

/** The realm whose KDC takes this ticket-granting ticket; `undefined` for any other ticket. */
export function grantingRealm({ server: { name } }: Pick<Credential, 'server'>): string | undefined {
  return name.nameString.length === 2 && name.nameString[0] === 'krbtgt' ? name.nameString[1] : undefined;
}

/** The clock that the KDC of `credential` goes by, and the services of its realm: what AP-REQs are made with. */
export function clockOf(
  context: Pick<ClientContext, 'clock'>,
  { clockOffset }: Pick<Credential, 'clockOffset'>,
): Clock {
  return shifted(context.clock, clockOffset);
}

/** A cache of these credentials, whose first one's client owns it; for `writeCcache`. Throws `RangeError` where there is none. */
export function toCcache(credentials: readonly Credential[]): Ccache {
  const [first] = credentials;
  if (first === undefined) throw new RangeError('a cache needs a credential to know whose it is');
  const { clockOffset } = first;
  const seconds = Math.trunc(clockOffset / 1_000_000);
  return {
    tags: clockOffset === 0 ? [] : [timeOffsetTag(seconds, clockOffset - seconds * 1_000_000)],
    principal: first.client,
    credentials: credentials.map(toCcacheEntry),
  };
}

/** The tickets of a cache, in its order. Throws `DerError` where one is no ticket. */
export function fromCcache(cache: Ccache): Credential[] {
  const offset = timeOffset(cache);
  const clockOffset = offset === undefined ? 0 : offset.seconds * 1_000_000 + offset.microseconds;
  return cache.credentials
    .filter((entry) => !isConfiguration(entry) && !isRemoved(entry))
    .map((entry) => fromCcacheEntry(entry, clockOffset));
}

function toCcacheEntry(credential: Credential): CcacheEntry {
  const { ticket, renewTill, client, server, key, flags, authtime, starttime, endtime, addresses } =
    credential;
  return {
    client,
    server,
    key,
    authtime,
    starttime,
    endtime,
    renewTill: renewTill ?? 0,
    isSkey: 0,
    flags,
    addresses,
    authorizationData: [],
    ticket: encode(Ticket, ticket),
    secondTicket: new Uint8Array(0),
  };
}

function fromCcacheEntry(entry: CcacheEntry, clockOffset: number): Credential {
  const { client, server, key, flags, authtime, endtime, renewTill, addresses } = entry;
  return {
    client,
    server,
    ticket: decode(Ticket, entry.ticket),
    key,
    flags,
    authtime,
    starttime: entry.starttime === 0 ? authtime : entry.starttime,
    endtime,
    renewTill: renewTill === 0 ? undefined : renewTill,
    addresses,
    clockOffset,
  };
}
