/**
 * FILE credential caches, format 0x0504 (MIT krb5, doc/formats/ccache_file_format): two bytes of version, a header of tagged fields, the
 * default principal, then credentials until the end. All numbers are big-endian. Format 0x0503 is read, too: it has no header, and
 * gives the enctype of a key twice.
 */
import { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import { BinaryReader, BinaryWriter } from './binary.ts';
import type { AuthorizationData, HostAddress, PrincipalName } from './krb5/basic.ts';

/** A principal with its realm. */
export interface CcachePrincipal {
  readonly realm: string;
  readonly name: PrincipalName;
}

/** A ticket with its session key. Times are 0 where there is none; all of them are unsigned 32 bits. */
export interface Credential {
  readonly client: CcachePrincipal;
  readonly server: CcachePrincipal;
  readonly key: Key;
  readonly authtime: Seconds;
  readonly starttime: Seconds;
  readonly endtime: Seconds;
  readonly renewTill: Seconds;
  /** An octet that is not 0 where the ticket is encrypted in another ticket's session key (user-to-user). */
  readonly isSkey: number;
  /** Ticket flags, numbered as in `spec/flags.ts`. */
  readonly flags: number;
  readonly addresses: readonly HostAddress[];
  readonly authorizationData: AuthorizationData;
  /** DER of the Ticket. */
  readonly ticket: Uint8Array;
  /** DER of the user-to-user server's ticket; empty where there is none. */
  readonly secondTicket: Uint8Array;
}

/** What a cache file holds. */
export interface Ccache {
  /** Header fields as they are; `timeOffset` reads the one that is assigned. */
  readonly tags: readonly { readonly tag: number; readonly value: Uint8Array }[];
  readonly principal: CcachePrincipal;
  /** Everything stored, in the file's order: tickets, configuration entries and what was removed (`isConfiguration`, `isRemoved`). */
  readonly credentials: readonly Credential[];
}

/** Parses a cache file; keys and tickets are copies. Throws `RealmwardError` with code `bad-ccache`. */
export function readCcache(bytes: Uint8Array): Ccache {
  const reader = new BinaryReader(bytes, 'bad-ccache', HINT);
  const version = reader.uint16('the version');
  if (version !== VERSION && version !== VERSION_3) {
    const found = version.toString(16).padStart(4, '0');
    reader.fail(`the file begins with ${found}, a credential cache with 0504 or 0503`, 0);
  }
  const tags = version === VERSION ? readTags(reader) : [];
  const principal = readPrincipal(reader);
  const credentials: Credential[] = [];
  while (reader.pos < bytes.length) credentials.push(readCredential(reader, version));
  return { tags, principal, credentials };
}

/** A cache file of format 0x0504. Throws `RangeError` for a value that the format cannot hold. */
export function writeCcache({ tags, principal, credentials }: Ccache): Uint8Array<ArrayBuffer> {
  const header = new BinaryWriter();
  for (const { tag, value } of tags) header.uint16(tag).counted16(value);
  const writer = new BinaryWriter().uint16(VERSION).counted16(header.take());
  writePrincipal(writer, principal);
  for (const credential of credentials) writeCredential(writer, credential);
  return writer.take();
}

/** Whether `bytes` begin like a credential cache that `readCcache` reads. */
export function isCcache(bytes: Uint8Array): boolean {
  return bytes[0] === VERSION >> 8 && (bytes[1] === (VERSION & 0xff) || bytes[1] === (VERSION_3 & 0xff));
}

/** How far the KDC's clock was ahead of the cache's owner; `undefined` where the header does not tell. */
export function timeOffset(cache: Ccache): { seconds: number; microseconds: number } | undefined {
  const value = cache.tags.find(({ tag, value }) => tag === TAG_TIME_OFFSET && value.length === 8)?.value;
  if (value === undefined) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, 8);
  return { seconds: view.getInt32(0), microseconds: view.getInt32(4) };
}

/** The header field that `timeOffset` reads. Both numbers are signed 32 bits. */
export function timeOffsetTag(seconds: number, microseconds: number): { tag: number; value: Uint8Array } {
  return { tag: TAG_TIME_OFFSET, value: new BinaryWriter().int32(seconds).int32(microseconds).take() };
}

