import { isIP } from 'node:net';
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import plugin from 'fastify-plugin';

/** A year, in seconds. */
const HSTS_AGE = 31_536_000;

/**
 * Header fields that every answer carries. A page that needs more says so with its route's `helmet` option (`@fastify/helmet`); scripts are on no page.
 */
export const securityHeaders = plugin(
  async (app: FastifyInstance, { names }: { readonly names: () => readonly string[] }) => {
    await app.register(helmet, HELMET);
    app.addHook('onRequest', async (_request, reply) => {
      // Answers hold tickets, tokens and rights.
      reply.header('cache-control', 'no-store');
      // RFC 6797 section 8.1.1: no address takes it. What else runs on a host of development must not suffer from it.
      if (names().some(isPublicName)) reply.header('strict-transport-security', `max-age=${HSTS_AGE}`);
    });
  },
  { name: 'security-headers' },
);

const HELMET: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  frameguard: { action: 'deny' },
  referrerPolicy: { policy: 'no-referrer' },
  // The login page leads back to devices of other sites, in the same window.
  strictTransportSecurity: false,
};

function isPublicName(name: string): boolean {
  return isIP(name) === 0 && name !== 'localhost' && !name.endsWith('.localhost');
}
