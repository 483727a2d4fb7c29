/** Kerberos requests made by hand, so that each part of them can be wrong. The client library is tested elsewhere. */
import { Key } from '../../src/base/key.ts';
import { decode, encode, type Infer } from '../../src/codec/der/type.ts';
import { ApReq, Authenticator } from '../../src/codec/krb5/ap.ts';
import type { PaData, PrincipalName } from '../../src/codec/krb5/basic.ts';
import { EncryptedData, MethodData } from '../../src/codec/krb5/basic.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import {
  AsRep,
  AsReq,
  EncAsRepPart,
  type EncKdcRepPart,
  EncTgsRepPart,
  KdcReqBody,
  TgsRep,
  TgsReq,
} from '../../src/codec/krb5/kdc.ts';
import { EtypeInfo2, PaEncTsEnc } from '../../src/codec/krb5/padata.ts';
import { EncTicketPart, type Ticket } from '../../src/codec/krb5/ticket.ts';
import { checksumTypeOf } from '../../src/crypto/etypes.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { parseName } from '../../src/realm/name.ts';
import { FakeClock, type MemoryRealm, REALM } from './memory-realm.ts';

type Body = Infer<typeof KdcReqBody>;

export const ORIGIN = { transport: 'udp', address: '127.0.0.1', port: 4711, maxReply: 65_507 };

/** A name of type 1, or 2 for more than one component. */
export function name(text: string, nameType?: number): PrincipalName {
  const nameString = parseName(text);
  return { nameType: nameType ?? (nameString.length > 1 ? 2 : 1), nameString };
}

let nonce = 1;

export function body(clock: FakeClock, fields: Partial<Body> = {}): Body {
  return {
    kdcOptions: 0,
    realm: REALM,
    till: clock.seconds + 86_400,
    nonce: nonce++,
    etype: [20, 19, 18, 17],
    sname: name(`krbtgt/${REALM}`),
    ...fields,
  };
}

export function asReq(requestBody: Body, padata?: readonly PaData[]): Uint8Array {
  return encode(AsReq, { pvno: 5, msgType: 10, padata, reqBody: requestBody });
}

/** PA-ENC-TIMESTAMP made with `key`. */
export function encTimestamp(key: Key, seconds: number): PaData {
  const plain = encode(PaEncTsEnc, { patimestamp: seconds, pausec: 0 });
  const cipher = nodeCrypto.encrypt(key, 1, plain);
  return { padataType: 2, padataValue: encode(EncryptedData, { etype: key.etype, cipher }) };
}

/** A ticket with its session key, as a client has it. */
export interface Credential {
  readonly ticket: Ticket;
  readonly key: Key;
  readonly cname: PrincipalName;
  readonly crealm: string;
  readonly reply: EncKdcRepPart;
}

export interface TgsFields {
  readonly body?: Partial<Body>;
  readonly padata?: readonly PaData[];
  /** Changes to the authenticator; `cksum: undefined` leaves the checksum out. */
  readonly authenticator?: Partial<Infer<typeof Authenticator>>;
  readonly checksumUsage?: number;
  readonly subkey?: Key;
}

export function tgsReq(clock: FakeClock, credential: Credential, fields: TgsFields = {}): Uint8Array {
  const reqBody = body(clock, fields.body);
  const { key } = credential;
  const checksum = nodeCrypto.checksum(key, fields.checksumUsage ?? 6, encode(KdcReqBody, reqBody));
  const authenticator = encode(Authenticator, {
    authenticatorVno: 5,
    crealm: credential.crealm,
    cname: credential.cname,
    cksum: { cksumtype: checksumTypeOf(key.etype), checksum },
    cusec: 0,
    ctime: clock.seconds,
    subkey: fields.subkey && { keytype: fields.subkey.etype, keyvalue: fields.subkey.bytes },
    ...fields.authenticator,
  });
  const apReq = encode(ApReq, {
    pvno: 5,
    msgType: 14,
    apOptions: 0,
    ticket: credential.ticket,
    authenticator: { etype: key.etype, cipher: nodeCrypto.encrypt(key, 7, authenticator) },
  });
  const padata = [{ padataType: 1, padataValue: apReq }, ...(fields.padata ?? [])];
  return encode(TgsReq, { pvno: 5, msgType: 12, padata, reqBody });
}

