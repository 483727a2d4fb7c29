/** Tickets in a credential cache, opened with a key that the test knows, and forged with it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { equalBytes } from '../../src/base/bytes.ts';
import type { Key } from '../../src/base/key.ts';
import { type Credential, readCcache, writeCcache } from '../../src/codec/ccache.ts';
import { readKeytab } from '../../src/codec/keytab.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { AuthorizationData } from '../../src/codec/krb5/basic.ts';
import { EncTicketPart, Ticket } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { decodePac, encodePac, findBuffer } from '../../src/pac/pac.ts';
import { SIGNATURE_TYPE_LENGTH, withZeroed } from '../../src/pac/signatures.ts';
import { formatName } from '../../src/realm/name.ts';
import { AdType } from '../../src/spec/ad-types.ts';
import { KeyUsage } from '../../src/spec/key-usages.ts';
import { PacBuffer } from '../../src/spec/pac-buffers.ts';
import type { AdTrust } from './samba-ad.ts';

/** The inside of a ticket, and the PAC's bytes where it has one. */
export interface OpenedTicket {
  readonly ticket: Ticket;
  readonly part: EncTicketPart;
  readonly pac: Uint8Array | undefined;
}

/** The newest credential for `server` (with its realm) in a FILE cache. Throws where there is none. */
export function cachedCredential(ccache: string, server: string): Credential {
  const { credentials } = readCcache(readFileSync(ccache));
  const named = ({ server: { name, realm } }: Credential): string =>
    `${formatName(name.nameString)}@${realm}`;
  const found = credentials.findLast((credential) => named(credential) === server);
  if (found === undefined) throw new Error(`no ${server} among ${credentials.map(named).join(', ')}`);
  return found;
}

/** Opens a ticket. Throws `CryptoError` `integrity` with the wrong key. */
export function openTicket(bytes: Uint8Array, key: Key): OpenedTicket {
  const ticket = decode(Ticket, bytes);
  const part = decode(EncTicketPart, nodeCrypto.decrypt(key, KeyUsage.TICKET, ticket.encPart.cipher));
  let pac: Uint8Array | undefined;
  for (const { adType, adData } of part.authorizationData ?? []) {
    if (adType !== AdType.IF_RELEVANT) continue;
    pac ??= decode(AuthorizationData, adData).find((element) => element.adType === AdType.WIN2K_PAC)?.adData;
  }
  return { ticket, part, pac };
}

/** Opens a ticket with the key of its etype in a keytab file. */
export function openWithKeytab(bytes: Uint8Array, keytab: string): OpenedTicket {
  return openTicket(bytes, keyIn(keytab, decode(Ticket, bytes).encPart.etype));
}

/** The key of that etype in a keytab file of one principal. Throws where there is none. */
export function keyIn(keytab: string, etype: number): Key {
  const entry = readKeytab(readFileSync(keytab)).find(({ key }) => key.etype === etype);
  if (entry === undefined) throw new Error(`${keytab} has no key of etype ${etype}`);
  return entry.key;
}

/** The trust's key for AD's users who come to us, as ours is made of the secret. */
export function inboundTrustKey(trust: AdTrust, etype: number, salt = trust.adToUs.salt): Promise<Key> {
  return nodeCrypto.stringToKey(etype, trust.password, salt);
}

/** New data of PAC buffers by type; `undefined` takes a buffer out. */
export type PacChange = Readonly<Record<number, Uint8Array | undefined>>;

/** A PAC with other buffers, with a server signature by `key` as the other realm would make it. Its KDC signature is left as it was. */
export function resignedPac(bytes: Uint8Array, key: Key, change: PacChange): Uint8Array {
  const buffers = decodePac(bytes)
    .buffers.map(({ type, data }) => ({ type, data: type in change ? change[type] : data }))
    .filter((buffer): buffer is { type: number; data: Uint8Array } => buffer.data !== undefined);
  const pac = encodePac(buffers);
  const signature = findBuffer(pac, PacBuffer.SERVER_CHECKSUM);
  if (signature === undefined) return pac.bytes;
  const covered = withZeroed(pac, PacBuffer.SERVER_CHECKSUM, PacBuffer.KDC_CHECKSUM);
  signature.data.set(nodeCrypto.checksum(key, KeyUsage.PAC_SIGNATURE, covered), SIGNATURE_TYPE_LENGTH);
  return pac.bytes;
}

/** What a forged ticket has other than the real one; `pac: undefined` takes the PAC out. */
export interface Forgery {
  readonly part?: Partial<EncTicketPart>;
  readonly pac?: Uint8Array | undefined;
  /** Seals the ticket with another key than the one that opened it. */
  readonly sealWith?: Key;
}

/** Puts a forged ticket in the place of the newest one for `server` in a FILE cache: what somebody who has the ticket's key can make of it. */
export function forgeTicket(
  ccache: string,
  server: string,
  key: Key,
  change: (opened: OpenedTicket & { readonly pac: Uint8Array }) => Forgery,
): void {
  const credential = cachedCredential(ccache, server);
  const { ticket, part, pac } = openTicket(credential.ticket, key);
  if (pac === undefined) throw new Error('there is no PAC in that ticket');
  const forgery = change({ ticket, part, pac });
  const forgedPac = 'pac' in forgery ? forgery.pac : pac;
  const inner = forgedPac && encode(AuthorizationData, [{ adType: AdType.WIN2K_PAC, adData: forgedPac }]);
  const plain = encode(EncTicketPart, {
    ...part,
    authorizationData: inner && [{ adType: AdType.IF_RELEVANT, adData: inner }],
    ...forgery.part,
  });
  const sealWith = forgery.sealWith ?? key;
  const encPart = {
    ...ticket.encPart,
    etype: sealWith.etype,
    cipher: nodeCrypto.encrypt(sealWith, KeyUsage.TICKET, plain),
  };
  // What the client says of itself in its authenticator comes out of the cache, too, and it looks for a ticket of its own realm: whoever
  // forges is consistent.
  const { crealm: realm, cname: name } = { ...part, ...forgery.part };
  const client = { realm, name };
  const names = { client, server: { ...credential.server, realm } };
  const forged = { ...credential, ...names, ticket: encode(Ticket, { ...ticket, encPart }) };
  const cache = readCcache(readFileSync(ccache));
  const credentials = cache.credentials.map((one) =>
    equalBytes(one.ticket, credential.ticket) ? forged : one,
  );
  writeFileSync(ccache, writeCcache({ ...cache, principal: client, credentials }));
}
