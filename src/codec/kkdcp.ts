/** MS-KKDCP: Kerberos messages inside HTTPS. */
import { RealmwardError } from '../base/errors.ts';
import { Realm, UInt32 } from './krb5/basic.ts';
import { octetString } from './der/primitives.ts';
import { field, optional, sequence } from './der/schema.ts';
import { decode, encode, type Infer } from './der/type.ts';

/** Largest KDC-PROXY-MESSAGE, in bytes: what is longer is neither read nor written. */
export const MAX_KDC_PROXY_MESSAGE = 128 * 1024;

/** The media type of requests and answers (MS-KKDCP section 2.1). */
export const KDC_PROXY_MEDIA_TYPE = 'application/kerberos';

/**
 * ```
 * KDC-PROXY-MESSAGE::= SEQUENCE {
 *         kerb-message           [0] OCTET STRING,
 *         target-domain          [1] KERB-REALM OPTIONAL,
 *         dclocator-hint         [2] INTEGER OPTIONAL
 * }
 * ```
 * Section 2.2.2; a KERB-REALM is a Realm. The same in both directions; an answer has the first field alone.
 */
export const KdcProxyMessage = sequence('KDC-PROXY-MESSAGE', {
  kerbMessage: field(0, octetString('kerb-message')),
  targetDomain: optional(1, Realm),
  dclocatorHint: optional(2, UInt32),
});
export type KdcProxyMessage = Infer<typeof KdcProxyMessage>;

/** What a KDC-PROXY-MESSAGE carries. */
export interface ProxiedMessage {
  /** A Kerberos message by itself, without the length that stands before it over TCP. */
  readonly message: Uint8Array;
  /**
   * The realm whose KDC shall get it, "required for client messages" and absent in answers. "This value is not case-sensitive": a proxy finds the
   * realm that it stands for.
   */
  readonly realm?: string | undefined;
  /** Flags for whom the proxy shall look (MS-NRPC's DsrGetDcName, section 3.5.4.3.1); we heed none. */
  readonly dclocatorHint?: number | undefined;
}

/**
 * DER of a KDC-PROXY-MESSAGE, a view as `encode` gives it. Throws `RangeError` for a message of more than `MAX_KDC_PROXY_MESSAGE` bytes with
 * what is around it.
 */
export function encodeKdcProxyMessage(proxied: ProxiedMessage): Uint8Array<ArrayBuffer> {
  const { message, realm, dclocatorHint } = proxied;
  const kerbMessage = new Uint8Array(PREFIX + message.length);
  new DataView(kerbMessage.buffer).setUint32(0, message.length);
  kerbMessage.set(message, PREFIX);
  const bytes = encode(KdcProxyMessage, { kerbMessage, targetDomain: realm, dclocatorHint });
  if (bytes.length > MAX_KDC_PROXY_MESSAGE)
    throw new RangeError(`${bytes.length} bytes are too many for a KDC-PROXY-MESSAGE`);
  return bytes;
}

/**
 * What a KDC-PROXY-MESSAGE carries; `message` is a view of `bytes`. Throws `DerError` (`bad-der`) for what is none, and `RealmwardError`
 * `bad-kdc-proxy-message` for one that is too long or whose Kerberos message is not as long as it says.
 */
export function decodeKdcProxyMessage(bytes: Uint8Array): ProxiedMessage {
  if (bytes.length > MAX_KDC_PROXY_MESSAGE)
    bad(`has ${bytes.length} bytes, more than ${MAX_KDC_PROXY_MESSAGE}`);
  const { kerbMessage, targetDomain, dclocatorHint } = decode(KdcProxyMessage, bytes);
  // "kerb-message: A Kerberos message, including the 4 octet length value specified in [RFC4120] section 7.2.2 in network byte order".
  if (kerbMessage.length <= PREFIX) bad('has no Kerberos message in it');
  const declared = new DataView(kerbMessage.buffer, kerbMessage.byteOffset).getUint32(0);
  const there = kerbMessage.length - PREFIX;
  if (declared !== there) bad(`says that ${declared} bytes follow, and ${there} do`);
  return { message: kerbMessage.subarray(PREFIX), realm: targetDomain, dclocatorHint };
}

const PREFIX = 4;

function bad(what: string): never {
  throw new RealmwardError('bad-kdc-proxy-message', `The KDC-PROXY-MESSAGE ${what}.`, {
    hint: 'It holds one Kerberos message with its length of four bytes before it, as over TCP.',
  });
}
