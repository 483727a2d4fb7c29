/** RFC 4120 section 3.2.3: receipt of a KRB_AP_REQ message. */
import type { Key } from '../base/key.ts';
import { type Clock, nowSeconds, type Seconds } from '../base/ports.ts';
import { equalBytes, toHex } from '../base/bytes.ts';
import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import { ApReq, Authenticator } from '../codec/krb5/ap.ts';
import type { HostAddress } from '../codec/krb5/basic.ts';
import { EncTicketPart, type Ticket } from '../codec/krb5/ticket.ts';
import type { KeytabEntry } from '../codec/keytab.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { CryptoError } from '../crypto/errors.ts';
import { checksumTypeOf } from '../crypto/etypes.ts';
import { STRONG_ETYPES } from '../spec/etypes.ts';
import { ApOption, TicketFlag } from '../spec/flags.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { wireKey } from './keys.ts';
import { type Principal, samePrincipal, showPrincipal } from './principal.ts';
import { refuse } from './reason.ts';
import type { ReplayCache } from './replay-cache.ts';
import { AP_USAGES, type ApUsages } from './usages.ts';

/** A long-term key of a service. */
export type ServiceKey = Pick<KeytabEntry, 'realm' | 'name' | 'kvno' | 'key'>;

/** Who accepts AP-REQs. */
export interface Acceptor {
  readonly crypto: Crypto;
  readonly clock: Clock;
  /** All keys of the service that a ticket is for, none where it is not ours. Of a keytab: `keysOf(entries)`. */
  readonly keys: (server: Principal) => readonly ServiceKey[];
  /** `undefined` only where a replay cannot do harm, as in a channel that both sides made for this one request. */
  readonly replays: ReplayCache | undefined;
  /** How far a client's clock may be off. Default 300. */
  readonly clockSkew?: Seconds;
  /** Encryption types that are accepted for tickets, session keys and subkeys. Default: all strong ones. */
  readonly etypes?: readonly number[];
}

/** What the acceptor knows about one request. */
export interface ApReqContext {
  /** Where it came from; left out: addresses in tickets are not looked at. */
  readonly address?: HostAddress;
  /** What the authenticator's keyed checksum must cover; left out: its checksum is the caller's to look at (GSS-API has one of its own). */
  readonly covered?: Uint8Array;
  /** Default: those of an application server. */
  readonly usages?: ApUsages;
}

/** An AP-REQ whose sender owns the ticket. Only `verifyApReq` makes one. */
export interface VerifiedApReq {
  /** Who sends it: the pair of realm and name, never the name alone. */
  readonly client: Principal;
  readonly server: Principal;
  /** The ticket's inside; its authorization data is not verified here. */
  readonly ticket: EncTicketPart;
  /** The key that opened the ticket. */
  readonly ticketKey: ServiceKey;
  readonly sessionKey: Key;
  readonly authenticator: Authenticator;
  /** The client's choice of a key for what follows. */
  readonly subkey: Key | undefined;
  /** Whether the client waits for an AP-REP. */
  readonly mutual: boolean;
}

/** Verifies an AP-REQ as the service that it is for. Throws `ApError`, whose `code` is one of the closed list `ApReason`. */
export function verifyApReq(
  acceptor: Acceptor,
  message: Uint8Array,
  context: ApReqContext = {},
): VerifiedApReq {
  const { crypto, etypes = STRONG_ETYPES, clockSkew = 300 } = acceptor;
  const { usages = AP_USAGES, address, covered } = context;
  const apReq = readOr(() => decode(ApReq, message));
  if ((apReq.apOptions & ApOption.USE_SESSION_KEY) !== 0)
    refuse('no-key', 'It wants to be opened with the session key of a ticket of the service (user-to-user).');
  const server = { realm: apReq.ticket.realm, name: apReq.ticket.sname };
  const { ticketKey, ticket } = openTicket(acceptor, etypes, server, apReq.ticket);
  const sessionKey = wireKey(ticket.key, etypes);
  const { cipher } = apReq.authenticator;
  const plain = decryptOr(crypto, sessionKey, usages.authenticator, cipher);
  if (plain === undefined) refuse('authenticator-integrity');
  const authenticator = readOr(() => decode(Authenticator, plain));

  const client = { realm: ticket.crealm, name: ticket.cname };
  const claimed = { realm: authenticator.crealm, name: authenticator.cname };
  if (!samePrincipal(client, claimed)) refuse('client-mismatch', `It names ${showPrincipal(claimed)}.`);
  if (address !== undefined && !mayComeFrom(ticket.caddr, address)) refuse('address-mismatch');
  const now = nowSeconds(acceptor.clock);
  const skew = authenticator.ctime - now;
  if (Math.abs(skew) > clockSkew)
    refuse('clock-skew', `The client's is ${Math.abs(skew)} seconds ${skew > 0 ? 'ahead' : 'behind'}.`);
  if (covered !== undefined) checkChecksum(crypto, sessionKey, usages, authenticator, covered);
  checkTimes(ticket, clockSkew, now);
  checkPath(ticket, server);
  const subkey = wireKey(authenticator.subkey, etypes);
  // Last, so that nothing is remembered that is refused anyway. The MAC at the end stands for the whole: it is made with the session key.
  if (
    acceptor.replays?.firstTime(
      toHex(cipher.subarray(-16)),
      authenticator.ctime,
      authenticator.cusec,
      now,
    ) === false
  )
    refuse('replay');
  const mutual = (apReq.apOptions & ApOption.MUTUAL_REQUIRED) !== 0;
  return { client, server, ticket, ticketKey, sessionKey, authenticator, subkey, mutual };
}

