/** Which certificates of HTTPS servers are believed, and what is wrong with one that is not. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type DetailedPeerCertificate } from 'node:tls';
import { RealmwardError } from '../base/errors.ts';
import { ClientError } from './client-error.ts';

/** Whom to believe; left out: whoever is certified by a CA that Node knows. */
export interface TlsTrust {
  /** PEM of the CAs that count, instead of those. */
  readonly ca?: string | readonly string[];
  /**
   * SHA-256 of a certificate in hexadecimal digits, with colons or without: the server's own, for whatever name it was made, or that of the CA
   * that has signed it, which the server must send along.
   */
  readonly fingerprint?: string;
}

/** TLS options for one connection to `host`. Rejects with `ClientError` `certificate-refused` where a fingerprint is not met. */
export type TlsOptions = (host: string, port: number, signal: AbortSignal) => Promise<ConnectionOptions>;

/** Makes them. Throws `RealmwardError` `bad-certificate`, `bad-fingerprint`. */
export function tlsOptions({ ca, fingerprint }: TlsTrust): TlsOptions {
  if (fingerprint !== undefined) return pinned(readFingerprint(fingerprint));
  if (ca === undefined) return async () => ({});
  const list = typeof ca === 'string' ? [ca] : [...ca];
  list.forEach(checkCa);
  return async () => ({ ca: list });
}

/** A `ClientError` for a connection that failed because of the certificate; anything else as it is. */
export function explainTlsError(error: unknown, host: string): unknown {
  const { code = '', message = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const [what, hint] = PROBLEMS[code] ?? [];
  if (what !== undefined) return refused(host, what, hint, error);
  return /^(?:CERT_|ERR_TLS_CERT)/.test(code) ? refused(host, message, undefined, error) : error;
}

const UNTRUSTED = [
  'is signed by nobody who is trusted here',
  'Name the CA that has signed it (a PEM file), or the SHA-256 fingerprint of either.',
] as const;
const CLOCK = 'Renew the certificate; if it is good, set the clock of this machine.';
const PROBLEMS: Readonly<Record<string, readonly [string, string]>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_HAS_EXPIRED: ['has expired', CLOCK],
  CERT_NOT_YET_VALID: ['is not valid yet', CLOCK],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'is made for another name',
    'Use the name that the certificate is made for, or give the server one for this name.',
  ],
};

function refused(host: string, what: string, hint?: string, cause?: unknown): ClientError {
  const options = { cause, ...(hint === undefined ? {} : { hint }) };
  return new ClientError('certificate-refused', `That of ${host} ${what}.`, options);
}

/**
 * The certificate with this fingerprint becomes the one that is trusted, and then TLS checks the server against it as it always does: a
 * certificate that was merely sent along has signed nothing.
 */
function pinned(fingerprint: string): TlsOptions {
  return async (host, port, signal) => {
    const chain = await chainOf(host, port, signal);
    const at = chain.findIndex(({ fingerprint256 }) => digits(fingerprint256) === fingerprint);
    const found = chain[at];
    if (found === undefined) {
      const has = chain.map((one) => one.fingerprint256).join(', ');
      throw refused(
        host,
        `has another fingerprint (${has})`,
        'Compare it with what the server tells its operator. If it does not agree, somebody else answers.',
      );
    }
    const trusted = { ca: found.toString(), allowPartialTrustChain: true };
    return at === 0 ? { ...trusted, checkServerIdentity: () => undefined } : trusted;
  };
}

/** Certificates that a server sends, its own first; nobody has checked them. */
async function chainOf(host: string, port: number, signal: AbortSignal): Promise<X509Certificate[]> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<X509Certificate[]>();
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = connect({ host, port, ...servername, rejectUnauthorized: false }, () =>
    resolve(certificates(socket.getPeerCertificate(true))),
  );
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('closed the connection')));
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

const MAX_CHAIN = 10;

function certificates(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (
    let one: DetailedPeerCertificate | undefined = peer;
    one?.raw !== undefined && chain.length < MAX_CHAIN;
  ) {
    chain.push(new X509Certificate(one.raw));
    // The last one is its own issuer.
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  return chain;
}

function readFingerprint(text: string): string {
  const found = digits(text.trim().replace(/^sha-?256[:/=\s]*/i, ''));
  if (!/^[0-9a-f]{64}$/.test(found)) {
    throw new RealmwardError(
      'bad-fingerprint',
      `"${text.slice(0, 100)}" is not the fingerprint of a certificate`,
      {
        hint: 'It is the SHA-256 of the certificate: 64 hexadecimal digits, with colons or without.',
      },
    );
  }
  return found;
}

function digits(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

function checkCa(pem: string): void {
  try {
    // Reads the first of several; the others are for TLS to read.
    void new X509Certificate(pem);
  } catch (cause) {
    throw new RealmwardError('bad-certificate', 'the CA is no certificate in PEM', {
      hint: 'It begins with -----BEGIN CERTIFICATE-----.',
      cause,
    });
  }
}
