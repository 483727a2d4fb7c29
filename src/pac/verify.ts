import type { Key } from '../base/key.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { PacBuffer } from '../spec/pac-buffers.ts';
import type { Pac } from './pac.ts';
import { decodePac } from './pac.ts';
import type { PacReason } from './reason.ts';
import { signatureValue, verifySignature, withZeroed } from './signatures.ts';

/** A PAC whose signatures were verified: the only way to one is through this file. */
export interface VerifiedPac extends Pac {
  readonly verified: true;
}

/** Keys for a PAC that this realm has signed. */
export interface OwnPacKeys {
  /** The key that opened the ticket. */
  readonly serverKey: Key;
  /** Keys of krbtgt that may have made the KDC signature: every version that is alive. */
  readonly kdcKeys: readonly Key[];
}

/**
 * Verifies the PAC of a ticket-granting ticket, or of a ticket for kadmin/changepw, that this realm issued: server and KDC signature
 * (such tickets carry no others: MS-PAC 2.8.3, 2.8.4). Gives the PAC, or why it is refused; throws `PacError` when the bytes are no PAC.
 */
export function verifyOwnTgtPac(
  crypto: Crypto,
  bytes: Uint8Array,
  keys: OwnPacKeys,
): VerifiedPac | PacReason {
  const pac = decodePac(bytes);
  return verifyServerAndKdc(crypto, pac, keys) ?? verified(pac);
}

/**
 * Verifies the PAC of a service ticket that this realm issued: all four signatures. `ticketBytes` is the ticket's EncTicketPart, encoded with
 * the PAC's ad-data replaced by one zero byte.
 */
export function verifyOwnServicePac(
  crypto: Crypto,
  bytes: Uint8Array,
  keys: OwnPacKeys & { readonly ticketBytes: Uint8Array },
): VerifiedPac | PacReason {
  const pac = decodePac(bytes);
  return (
    verifyServerAndKdc(crypto, pac, keys) ??
    verifySignature(crypto, pac, PacBuffer.TICKET_CHECKSUM, keys.kdcKeys, keys.ticketBytes) ??
    verifySignature(
      crypto,
      pac,
      PacBuffer.FULL_CHECKSUM,
      keys.kdcKeys,
      withZeroed(pac, PacBuffer.SERVER_CHECKSUM, PacBuffer.KDC_CHECKSUM, PacBuffer.FULL_CHECKSUM),
    ) ??
    verified(pac)
  );
}

/**
 * Verifies the PAC of a ticket-granting ticket that a trusted realm issued for ours: the server signature, made with the trust's key. Its KDC
 * signature is made with a key that only the other realm has; a ticket and a full signature are not there (MS-PAC 2.8.3, 2.8.4).
 */
export function verifyForeignPac(crypto: Crypto, bytes: Uint8Array, trustKey: Key): VerifiedPac | PacReason {
  const pac = decodePac(bytes);
  return verifyServer(crypto, pac, trustKey) ?? verified(pac);
}

function verifyServerAndKdc(crypto: Crypto, pac: Pac, keys: OwnPacKeys): PacReason | undefined {
  return (
    verifyServer(crypto, pac, keys.serverKey) ??
    verifySignature(
      crypto,
      pac,
      PacBuffer.KDC_CHECKSUM,
      keys.kdcKeys,
      signatureValue(pac, PacBuffer.SERVER_CHECKSUM) ?? new Uint8Array(0),
    )
  );
}

function verifyServer(crypto: Crypto, pac: Pac, key: Key): PacReason | undefined {
  const covered = withZeroed(pac, PacBuffer.SERVER_CHECKSUM, PacBuffer.KDC_CHECKSUM);
  return verifySignature(crypto, pac, PacBuffer.SERVER_CHECKSUM, [key], covered);
}

function verified(pac: Pac): VerifiedPac {
  return { bytes: pac.bytes, buffers: pac.buffers, verified: true };
}
