import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * The prefix makes browsers take the cookie from this host alone, over HTTPS, for all paths: no neighbour in the domain can set it (RFC
 * 6265bis section 4.1.3.2).
 */
const COOKIE = '__Host-realmward-login';

/** Ties forms to the browser that they were sent to, and to one login. */
export interface FormGuard {
  /** The token for a form about `request`; gives the browser its cookie where it has none. */
  token(request: FastifyRequest, reply: FastifyReply, about: string): string;
  /** Whether a form about `request` comes from a page of ours in the same browser. */
  accepts(request: FastifyRequest, about: string, token: string): boolean;
}

/** Nothing is kept but a key, which lives as long as this process. */
export function createFormGuard(): FormGuard {
  const key = randomBytes(32);
  const macOf = (browser: string, about: string): Buffer =>
    createHmac('sha256', key).update(`${browser}\n${about}`).digest();
  return {
    token(request, reply, about) {
      let browser = browserOf(request);
      if (browser === undefined) {
        browser = randomBytes(32).toString('base64url');
        // Strict: the page itself needs none to be shown, and its form is sent from the same site.
        reply.setCookie(COOKIE, browser, { path: '/', secure: true, httpOnly: true, sameSite: 'strict' });
      }
      return macOf(browser, about).toString('base64url');
    },
    accepts(request, about, token) {
      const browser = browserOf(request);
      if (browser === undefined) return false;
      const given = Buffer.from(token, 'base64url');
      const expected = macOf(browser, about);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}

function browserOf({ cookies }: FastifyRequest): string | undefined {
  const value = cookies[COOKIE];
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined;
}
