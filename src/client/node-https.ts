import type { LookupFunction } from 'node:net';
import { Agent, request } from 'node:https';
import { KDC_PROXY_MEDIA_TYPE, MAX_KDC_PROXY_MESSAGE } from '../codec/kkdcp.ts';
import { explainTlsError, type TlsOptions } from './node-tls.ts';

/** A KDC proxy, and how it is found and checked. */
export interface HttpsTarget {
  readonly url: string;
  /** The URL's host and port. */
  readonly address: string;
  readonly port: number;
  readonly tls: TlsOptions;
  /** Left out: the system's. */
  readonly lookup?: LookupFunction | undefined;
}

/**
 * Posts one KDC-PROXY-MESSAGE over a connection of its own and waits for one back. Redirections are not followed. Rejects with `ClientError`
 * `certificate-refused`, with the system's error, for another status than 200 or too long an answer, and with the reason of `signal`.
 */
export async function exchangeHttps(
  { url, address, port, tls, lookup }: HttpsTarget,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    const trusted = await tls(address, port, signal);
    return await post(url, message, { ...trusted, signal, ...(lookup === undefined ? {} : { lookup }) });
  } catch (error) {
    throw signal.aborted ? signal.reason : explainTlsError(error, address);
  }
}

// Each connection checks the certificate: a TLS session that is taken up again would not.
const UNREMEMBERING = new Agent({ keepAlive: false, maxCachedSessions: 0 });

function post(url: string, message: Uint8Array, options: object): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const sent = request(url, {
    ...options,
    method: 'POST',
    agent: UNREMEMBERING,
    headers: { 'content-type': KDC_PROXY_MEDIA_TYPE, 'content-length': message.length },
  });
  sent.on('error', reject);
  sent.on('response', (response) => {
    response.on('error', reject);
    const { statusCode } = response;
    if (statusCode !== 200) {
      reject(new Error(`answers with the HTTP status ${statusCode}`));
      return;
    }
    const pieces: Buffer[] = [];
    let held = 0;
    response.on('data', (piece: Buffer) => {
      pieces.push(piece);
      held += piece.length;
      if (held > MAX_KDC_PROXY_MESSAGE)
        reject(new Error(`answers with more than ${MAX_KDC_PROXY_MESSAGE} bytes`));
    });
    response.on('end', () => resolve(Buffer.concat(pieces)));
    response.on('close', () => reject(new Error('closed the connection before its answer was complete')));
  });
  sent.end(message);
  return promise.finally(() => sent.destroy());
}
