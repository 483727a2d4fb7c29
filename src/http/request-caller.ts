import type { FastifyRequest } from 'fastify';
import type { Caller } from './caller.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent it, on routes that ask for somebody; see `callerOf`. */
    caller: Caller | undefined;
  }
}

/** Who sent a request of a route that let only callers in. Throws a `TypeError` on another route: a mistake of the code. */
export function callerOf({ caller, url }: FastifyRequest): Caller {
  if (caller === undefined) throw new TypeError(`${url} asks nobody who they are`);
  return caller;
}

/** A caller for logs. */
export function showCaller(caller: Caller): string {
  if (caller.kind === 'person') return `${caller.person.name}@${caller.person.realm}`;
  return caller.kind === 'device' ? `host/${caller.host}` : `token ${caller.id}`;
}
