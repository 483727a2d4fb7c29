import type { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { PacBuffer } from '../spec/pac-buffers.ts';
import { encodeAttributesInfo } from './attributes-info.ts';
import { encodeClientInfo } from './client-info.ts';
import { PacError } from './error.ts';
import { writeFiletime } from './filetime.ts';
import type { LogonInfo } from './logon-info.ts';
import { accountSid, encodeLogonInfo } from './logon-info.ts';
import type { Pac } from './pac.ts';
import { encodePac, findBuffer } from './pac.ts';
import { encodeRequesterSid } from './requester-sid.ts';
import type { SignatureType } from './signatures.ts';
import { SIGNATURE_TYPE_LENGTH, emptySignature, isSignature } from './signatures.ts';
import type { UpnDnsInfo } from './upn-dns-info.ts';
import { encodeUpnDnsInfo } from './upn-dns-info.ts';

/** Whom a PAC describes. */
export interface PacIdentity {
  readonly logonInfo: LogonInfo;
  /** The ticket's cname: components joined by `/`, without realm. */
  readonly clientName: string;
  readonly upnDnsInfo: UpnDnsInfo | undefined;
  /** Whether LogonTime is the ticket's authtime, or what `logonInfo` says. */
  readonly timedByTicket: boolean;
}

/** Etypes of the keys that will sign. */
export interface SigningEtypes {
  readonly server: number;
  readonly kdc: number;
}

/**
 * A PAC laid out once for an account and two etypes, with everything in its place but times and signatures. Issuing copies it, patches the
 * times and fills in the signatures. Worth keeping with the account.
 */
export interface PacTemplate {
  readonly bytes: Uint8Array;
  readonly etypes: SigningEtypes;
  /** Offsets at which the ticket's authtime goes. */
  readonly times: readonly number[];
  /** Offsets of the checksums. */
  readonly server: number;
  readonly kdc: number;
  /** From, to, from, to, …: everything that is the same in each PAC made of this. */
  readonly fixed: readonly number[];
}

export interface TgtTemplate extends PacTemplate {
  /** Offset of the flags of ATTRIBUTES_INFO; all that are defined fit into one byte. */
  readonly attributes: number;
}

export interface ServiceTemplate extends PacTemplate {
  /** Offsets of the other two checksums. */
  readonly ticket: number;
  readonly full: number;
}

/** For ticket-granting tickets of this realm and of others, and for kadmin/changepw. Throws `PacError` on what fits into no PAC. */
export function prepareTgtPac(identity: PacIdentity, etypes: SigningEtypes): TgtTemplate {
  const pac = encodePac([
    ...accountBuffers(identity),
    { type: PacBuffer.ATTRIBUTES_INFO, data: encodeAttributesInfo(0) },
    { type: PacBuffer.REQUESTER_SID, data: encodeRequesterSid(accountSid(identity.logonInfo)) },
    { type: PacBuffer.SERVER_CHECKSUM, data: emptySignature(etypes.server) },
    { type: PacBuffer.KDC_CHECKSUM, data: emptySignature(etypes.kdc) },
  ]);
  const attributes = offsetOf(pac, PacBuffer.ATTRIBUTES_INFO) + ATTRIBUTES_FLAGS;
  return { ...layOut(pac, identity, etypes, [{ at: attributes, end: attributes + 1 }]), attributes };
}

/**
 * For service tickets: neither ATTRIBUTES_INFO nor REQUESTER_SID, and two more signatures. Of a foreign PAC nothing else is passed on: claims
 * were made under another forest's definitions (MS-PAC 4.1.2.2), and credentials are for the KDC's own user alone.
 */
export function prepareServicePac(identity: PacIdentity, etypes: SigningEtypes): ServiceTemplate {
  const pac = encodePac([
    ...accountBuffers(identity),
    { type: PacBuffer.SERVER_CHECKSUM, data: emptySignature(etypes.server) },
    { type: PacBuffer.KDC_CHECKSUM, data: emptySignature(etypes.kdc) },
    { type: PacBuffer.TICKET_CHECKSUM, data: emptySignature(etypes.kdc) },
    { type: PacBuffer.FULL_CHECKSUM, data: emptySignature(etypes.kdc) },
  ]);
  return {
    ...layOut(pac, identity, etypes, []),
    ticket: checksumOffset(pac, PacBuffer.TICKET_CHECKSUM),
    full: checksumOffset(pac, PacBuffer.FULL_CHECKSUM),
  };
}

/** A PAC for a ticket-granting ticket. The keys' etypes must be the template's, else `PacError`. */
export function issueTgtPac(
  crypto: Crypto,
  template: TgtTemplate,
  ticket: {
    readonly authTime: Seconds;
    /** How the client came to a PAC (`PacAttribute`). */
    readonly attributes: number;
    readonly serverKey: Key;
    readonly kdcKey: Key;
  },
): Uint8Array {
  checkEtypes(template, ticket.serverKey, ticket.kdcKey);
  const pac = copyWithTimes(template, ticket.authTime);
  pac[template.attributes] = ticket.attributes;
  signServerAndKdc(crypto, template, pac, ticket.serverKey, ticket.kdcKey);
  return pac;
}

/**
 * A PAC for a service ticket. `ticketBytes` is the EncTicketPart as it will be, but encoded with one zero byte as the PAC's ad-data
 * (MS-PAC 2.8.3): so it is encoded first, then this is called, then the ticket is encoded with the PAC. The keys' etypes must be the
 * template's, else `PacError`.
 */
export function issueServicePac(
  crypto: Crypto,
  template: ServiceTemplate,
  ticket: {
    readonly authTime: Seconds;
    readonly ticketBytes: Uint8Array;
    readonly serverKey: Key;
    readonly kdcKey: Key;
  },
): Uint8Array {
  checkEtypes(template, ticket.serverKey, ticket.kdcKey);
  const pac = copyWithTimes(template, ticket.authTime);
  pac.set(crypto.checksum(ticket.kdcKey, KeyUsage.PAC_SIGNATURE, ticket.ticketBytes), template.ticket);
  pac.set(crypto.checksum(ticket.kdcKey, KeyUsage.PAC_SIGNATURE, pac), template.full);
  signServerAndKdc(crypto, template, pac, ticket.serverKey, ticket.kdcKey);
  return pac;
}

/**
 * Whether `pac` is what this template gives for `authTime`, but for signatures and the flags of ATTRIBUTES_INFO. A verified PAC that matches
 * its account's present template needs no decoding: it says what we would say now. One that does not was issued before the account changed,
 * or is forged: look closely.
 */
export function matchesTemplate(
  template: Pick<PacTemplate, 'bytes' | 'fixed' | 'times'>,
  pac: Uint8Array,
  authTime: Seconds,
): boolean {
  const { bytes, fixed } = template;
  if (pac.length !== bytes.length) return false;
  for (let i = 0; i < fixed.length; i += 2) {
    const to = fixed[i + 1] as number;
    for (let at = fixed[i] as number; at < to; at++) if (pac[at] !== bytes[at]) return false;
  }
  writeFiletime(expectedTime, 0, authTime);
  const view = new DataView(pac.buffer, pac.byteOffset, pac.length);
  for (const at of template.times) {
    if (view.getUint32(at) !== expectedTime.getUint32(0)) return false;
    if (view.getUint32(at + 4) !== expectedTime.getUint32(4)) return false;
  }
  return true;
}

const expectedTime = new DataView(new ArrayBuffer(8));

function accountBuffers(identity: PacIdentity): { type: number; data: Uint8Array }[] {
  const { logonInfo, clientName, upnDnsInfo } = identity;
  const buffers = [
    { type: PacBuffer.LOGON_INFO as number, data: encodeLogonInfo(logonInfo) },
    { type: PacBuffer.CLIENT_INFO, data: encodeClientInfo({ authTime: 0n, name: clientName }) },
  ];
  if (upnDnsInfo !== undefined)
    buffers.push({ type: PacBuffer.UPN_DNS_INFO, data: encodeUpnDnsInfo(upnDnsInfo) });
  return buffers;
}

/** LogonTime is the first field of KERB_VALIDATION_INFO, behind the headers of NDR and the top-level pointer. */
export const LOGON_TIME = 20;
export const TIME_LENGTH = 8;

/** ATTRIBUTES_INFO: FlagsLength, Flags. */
export const ATTRIBUTES_FLAGS = 4;

interface Range {
  readonly at: number;
  readonly end: number;
}

function layOut(
  pac: Pac,
  identity: PacIdentity,
  etypes: SigningEtypes,
  patched: readonly Range[],
): PacTemplate {
  const times = [offsetOf(pac, PacBuffer.CLIENT_INFO)];
  if (identity.timedByTicket) times.push(offsetOf(pac, PacBuffer.LOGON_INFO) + LOGON_TIME);
  const changing = [...patched, ...times.map((at) => ({ at, end: at + TIME_LENGTH }))];
  for (const { type, offset, data } of pac.buffers)
    if (isSignature(type)) changing.push({ at: offset + SIGNATURE_TYPE_LENGTH, end: offset + data.length });
  changing.sort((a, b) => a.at - b.at);
  return {
    bytes: pac.bytes,
    etypes,
    times,
    server: checksumOffset(pac, PacBuffer.SERVER_CHECKSUM),
    kdc: checksumOffset(pac, PacBuffer.KDC_CHECKSUM),
    fixed: [0, ...changing.flatMap(({ at, end }) => [at, end]), pac.bytes.length],
  };
}

function checksumOffset(pac: Pac, type: SignatureType): number {
  return offsetOf(pac, type) + SIGNATURE_TYPE_LENGTH;
}

function offsetOf(pac: Pac, type: number): number {
  const buffer = findBuffer(pac, type);
  if (buffer === undefined) throw new PacError(`a template has no buffer ${type}`);
  return buffer.offset;
}

/** A checksum of another length would run into the next buffer. */
function checkEtypes({ etypes }: PacTemplate, serverKey: Key, kdcKey: Key): void {
  if (serverKey.etype !== etypes.server || kdcKey.etype !== etypes.kdc)
    throw new PacError('a PAC was laid out for keys of other etypes');
}

function copyWithTimes(template: PacTemplate, authTime: Seconds): Uint8Array {
  const pac = template.bytes.slice();
  const view = new DataView(pac.buffer);
  for (const at of template.times) writeFiletime(view, at, authTime);
  return pac;
}

function signServerAndKdc(
  crypto: Crypto,
  template: PacTemplate,
  pac: Uint8Array,
  serverKey: Key,
  kdcKey: Key,
): void {
  const server = crypto.checksum(serverKey, KeyUsage.PAC_SIGNATURE, pac);
  pac.set(server, template.server);
  pac.set(crypto.checksum(kdcKey, KeyUsage.PAC_SIGNATURE, server), template.kdc);
}
