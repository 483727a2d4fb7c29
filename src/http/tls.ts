import type { SecureContextOptions } from 'node:tls';

/** A certificate chain, the server's own first, and its private key, both PEM. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
}

/** What every connection is held to: TLS 1.2 or later, AEAD and forward secrecy. */
export function secureContext({ certificate, key }: TlsMaterial): SecureContextOptions {
  return { cert: certificate, key, minVersion: 'TLSv1.2', ciphers: CIPHERS, honorCipherOrder: true };
}

const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  ...['ECDSA', 'RSA'].flatMap((key) =>
    ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].map((rest) => `ECDHE-${key}-${rest}`),
  ),
].join(':');
