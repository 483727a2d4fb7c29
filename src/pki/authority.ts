/** The local CA: one key, whose certificate devices and browsers are given once. */
import { createPrivateKey, type webcrypto, X509Certificate } from 'node:crypto';
import { RealmwardError } from '../base/errors.ts';
import { type Clock, nowSeconds, type Seconds } from '../base/ports.ts';
import { authorityExtensions, keyIdentifier, serverExtensions, signCertificate } from './certificate.ts';
import { pemBlocks, toPem } from './pem.ts';

/** A CA that can sign. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** SHA-256 of the certificate, in upper-case hexadecimal with colons. */
  readonly fingerprint: string;
  readonly until: Seconds;
  /** Makes a key and a certificate for a TLS server that goes by these DNS names and IP addresses. */
  issueServer(names: readonly string[]): Promise<IssuedCertificate>;
}

/** PEM, both; the certificate alone, as clients have the CA's. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly until: Seconds;
}

const DAY = 86_400;
const AUTHORITY_LIFE = 20 * 365 * DAY;
const SERVER_LIFE = 90 * DAY;
/** Certificates begin in the past, for clients whose clock is behind; that a device has no battery for its clock is common. */
const HEAD_START = 2 * DAY;

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** Makes a CA; resolves to its private key and certificate as one PEM text, which is a secret. */
export async function createAuthority(realm: string, clock: Clock): Promise<string> {
  const { privateKey, publicKey } = await newKeyPair();
  const now = nowSeconds(clock);
  const name = nameOf(realm);
  const der = await signCertificate(
    {
      subject: name,
      issuer: name,
      from: now - HEAD_START,
      until: now + AUTHORITY_LIFE,
      publicKey,
      extensions: authorityExtensions(await keyIdentifier(publicKey)),
    },
    privateKey,
  );
  return `${await exportKey(privateKey)}${toPem('CERTIFICATE', der)}`;
}

/** Reads what `createAuthority` has made; `name` is for messages. Throws `RealmwardError` `bad-ca`, `ca-expired`. */
export async function openAuthority(
  pem: string,
  options: { realm: string; clock: Clock; name: string },
): Promise<Authority> {
  const { realm, clock, name } = options;
  const { certificate, x509, key } = read(pem, name);
  const until = Math.floor(Date.parse(x509.validTo) / 1000);
  if (until <= nowSeconds(clock)) {
    throw new RealmwardError(
      'ca-expired',
      `the certificate of the local CA in ${name} has ended: ${x509.validTo}`,
      {
        hint: `Move ${name} away: a new CA is made at the next start. Devices and browsers then need its certificate.`,
      },
    );
  }
  const spki = x509.publicKey.export({ type: 'spki', format: 'der' });
  const publicKey = await crypto.subtle.importKey('spki', spki, ECDSA, true, ['verify']);
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, ECDSA, false, ['sign']);
  const issuerKeyId = await keyIdentifier(publicKey);
  return {
    certificate,
    fingerprint: x509.fingerprint256,
    until,
    async issueServer(names) {
      const pair = await newKeyPair();
      const now = nowSeconds(clock);
      const end = Math.min(now + SERVER_LIFE, until);
      const der = await signCertificate(
        {
          subject: names[0] ?? realm,
          issuer: nameOf(realm),
          from: now - HEAD_START,
          until: end,
          publicKey: pair.publicKey,
          extensions: serverExtensions(names, issuerKeyId),
        },
        privateKey,
      );
      return { certificate: toPem('CERTIFICATE', der), key: await exportKey(pair.privateKey), until: end };
    },
  };
}

function nameOf(realm: string): string {
  return `CA of ${realm}`;
}

function read(pem: string, name: string) {
  const [keyPem] = pemBlocks(pem, 'PRIVATE KEY');
  const [certificate] = pemBlocks(pem, 'CERTIFICATE');
  try {
    if (keyPem === undefined || certificate === undefined)
      throw new Error('it lacks the key or the certificate');
    const key = createPrivateKey(keyPem);
    const x509 = new X509Certificate(certificate);
    if (!x509.checkPrivateKey(key)) throw new Error('its key is not that of its certificate');
    if (!x509.ca || key.asymmetricKeyType !== 'ec') throw new Error('it is no CA made here');
    return { certificate, x509, key };
  } catch (error) {
    throw new RealmwardError(
      'bad-ca',
      `the local CA in ${name} cannot be used: ${(error as Error).message}`,
      {
        hint: `Restore ${name} from a backup, or move it away: a new CA is made at the next start, whose certificate devices and browsers then need.`,
        cause: error,
      },
    );
  }
}

async function newKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return toPem('PRIVATE KEY', new Uint8Array(await crypto.subtle.exportKey('pkcs8', key)));
}
