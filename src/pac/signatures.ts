import type { Key } from '../base/key.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { ETYPES } from '../crypto/etypes.ts';
import type { EtypeRow } from '../crypto/scheme.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { PacBuffer } from '../spec/pac-buffers.ts';
import { PacError } from './error.ts';
import type { Pac } from './pac.ts';
import { findBuffer } from './pac.ts';
import type { PacReason } from './reason.ts';

/**
 * The four signatures of a PAC (MS-PAC 2.8). Each is a PAC_SIGNATURE_DATA: the checksum's type (signed 32 bits), the checksum, and on a
 * read-only domain controller two bytes more. What each covers:
 *
 * - ticket (16): the EncTicketPart, encoded with the PAC's ad-data replaced by one zero byte; key of the KDC;
 * - full (19): the PAC, ticket signature included, with the other three zeroed; key of the KDC;
 * - server (6): the PAC, ticket and full signature included, with server and KDC zeroed; key of the ticket's server;
 * - KDC (7): the server signature's checksum alone; key of the KDC.
 *
 * So they are made in this order. Only their checksums are zeroed: types and sizes are covered.
 */
export type SignatureType = 6 | 7 | 16 | 19;

/** Whether buffers of that type are signatures. */
export function isSignature(type: number): type is SignatureType {
  return type in WRONG;
}

/** Bytes of the type in front of the checksum. */
export const SIGNATURE_TYPE_LENGTH = 4;

const RODC_IDENTIFIER_LENGTH = 2;

/** A signature has the mandatory checksum of its key's etype (MS-PAC 2.8, RFC 8009): keyed, and none other is taken. */
const ROWS: ReadonlyMap<number, EtypeRow> = new Map(ETYPES.map((row) => [row.etype, row]));

/** Data of a signature buffer that is still to be signed with a key of `etype`: its type, and zeros. Throws `PacError` on an etype without one. */
export function emptySignature(etype: number): Uint8Array {
  const row = ROWS.get(etype);
  if (row === undefined) throw new PacError(`no PAC is signed with keys of etype ${etype}`);
  const data = new Uint8Array(SIGNATURE_TYPE_LENGTH + row.macLength);
  new DataView(data.buffer).setInt32(0, row.checksumType, true);
  return data;
}

/**
 * A copy of a PAC's bytes with the checksums of these signatures zeroed, as the server and the full signature cover it. A signature that is
 * not there is left out.
 */
export function withZeroed(pac: Pac, ...types: readonly SignatureType[]): Uint8Array {
  const bytes = pac.bytes.slice();
  for (const type of types) {
    const buffer = findBuffer(pac, type);
    if (buffer !== undefined && buffer.data.length > SIGNATURE_TYPE_LENGTH)
      bytes.fill(0, buffer.offset + SIGNATURE_TYPE_LENGTH, buffer.offset + buffer.data.length);
  }
  return bytes;
}

/** The checksum in the signature buffer of that type with everything behind it: what the KDC signature covers of the server's. */
export function signatureValue(pac: Pac, type: SignatureType): Uint8Array | undefined {
  return findBuffer(pac, type)?.data.subarray(SIGNATURE_TYPE_LENGTH);
}

/**
 * Verifies the signature of that type over `covered` with whichever of `keys` fits its checksum type: more than one where several key
 * versions are alive. `undefined` when it is right. Compares in constant time (`Crypto.verifyChecksum`).
 */
export function verifySignature(
  crypto: Crypto,
  pac: Pac,
  type: SignatureType,
  keys: readonly Key[],
  covered: Uint8Array,
): PacReason | undefined {
  const data = findBuffer(pac, type)?.data;
  if (data === undefined) return 'pac-no-signature';
  if (data.length < SIGNATURE_TYPE_LENGTH) return 'pac-signature-type';
  const checksumType = new DataView(data.buffer, data.byteOffset, data.length).getInt32(0, true);
  let refusal: PacReason = 'pac-signature-type';
  for (const key of keys) {
    const row = ROWS.get(key.etype);
    if (row === undefined || row.checksumType !== checksumType) continue;
    refusal = WRONG[type];
    const rest = data.length - SIGNATURE_TYPE_LENGTH - row.macLength;
    if (rest !== 0 && rest !== RODC_IDENTIFIER_LENGTH) continue;
    const checksum = data.subarray(SIGNATURE_TYPE_LENGTH, SIGNATURE_TYPE_LENGTH + row.macLength);
    if (crypto.verifyChecksum(key, KeyUsage.PAC_SIGNATURE, checksumType, covered, checksum)) return undefined;
  }
  return refusal;
}

const WRONG: Readonly<Record<SignatureType, PacReason>> = {
  [PacBuffer.SERVER_CHECKSUM]: 'pac-server-signature',
  [PacBuffer.KDC_CHECKSUM]: 'pac-kdc-signature',
  [PacBuffer.TICKET_CHECKSUM]: 'pac-ticket-signature',
  [PacBuffer.FULL_CHECKSUM]: 'pac-full-signature',
};
