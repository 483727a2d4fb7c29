import { Agent, request } from 'node:https';

/** An answer of the realm's HTTPS server. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const PATIENCE = 20_000;
const MAX_ANSWER = 1 << 20;

/** Posts JSON. `ca` is the one authority that is believed. Rejects where there is no answer, or none in JSON. */
export function ask(url: URL, ca: string, authorization: string, body: object): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(url, {
    method: 'POST',
    agent: new Agent({ ca }),
    headers: { authorization, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(PATIENCE),
  });
  sent.on('error', reject).on('response', (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (text.length > MAX_ANSWER) response.destroy(new Error('the answer is too long'));
    });
    response.on('error', reject).on('end', () => {
      try {
        const parsed: unknown = JSON.parse(text);
        if (typeof parsed !== 'object' || parsed === null) throw new TypeError('the answer is no object');
        resolve({ status: response.statusCode ?? 0, body: parsed as Answer['body'] });
      } catch (error) {
        reject(error);
      }
    });
  });
  sent.end(JSON.stringify(body));
  return promise;
}

/** A field of an answer that is a text; empty where it is none. */
export function text({ body }: Answer, field: string): string {
  const value = body[field];
  return typeof value === 'string' ? value : '';
}
