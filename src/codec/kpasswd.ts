/** RFC 3244: changing and setting passwords. */
import { RealmwardError } from '../base/errors.ts';
import { MessageType } from '../spec/message-types.ts';
import { BinaryReader, BinaryWriter } from './binary.ts';
import { octetString } from './der/primitives.ts';
import { field, optional, sequence } from './der/schema.ts';
import { decode, type Infer, type Type } from './der/type.ts';
import { PrincipalName, Realm } from './krb5/basic.ts';

/** A request: who asks, and what for. */
export interface KpasswdRequest {
  /** One of `KpasswdVersion`, or what nobody knows. */
  readonly version: number;
  /** DER of the AP-REQ. */
  readonly apReq: Uint8Array;
  /** DER of the KRB-PRIV. */
  readonly krbPriv: Uint8Array;
}

/** A reply: that of somebody who could read the request, or an error that nobody has signed. Each part is DER. */
export type KpasswdReply =
  { readonly apRep: Uint8Array; readonly krbPriv: Uint8Array } | { readonly krbError: Uint8Array };

/** What the user-data of a reply's KRB-PRIV, or the e-data of its KRB-ERROR, says. */
export interface KpasswdOutcome {
  /** One of `KpasswdResult`. */
  readonly result: number;
  /** UTF-8 for people to read; with AD it may be its password policy: see `readAdPolicy`. */
  readonly text: Uint8Array;
}

const CHANGE_PASSWD_DATA = {
  newpasswd: field(0, octetString('newpasswd', 4096)),
  targname: optional(1, PrincipalName),
  targrealm: optional(2, Realm),
};

/** Any one element, which is stepped over. */
const ignored: Type<undefined> = {
  ...octetString('a later field'),
  read(reader, limit) {
    if (reader.pos >= limit) reader.fail('a field is empty');
    reader.pos = reader.enter(reader.bytes[reader.pos] as number, limit);
    return undefined;
  },
  write: () => undefined,
};

/**
 * ```
 * ChangePasswdData ::= SEQUENCE {
 *         newpasswd       [0] OCTET STRING,
 *         targname        [1] PrincipalName OPTIONAL,
 *         targrealm       [2] Realm OPTIONAL
 * }
 * ```
 * The user-data of a request of version 0xff80. That of version 1 is the new password itself.
 */
export const ChangePasswdData = sequence('ChangePasswdData', CHANGE_PASSWD_DATA);
export type ChangePasswdData = Infer<typeof ChangePasswdData>;

/**
 * "For forward compatibility, the server should be prepared to ignore fields after targrealm in the structure that it does not understand."
 */
const ReadChangePasswdData = sequence('ChangePasswdData', {
  ...CHANGE_PASSWD_DATA,
  later3: optional(3, ignored),
  later4: optional(4, ignored),
  later5: optional(5, ignored),
});

const HINT = 'Another program than one that changes passwords may use this port.';
const HEADER = 6;
const AP_REQ = 0x60 | MessageType.AP_REQ;
const AP_REP = 0x60 | MessageType.AP_REP;
const KRB_PRIV = 0x60 | MessageType.KRB_PRIV;
const KRB_ERROR = 0x60 | MessageType.KRB_ERROR;

/**
 * Bytes of a request. Throws `RangeError` where it would be longer than its length field can say.
 */
export function encodeKpasswdRequest({ version, apReq, krbPriv }: KpasswdRequest): Uint8Array<ArrayBuffer> {
  return frame(version, apReq, krbPriv);
}

/**
 * Reads a request; its parts are copies. A request is told from a reply by the AP-REQ that it must carry: so nobody who answers requests alone
 * ever answers a reply (CVE-2002-2443). Throws `RealmwardError` `bad-kpasswd`.
 */
export function decodeKpasswdRequest(bytes: Uint8Array): KpasswdRequest {
  const { version, first, second } = unframe(bytes);
  if (first[0] !== AP_REQ || second[0] !== KRB_PRIV) return bad('it holds no AP-REQ and KRB-PRIV');
  return { version, apReq: first, krbPriv: second };
}

/** Bytes of a reply, whose version is 1 whatever was asked: "The reply message has the same format as the original change password protocol." */
export function encodeKpasswdReply(reply: KpasswdReply): Uint8Array<ArrayBuffer> {
  return 'krbError' in reply
    ? frame(1, new Uint8Array(0), reply.krbError)
    : frame(1, reply.apRep, reply.krbPriv);
}

