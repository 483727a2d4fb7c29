/** A device that has joined a realm that serves HTTPS, as it speaks to the realm's server. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type KeytabEntry, readKeytab } from '../../src/codec/keytab.ts';
import type { TestKdc } from './kdc.ts';

export interface HttpsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- Answers differ, and tests look at what they expect.
  readonly body: any;
}

export interface JoinedDevice {
  readonly host: string;
  readonly keytab: readonly KeytabEntry[];
  /** Posts JSON as the device. */
  post(path: string, body: object): Promise<HttpsAnswer>;
  /** The URL of a path. */
  url(path: string): string;
}

/** Joins a device with the password of somebody who may. `name` is one of `https.names` of the configuration; the server is at 127.0.0.2. */
export async function joinDevice(
  kdc: TestKdc,
  name: string,
  { host, user, password }: { readonly host: string; readonly user: string; readonly password: string },
): Promise<JoinedDevice> {
  const ca = readFileSync(join(kdc.dir, 'data', 'ca.pem'), 'utf8');
  const post = (path: string, body: object, authorization: string): Promise<HttpsAnswer> =>
    new Promise((resolve, reject) => {
      const headers = { authorization, host: `${name}:${kdc.port}`, 'content-type': 'application/json' };
      const options = {
        host: '127.0.0.2',
        port: kdc.port,
        path,
        method: 'POST',
        ca,
        servername: name,
        headers,
      };
      const sent = request({ ...options, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        answer.on('end', () => {
          const isJson = answer.headers['content-type']?.startsWith('application/json') === true;
          const { statusCode: status = 0, headers: got } = answer;
          resolve({ status, headers: got, text, body: isJson ? JSON.parse(text) : undefined });
        });
      });
      sent.on('error', reject);
      sent.end(JSON.stringify(body));
    });
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const joined = await post('/v1/join', { host }, basic);
  if (joined.status !== 200) throw new Error(`the device could not join: ${joined.text}`);
  const { token, keytab } = joined.body as { token: string; keytab: string };
  return {
    host,
    keytab: readKeytab(Buffer.from(keytab, 'base64')),
    post: (path, body) => post(path, body, `Bearer ${token}`),
    url: (path) => `https://${name}:${kdc.port}${path}`,
  };
}
