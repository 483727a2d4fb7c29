import type { FastifyReply, FastifyRequest } from 'fastify';
import { RealmwardError } from '../base/errors.ts';
import type { HttpError } from './errors.ts';
import { showCaller } from './request-caller.ts';

/** A request that was answered. Nothing in it is secret: no query, no header, no body. */
export interface WebEvent {
  readonly method: string;
  /** The route's pattern; of what is no route the path, cut off. */
  readonly path: string;
  readonly status: number;
  /** From the request's headers to the end of its answer. */
  readonly milliseconds: number;
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
  /** `alice@REALM1.EXAMPLE`, `host/phone1@REALM1.EXAMPLE`, `token 5f3a`; once it was proven. */
  readonly caller: string | undefined;
  /** `error` of the answer. */
  readonly error: string | undefined;
  /** What is behind it, where that is more than the client is told: a stable code, and a sentence. */
  readonly reason: string | undefined;
  readonly detail: string | undefined;
}

/** The event of a request that Fastify has answered. */
export function eventOf(
  request: FastifyRequest,
  reply: FastifyReply,
  error: HttpError | undefined,
): WebEvent {
  const { method, raw, caller } = request;
  const cause = error?.cause instanceof RealmwardError ? error.cause : undefined;
  return {
    method,
    path: pathOf(request),
    status: reply.statusCode,
    milliseconds: Math.round(reply.elapsedTime * 10) / 10,
    address: raw.socket.remoteAddress ?? '',
    port: raw.socket.remotePort ?? 0,
    tls: true,
    caller: caller === undefined ? undefined : showCaller(caller),
    error: error?.code,
    reason: cause?.code,
    detail: cause?.message,
  };
}

/** The path for logs: a query may hold a code, and strangers choose what is no path of ours. */
export function pathOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? loggedPath(request.url);
}

const MAX_PATH = 100;

/** A path as it came, without its query. */
export function loggedPath(url: string): string {
  return (url.split('?', 1)[0] as string).slice(0, MAX_PATH);
}