/** Reads a reply; a KRB-ERROR without anything around it is one, too. Throws `RealmwardError` `bad-kpasswd`. */
export function decodeKpasswdReply(bytes: Uint8Array): KpasswdReply {
  if (bytes[0] === KRB_ERROR) return { krbError: bytes };
  const { first, second } = unframe(bytes);
  // "If the length is zero, then the last field contains a KRB-ERROR message instead of a KRB-PRIV message."
  if (first.length === 0 && second[0] === KRB_ERROR) return { krbError: second };
  if (first[0] === AP_REP && second[0] === KRB_PRIV) return { apRep: first, krbPriv: second };
  return bad('it holds neither AP-REP and KRB-PRIV nor KRB-ERROR');
}

/** Bytes of an outcome. */
export function encodeKpasswdOutcome({ result, text }: KpasswdOutcome): Uint8Array<ArrayBuffer> {
  return new BinaryWriter().uint16(result).octets(text).take();
}

/** Reads an outcome. Throws `RealmwardError` `bad-kpasswd`. */
export function decodeKpasswdOutcome(bytes: Uint8Array): KpasswdOutcome {
  const reader = new BinaryReader(bytes, 'bad-kpasswd', HINT);
  const result = reader.uint16('the result code');
  return { result, text: reader.octets(bytes.length - reader.pos, 'the result string') };
}

/** Reads the user-data of version 0xff80. Throws `DerError`. */
export function decodeChangePasswdData(bytes: Uint8Array): ChangePasswdData {
  const { newpasswd, targname, targrealm } = decode(ReadChangePasswdData, bytes);
  return { newpasswd, targname, targrealm };
}

/**
 * What AD says of its passwords where it refuses one, as sentences; `undefined` where `text` is none of these statements: 30 bytes, two zeros
 * before all else, then the shortest password, how many earlier ones are remembered, properties, and the longest and shortest life of a
 * password in tenths of microseconds.
 */
export function readAdPolicy(text: Uint8Array): string | undefined {
  if (text.length !== AD_POLICY_LENGTH || text[0] !== 0 || text[1] !== 0) return undefined;
  const view = new DataView(text.buffer, text.byteOffset);
  const [length, history, properties] = [view.getUint32(2), view.getUint32(6), view.getUint32(10)];
  const days = Math.ceil(Number(view.getBigUint64(22)) / 864_000_000_000);
  const wanted = [
    length > 0 && `at least ${count(length, 'character')}`,
    (properties & COMPLEX) !== 0 &&
      'three of these: small letters, capital letters, digits, other characters; and no part of the name',
    history > 0 && `another password than the last ${history === 1 ? 'one' : history}`,
  ].filter((part) => part !== false);
  const sentences = [
    wanted.length > 0 && `The domain wants ${wanted.join('; ')}.`,
    days > 0 && `A password can be changed once in ${count(days, 'day')}.`,
    (properties & REFUSE_CHANGE) !== 0 && 'Users may not change their passwords themselves.',
  ].filter((sentence) => sentence !== false);
  return sentences.join(' ') || 'The domain refuses this password and states no rule for it.';
}

const AD_POLICY_LENGTH = 30;
/** MS-SAMR 2.2.3.5, DomainProperties. */
const COMPLEX = 0x01;
const REFUSE_CHANGE = 0x20;

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function frame(version: number, first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  return new BinaryWriter()
    .uint16(HEADER + first.length + second.length)
    .uint16(version)
    .counted16(first)
    .octets(second)
    .take();
}

function unframe(bytes: Uint8Array): { version: number; first: Uint8Array; second: Uint8Array } {
  const reader = new BinaryReader(bytes, 'bad-kpasswd', HINT);
  // "message length field: contains the number of bytes in the message including this field."
  const length = reader.uint16('the message length');
  if (length !== bytes.length) return bad(`it says that it has ${length} bytes, and has ${bytes.length}`);
  const version = reader.uint16('the version');
  const first = reader.octets(reader.uint16('the length of the first part'), 'the first part');
  return { version, first, second: reader.octets(bytes.length - reader.pos, 'the second part') };
}

function bad(why: string): never {
  throw new RealmwardError('bad-kpasswd', `this is no message about a password: ${why}`, { hint: HINT });
}
