import cookie from '@fastify/cookie';
import type { FastifyPluginAsync } from 'fastify';
import { apiRoutes } from './api.ts';
import { browserRoutes } from './browser.ts';
import type { LoginOptions } from './options.ts';
import { createPageLogins } from './page-logins.ts';

export type { LoginEvent } from './event.ts';
export type { LoginOptions } from './options.ts';

/**
 * The login proxy: `POST /v1/login` and `/v1/login/password` for devices with a form of their own; `/v1/login/start`, the page `/login` and
 * `/v1/login/redeem` for those that send the browser here. What lies between start and redeem is in the memory of this process.
 */
export function loginRoutes(options: LoginOptions): FastifyPluginAsync {
  return async (app) => {
    const logins = createPageLogins(options);
    await app.register(async (scope) => apiRoutes(scope, options, logins));
    await app.register(async (scope) => {
      await scope.register(cookie);
      browserRoutes(scope, options, logins);
    });
  };
}
