import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { checkServerIdentity } from 'node:tls';
import type { Endpoint } from '../transport/endpoint.ts';
import type { HttpsConfig } from './config/https.ts';

const MAX_ANSWER = 16 << 10;

/**
 * Asks the HTTPS server at one address whether the realm is well. Its certificate must be for its first name, and issued by the realm's CA or the
 * operator's own. Resolves to what was found; rejects with why there is none, after `patience` milliseconds at the latest.
 */
export async function askHealth(
  { host, port }: Endpoint,
  { names, files }: HttpsConfig,
  data: string,
  patience: number,
): Promise<string> {
  const name = names[0] as string;
  const ca = readFileSync(files?.certificate ?? join(data, 'ca.pem'), 'utf8');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request({
    host,
    port,
    path: '/v1/health',
    headers: { host: name },
    ca,
    // An operator's file need not hold the root.
    allowPartialTrustChain: true,
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    agent: false,
    signal: AbortSignal.timeout(patience),
  });
  sent.on('error', reject);
  sent.on('response', (response) => {
    let body = '';
    response.setEncoding('utf8').on('error', reject);
    response.on('data', (piece: string) => {
      body += piece;
      if (body.length > MAX_ANSWER) sent.destroy(new Error('the answer is too long'));
    });
    response.on('end', () => {
      if (response.statusCode === 200) resolve(`is well, and shows a certificate for ${name}`);
      else reject(new Error(`answers ${response.statusCode}: ${messageIn(body)}`));
    });
  });
  sent.end();
  return promise;
}

function messageIn(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === 'string' ? message : 'no reason is given';
  } catch {
    return 'no reason is given';
  }
}