/** The reply as bytes; fails when there is none. */
export async function ask(realm: MemoryRealm, request: Uint8Array, origin = ORIGIN): Promise<Uint8Array> {
  const reply = await realm.kdc(request, origin);
  if (reply === undefined) throw new Error('the KDC kept silent');
  return reply;
}

/** The KRB-ERROR that a request is answered with; fails on a ticket. */
export async function askForError(
  realm: MemoryRealm,
  request: Uint8Array,
  origin = ORIGIN,
): Promise<KrbError> {
  return decode(KrbError, await ask(realm, request, origin));
}

export interface LoginFields {
  readonly body?: Partial<Body>;
  readonly padata?: readonly PaData[];
  readonly etype?: number;
}

/** Logs `client` in with its own key. Throws when the KDC answers with an error. */
export async function login(
  realm: MemoryRealm,
  client: string,
  fields: LoginFields = {},
): Promise<Credential> {
  const key = realm.key(client, fields.etype ?? 20);
  const request = asReq(body(realm.clock, { cname: name(client), ...fields.body }), [
    encTimestamp(key, realm.clock.seconds),
    ...(fields.padata ?? []),
  ]);
  const bytes = await ask(realm, request);
  throwOnError(bytes);
  const reply = decode(AsRep, bytes);
  const part = decode(EncAsRepPart, nodeCrypto.decrypt(key, 3, reply.encPart.cipher));
  return credentialOf(reply, part);
}

/** Asks for a ticket with a credential. Throws when the KDC answers with an error. */
export async function getTicket(
  realm: MemoryRealm,
  credential: Credential,
  service: string,
  fields: TgsFields = {},
): Promise<Credential> {
  const request = tgsReq(realm.clock, credential, {
    ...fields,
    body: { sname: name(service), ...fields.body },
  });
  const bytes = await ask(realm, request);
  throwOnError(bytes);
  const reply = decode(TgsRep, bytes);
  const { subkey } = fields;
  const plain = nodeCrypto.decrypt(
    subkey ?? credential.key,
    subkey === undefined ? 8 : 9,
    reply.encPart.cipher,
  );
  return credentialOf(reply, decode(EncTgsRepPart, plain));
}

/** The inside of a ticket, opened with `key`. */
export function openedPart(credential: Credential, key: Key, crypto = nodeCrypto): EncTicketPart {
  return decode(EncTicketPart, crypto.decrypt(key, 2, credential.ticket.encPart.cipher));
}

/** The same credential with another inside of its ticket: what somebody who has `key` can forge. */
export function reforged(
  credential: Credential,
  key: Key,
  change: (part: EncTicketPart) => EncTicketPart,
): Credential {
  const cipher = nodeCrypto.encrypt(key, 2, encode(EncTicketPart, change(openedPart(credential, key))));
  return {
    ...credential,
    ticket: { ...credential.ticket, encPart: { ...credential.ticket.encPart, cipher } },
  };
}

/** ETYPE-INFO2 of a KRB-ERROR's METHOD-DATA. */
export function etypeInfo2(error: KrbError): Infer<typeof EtypeInfo2> {
  const padata = decode(MethodData, error.eData as Uint8Array);
  return decode(EtypeInfo2, padata.find(({ padataType }) => padataType === 19)?.padataValue as Uint8Array);
}

function credentialOf(reply: Infer<typeof AsRep>, part: EncKdcRepPart): Credential {
  const key = new Key(part.key.keytype, part.key.keyvalue);
  return { ticket: reply.ticket, key, cname: reply.cname, crealm: reply.crealm, reply: part };
}

function throwOnError(bytes: Uint8Array): void {
  if (bytes[0] !== 0x7e) return;
  const error = decode(KrbError, bytes);
  throw new Error(`KRB-ERROR ${error.errorCode}: ${error.eText}`);
}
