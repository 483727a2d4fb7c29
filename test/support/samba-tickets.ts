/** Tickets in a credential cache, opened with a key that the test knows. */
import { readFileSync } from 'node:fs';
import type { Key } from '../../src/base/key.ts';
import { type Credential, readCcache } from '../../src/codec/ccache.ts';
import { decode } from '../../src/codec/der/type.ts';
import { AuthorizationData } from '../../src/codec/krb5/basic.ts';
import { EncTicketPart, Ticket } from '../../src/codec/krb5/ticket.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { formatName } from '../../src/realm/name.ts';
import { AdType } from '../../src/spec/ad-types.ts';
import { KeyUsage } from '../../src/spec/key-usages.ts';
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

/** The trust's key for AD's users who come to us, as ours is made of the secret. */
export function inboundTrustKey(trust: AdTrust, etype: number, salt = trust.adToUs.salt): Promise<Key> {
  return nodeCrypto.stringToKey(etype, trust.password, salt);
}
