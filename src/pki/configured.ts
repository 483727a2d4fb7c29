/** A certificate that an operator brings. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { RealmwardError } from '../base/errors.ts';
import { type Clock, nowSeconds, type Seconds } from '../base/ports.ts';
import type { IssuedCertificate } from './authority.ts';
import { pemBlocks } from './pem.ts';

/** PEM texts, and the paths they come from, for messages. */
export interface CertificateFiles {
  readonly certificate: { readonly path: string; readonly text: string };
  readonly key: { readonly path: string; readonly text: string };
}

/** A certificate with its chain, checked. */
export interface CheckedCertificate extends IssuedCertificate {
  /** PEM of the chain's last certificate where that is a root, which clients may be told to trust. */
  readonly root: string | undefined;
  /** SHA-256 of the root, or of the server's own certificate where there is none in the file. */
  readonly fingerprint: string;
  /** Those of `names` that the certificate is not for. */
  readonly missingNames: readonly string[];
}

/**
 * Checks that the key fits the certificate, that no certificate of the chain has ended or is yet to begin, and that each was issued by the one
 * behind it. Throws `RealmwardError` `bad-https-certificate`.
 */
export function checkCertificate(
  { certificate, key }: CertificateFiles,
  names: readonly string[],
  clock: Clock,
): CheckedCertificate {
  const blocks = pemBlocks(certificate.text, 'CERTIFICATE');
  const chain = blocks.map((block) => readCertificate(block, certificate.path));
  const [own] = chain;
  if (own === undefined) throw bad(certificate.path, 'it holds no certificate', PEM_HINT);
  if (!own.checkPrivateKey(readKey(key.text, key.path))) {
    throw bad(key.path, `it is not the key of the certificate in ${certificate.path}`, ORDER_HINT);
  }
  const now = nowSeconds(clock);
  for (const [i, one] of chain.entries()) {
    const subject = shown(one);
    if (secondsOf(one.validTo) <= now)
      throw bad(
        certificate.path,
        `the certificate of ${subject} has ended: ${one.validTo}`,
        'Put a new one there.',
      );
    if (secondsOf(one.validFrom) > now)
      throw bad(
        certificate.path,
        `the certificate of ${subject} begins only later: ${one.validFrom}`,
        'Is the clock right?',
      );
    const issuer = chain[i + 1];
    if (issuer !== undefined && !(one.checkIssued(issuer) && one.verify(issuer.publicKey)))
      throw bad(
        certificate.path,
        `the certificate of ${subject} was not issued by ${shown(issuer)}, which stands behind it`,
        ORDER_HINT,
      );
  }
  const last = chain.at(-1) as X509Certificate;
  const isRoot = last.ca && last.checkIssued(last);
  return {
    certificate: blocks.join(''),
    key: key.text,
    until: Math.min(...chain.map((one) => secondsOf(one.validTo))),
    root: isRoot ? blocks.at(-1) : undefined,
    fingerprint: (isRoot ? last : own).fingerprint256,
    missingNames: names.filter(
      (name) => (isIP(name) === 0 ? own.checkHost(name) : own.checkIP(name)) === undefined,
    ),
  };
}

const PEM_HINT = 'It must be PEM: -----BEGIN CERTIFICATE----- and so on.';
const ORDER_HINT =
  "The certificate file holds the server's own certificate first, then each one's issuer; the key file the key of the first.";

function readCertificate(block: string, path: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (error) {
    throw bad(path, `a certificate in it cannot be read (${(error as Error).message})`, PEM_HINT);
  }
}

function readKey(text: string, path: string): KeyObject {
  const [block] = pemBlocks(text, 'PRIVATE KEY');
  if (block === undefined)
    throw bad(path, 'it holds no private key', 'It must be PEM: -----BEGIN PRIVATE KEY----- and so on.');
  try {
    return createPrivateKey(block);
  } catch {
    // What the library says may hold parts of the file.
    throw bad(
      path,
      'the private key in it cannot be read',
      'It must not be encrypted: openssl pkey -in FILE -out NEW takes the passphrase away.',
    );
  }
}

function shown({ subject }: X509Certificate): string {
  return subject === '' || subject === undefined ? '(no name)' : subject.replaceAll('\n', ', ');
}

function secondsOf(text: string): Seconds {
  return Math.floor(Date.parse(text) / 1000);
}

function bad(path: string, why: string, hint: string): RealmwardError {
  return new RealmwardError('bad-https-certificate', `${path} cannot be used for HTTPS: ${why}`, { hint });
}
