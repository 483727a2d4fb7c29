import type { webcrypto } from 'node:crypto';
import { BitString, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtKeyUsage,
  Extension,
  GeneralName,
  GeneralNames,
  RelativeDistinguishedNames,
  Time,
} from 'pkijs';
import { addressBytes } from '../base/address.ts';
import type { Seconds } from '../base/ports.ts';

/** What a certificate says (RFC 5280). */
export interface CertificateContent {
  /** Common names. */
  readonly subject: string;
  readonly issuer: string;
  readonly from: Seconds;
  readonly until: Seconds;
  readonly publicKey: webcrypto.CryptoKey;
  readonly extensions: readonly Extension[];
}

/** Makes a certificate, signed by `key` of ECDSA; resolves to its DER. */
export async function signCertificate(
  content: CertificateContent,
  key: webcrypto.CryptoKey,
): Promise<Uint8Array> {
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serialNumber() });
  certificate.subject = distinguishedName(content.subject);
  certificate.issuer = distinguishedName(content.issuer);
  certificate.notBefore = time(content.from);
  certificate.notAfter = time(content.until);
  certificate.extensions = [...content.extensions];
  await certificate.subjectPublicKeyInfo.importKey(content.publicKey);
  await certificate.sign(key, 'SHA-256');
  return new Uint8Array(certificate.toSchema(true).toBER());
}

/** Extensions of a CA that signs certificates of servers and devices itself, and nobody beneath it. */
export function authorityExtensions(keyId: ArrayBuffer): Extension[] {
  return [
    extension('2.5.29.19', new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema(), true),
    // keyCertSign(5), cRLSign(6)
    extension('2.5.29.15', new BitString({ valueHex: Uint8Array.of(0x06).buffer, unusedBits: 1 }), true),
    extension('2.5.29.14', new OctetString({ valueHex: keyId })),
  ];
}

/** Extensions of a TLS server that goes by these DNS names and IP addresses. */
export function serverExtensions(names: readonly string[], issuerKeyId: ArrayBuffer): Extension[] {
  return [
    extension('2.5.29.19', new BasicConstraints({ cA: false }).toSchema(), true),
    // digitalSignature(0): with ECDSA nothing else is needed.
    extension('2.5.29.15', new BitString({ valueHex: Uint8Array.of(0x80).buffer, unusedBits: 7 }), true),
    extension('2.5.29.37', new ExtKeyUsage({ keyPurposes: ['1.3.6.1.5.5.7.3.1'] }).toSchema()),
    extension('2.5.29.17', new GeneralNames({ names: names.map(generalName) }).toSchema()),
    extension(
      '2.5.29.35',
      new AuthorityKeyIdentifier({ keyIdentifier: new OctetString({ valueHex: issuerKeyId }) }).toSchema(),
    ),
  ];
}

/** RFC 7093 section 2, method 1: "the leftmost 160-bits of the SHA-256 hash" of the public key. */
export async function keyIdentifier(publicKey: webcrypto.CryptoKey): Promise<ArrayBuffer> {
  const point = await crypto.subtle.exportKey('raw', publicKey);
  return (await crypto.subtle.digest('SHA-256', point)).slice(0, 20);
}

/** RFC 5280 section 4.2.1.6: an address stands in network byte order, with four or sixteen octets. */
function generalName(name: string): GeneralName {
  if (!ADDRESS.test(name)) return new GeneralName({ type: 2, value: name });
  return new GeneralName({
    type: 7,
    value: new OctetString({ valueHex: addressBytes(name).slice().buffer }),
  });
}

const ADDRESS = /:|^[\d.]+$/;

/** One attribute: of several the library makes a set, and does not order it as DER wants. */
function distinguishedName(commonName: string): RelativeDistinguishedNames {
  // RFC 5280 appendix A.1: ub-common-name is 64.
  const value = new Utf8String({ value: commonName.slice(0, 64) });
  return new RelativeDistinguishedNames({
    typesAndValues: [new AttributeTypeAndValue({ type: '2.5.4.3', value })],
  });
}

/** Section 4.1.2.5: UTCTime through the year 2049, GeneralizedTime from 2050 on. */
function time(seconds: Seconds): Time {
  const value = new Date(seconds * 1000);
  return new Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value });
}

/** Section 4.1.2.2: positive, at most 20 octets. Random, so that no two are alike. */
function serialNumber(): ArrayBuffer {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // Neither negative nor with a zero in front of it.
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes.buffer;
}

function extension(extnID: string, value: { toBER(): ArrayBuffer }, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() });
}
