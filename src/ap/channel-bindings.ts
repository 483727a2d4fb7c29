/** Channel bindings of GSS-API over TLS: RFC 5929 section 4 (tls-server-end-point), RFC 4121 section 4.1.1.2, RFC 2744 section 3.11. */
import { concat, utf8 } from '../base/bytes.ts';
import { DerError } from '../codec/der/error.ts';
import { objectIdentifier } from '../codec/der/primitives.ts';
import { Reader } from '../codec/der/reader.ts';
import { CERTIFICATE_HASHES, md5 } from '../crypto/hashes.ts';

type HashName = keyof typeof CERTIFICATE_HASHES;

const PREFIX = utf8('tls-server-end-point:');

/**
 * Bnd for a TLS server with this certificate (DER): what a client writes into the checksum of its request. `undefined` where the RFC leaves it
 * undefined, which is where the signature of the certificate names no hash or none of the usual ones. Throws `DerError` for bytes that are no
 * certificate.
 */
export function serverBindings(certificate: Uint8Array): Uint8Array | undefined {
  const hash = SIGNATURE_HASHES[signatureAlgorithm(certificate)];
  return hash && bindingsOf(certificate, hash);
}

/**
 * Every Bnd that stands for this certificate, by whatever hash: whoever has computed one of them has seen the certificate. Clients do not agree on the hash
 * where the RFC names none.
 */
export function acceptableBindings(certificate: Uint8Array): readonly Uint8Array[] {
  return Object.keys(CERTIFICATE_HASHES).map((hash) => bindingsOf(certificate, hash as HashName));
}

/**
 * MD5 over the five fields of the bindings, integers in little-endian order: no addresses, and as application data "the hash of the TLS server's
 * certificate … as it appears, octet for octet, in the server's Certificate message", with the prefix of its type.
 */
function bindingsOf(certificate: Uint8Array, hash: HashName): Uint8Array {
  const data = concat(PREFIX, CERTIFICATE_HASHES[hash](certificate));
  const fields = new Uint8Array(20);
  new DataView(fields.buffer).setUint32(16, data.length, true);
  return md5(concat(fields, data));
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { algorithm, … }, … } (RFC 5280 section 4.1). */
function signatureAlgorithm(certificate: Uint8Array): string {
  const reader = new Reader(certificate);
  const end = reader.enter(0x30, certificate.length);
  if (end !== certificate.length) throw new DerError('bytes follow the certificate', end);
  reader.pos = reader.enter(0x30, end);
  return objectIdentifier.read(reader, reader.enter(0x30, end));
}

/** "If the certificate's signatureAlgorithm uses a single hash function, and that hash function is either MD5 or SHA-1, then use SHA-256". */
const SIGNATURE_HASHES: Readonly<Record<string, HashName>> = {
  // RSA with PKCS #1 v1.5: RFC 8017 appendix A.2.4.
  '1.2.840.113549.1.1.4': 'sha256',
  '1.2.840.113549.1.1.5': 'sha256',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  // ECDSA: RFC 5758 section 3.2.
  '1.2.840.10045.4.1': 'sha256',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};