/** The look-up of keys that `Acceptor.keys` wants, in the entries of a keytab. */
export function keysOf(entries: readonly ServiceKey[]): (server: Principal) => readonly ServiceKey[] {
  return (server) => entries.filter((entry) => samePrincipal(entry, server));
}

function openTicket(
  acceptor: Acceptor,
  etypes: readonly number[],
  server: Principal,
  { encPart }: Ticket,
): { ticketKey: ServiceKey; ticket: EncTicketPart } {
  const keys = acceptor.keys(server);
  if (keys.length === 0) refuse('not-us', `It is for ${showPrincipal(server)}.`);
  const { etype, kvno, cipher } = encPart;
  const usable = keys.filter(({ key }) => key.etype === etype && etypes.includes(etype));
  if (usable.length === 0) refuse('no-key', `It has the encryption type ${etype}.`);
  // The kvno is optional: without it every version may have made the ticket.
  const versions = usable.filter((one) => kvno === undefined || one.kvno === kvno);
  if (versions.length === 0) refuse('unknown-key-version', `It was made with version ${kvno}.`);
  for (const ticketKey of versions) {
    const plain = decryptOr(acceptor.crypto, ticketKey.key, KeyUsage.TICKET, cipher);
    if (plain !== undefined) return { ticketKey, ticket: readOr(() => decode(EncTicketPart, plain)) };
  }
  return refuse('ticket-integrity');
}

/** What an application's AP-REQ was sent with is checked as a TGS checks its request (section 3.3.2): by a keyed checksum, or not at all. */
function checkChecksum(
  crypto: Crypto,
  key: Key,
  usages: ApUsages,
  { cksum }: Authenticator,
  covered: Uint8Array,
): void {
  if (cksum === undefined || cksum.cksumtype !== checksumTypeOf(key.etype)) refuse('no-checksum');
  if (!crypto.verifyChecksum(key, usages.checksum, cksum.cksumtype, covered, cksum.checksum))
    refuse('checksum-wrong');
}

/**
 * "If the starttime is later than the current time by more than the allowable clock skew, or if the INVALID flag is set in the ticket, the
 * KRB_AP_ERR_TKT_NYV error is returned.  Otherwise, if the current time is later than end time by more than the allowable clock skew, the
 * KRB_AP_ERR_TKT_EXPIRED error is returned."
 */
function checkTimes(ticket: EncTicketPart, clockSkew: Seconds, now: Seconds): void {
  const start = ticket.starttime ?? ticket.authtime;
  if ((ticket.flags & TicketFlag.INVALID) !== 0) refuse('ticket-not-yet-valid');
  if (start > now + clockSkew) refuse('ticket-not-yet-valid', `It starts in ${start - now} seconds.`);
  if (ticket.endtime < now - clockSkew)
    refuse('ticket-expired', `It ended ${now - ticket.endtime} seconds ago.`);
}

/**
 * "Application servers MUST either do the transited-realm checks themselves or reject cross-realm tickets without TRANSITED-POLICY-CHECKED
 * set" (section 2.7). A client of a neighbouring realm has come through no other: there is nothing to check.
 */
function checkPath(ticket: EncTicketPart, server: Principal): void {
  if (ticket.crealm === server.realm || ticket.transited.contents.length === 0) return;
  if ((ticket.flags & TicketFlag.TRANSITED_POLICY_CHECKED) === 0) refuse('path-not-checked');
}

/**
 * Whether a ticket that is bound to `caddr` may be used from `address`. An empty list binds to nothing, and neither does the name of the
 * workstation, which Windows and Samba put there: no sender can be compared with it.
 */
function mayComeFrom(caddr: readonly HostAddress[] | undefined, address: HostAddress): boolean {
  if (caddr === undefined || caddr.every(({ addrType }) => addrType === NETBIOS)) return true;
  return caddr.some((one) => sameHost(one, address));
}

/** RFC 4120 section 7.5.3. */
const NETBIOS = 20;

function sameHost(a: HostAddress, b: HostAddress): boolean {
  return a.addrType === b.addrType && equalBytes(a.address, b.address);
}

function decryptOr(crypto: Crypto, key: Key, usage: number, cipher: Uint8Array): Uint8Array | undefined {
  try {
    return crypto.decrypt(key, usage, cipher);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function readOr<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) return refuse('malformed-message', error.message);
    throw error;
  }
}