/** Whether this is no ticket but a setting of the client library, which stands in the place of the ticket. */
export function isConfiguration(credential: Credential): boolean {
  return (
    credential.server.realm === 'X-CACHECONF:' &&
    credential.server.name.nameString[0] === 'krb5_ccache_conf_data'
  );
}

/** Whether this credential was removed in place, as MIT krb5 does it: no end, but an authentication time. */
export function isRemoved(credential: Credential): boolean {
  return credential.endtime === 0 && credential.authtime !== 0;
}

const VERSION = 0x0504;
const VERSION_3 = 0x0503;
const TAG_TIME_OFFSET = 1;
const HINT = 'Is this a FILE credential cache? `klist -c FILE` of MIT krb5 reads the same format (0x0504).';

function readTags(reader: BinaryReader): { tag: number; value: Uint8Array }[] {
  const length = reader.uint16('the length of the header');
  const end = reader.pos + length;
  if (end > reader.bytes.length)
    reader.fail(`a header of ${length} bytes reaches beyond the end of the file`);
  reader.end = end;
  const tags: { tag: number; value: Uint8Array }[] = [];
  while (reader.pos < end) {
    const tag = reader.uint16('a header tag');
    tags.push({ tag, value: reader.octets(reader.uint16('the length of a header field'), 'a header field') });
  }
  reader.end = reader.bytes.length;
  return tags;
}

function readPrincipal(reader: BinaryReader): CcachePrincipal {
  const nameType = reader.int32('the name type');
  const count = reader.uint32('the number of name components');
  const realm = reader.text(reader.uint32('the length of the realm'), 'the realm');
  const nameString: string[] = [];
  for (let i = 0; i < count; i++) {
    nameString.push(reader.text(reader.uint32('the length of a name component'), 'a name component'));
  }
  return { realm, name: { nameType, nameString } };
}

function writePrincipal(writer: BinaryWriter, { realm, name }: CcachePrincipal): void {
  writer.int32(name.nameType).uint32(name.nameString.length).counted32(realm);
  for (const component of name.nameString) writer.counted32(component);
}

function readCredential(reader: BinaryReader, version: number): Credential {
  const client = readPrincipal(reader);
  const server = readPrincipal(reader);
  const etype = reader.int16('the enctype');
  if (version === VERSION_3) reader.int16('the enctype once more');
  const key = new Key(etype, counted(reader, 'the session key'));
  return {
    client,
    server,
    key,
    authtime: reader.uint32('authtime'),
    starttime: reader.uint32('starttime'),
    endtime: reader.uint32('endtime'),
    renewTill: reader.uint32('renew-till'),
    isSkey: reader.uint8('is_skey'),
    flags: reader.uint32('the ticket flags'),
    addresses: typedList(reader, 'address').map(([addrType, address]) => ({ addrType, address })),
    authorizationData: typedList(reader, 'authorization data').map(([adType, adData]) => ({
      adType,
      adData,
    })),
    ticket: counted(reader, 'the ticket'),
    secondTicket: counted(reader, 'the second ticket'),
  };
}

function writeCredential(writer: BinaryWriter, credential: Credential): void {
  writePrincipal(writer, credential.client);
  writePrincipal(writer, credential.server);
  writer
    .int16(credential.key.etype)
    .counted32(credential.key.bytes)
    .uint32(credential.authtime)
    .uint32(credential.starttime)
    .uint32(credential.endtime)
    .uint32(credential.renewTill)
    .uint8(credential.isSkey)
    .uint32(credential.flags)
    .uint32(credential.addresses.length);
  for (const { addrType, address } of credential.addresses) writer.int16(addrType).counted32(address);
  writer.uint32(credential.authorizationData.length);
  for (const { adType, adData } of credential.authorizationData) writer.int16(adType).counted32(adData);
  writer.counted32(credential.ticket).counted32(credential.secondTicket);
}

function counted(reader: BinaryReader, what: string): Uint8Array<ArrayBuffer> {
  return reader.octets(reader.uint32(`the length of ${what}`), what);
}

/** A counted list of 16-bit types with byte strings. The count needs no bound: each element has at least six bytes of the file. */
function typedList(reader: BinaryReader, what: string): [number, Uint8Array][] {
  const list: [number, Uint8Array][] = [];
  for (let count = reader.uint32(`the number of ${what} elements`); count > 0; count--) {
    list.push([reader.int16(`a type of ${what}`), counted(reader, what)]);
  }
  return list;
}
