import type { FastifyReply } from 'fastify';
import { clientGone } from './errors.ts';

/**
 * Aborts when the client goes before it has its answer; the reason is an `HttpError` 499, which nobody reads but the log. (The request's own
 * `close` comes when its body has been read, and `signal` of Fastify's request follows that.)
 */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort(clientGone());
  });
  return gone.signal;
}
