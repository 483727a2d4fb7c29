/** The login proxy over two realms in memory. A device proves itself by a header: how that is done in truth is not its business. */
import Fastify, { type FastifyInstance, type FastifyPluginAsync, type LightMyRequestResponse } from 'fastify';
import { sendError } from '../../src/http/answer.ts';
import type { Authenticate } from '../../src/http/authenticate.ts';
import { HttpError } from '../../src/http/errors.ts';
import { securityHeaders } from '../../src/http/headers.ts';
import type { PasswordChange, PasswordChanged } from '../../src/http/password-proof.ts';
import { createPasswordProver } from '../../src/http/prove-password.ts';
import { type LoginEvent, loginRoutes } from '../../src/login/routes.ts';
import { REALM } from './memory-realm.ts';
import { FakeTimer, type Proving, type ProvingOptions, startProving } from './proving.ts';
import type { Scope } from './run.ts';

export const ORIGIN = 'https://realm1.example';

export interface LoginApp {
  readonly app: FastifyInstance;
  readonly plugin: FastifyPluginAsync;
  readonly proving: Proving;
  readonly events: LoginEvent[];
  /** The clock of requests and codes. */
  readonly timer: FakeTimer;
  /** What changes of passwords come to; by default they are made in whichever realm the user is of. */
  changes: (change: PasswordChange) => Promise<PasswordChanged>;
  /** What was given to be changed, and the bytes of passwords as they are now. */
  readonly changed: PasswordChange[];
  /** Posts JSON as the device `phone1`, or as another one. */
  post(path: string, body: object | string, device?: string): Promise<LightMyRequestResponse>;
  /** Begins a login by page; the part of its URL behind the origin. */
  begin(fields?: object, device?: string): Promise<string>;
  close(): Promise<void>;
}

export async function startLoginApp(
  t: Scope,
  options: ProvingOptions & { readonly origin?: () => string } = {},
): Promise<LoginApp> {
  const proving = await startProving(t, options);
  const { ours } = proving.realms;
  ours.add({ name: 'host/phone2' });
  const events: LoginEvent[] = [];
  const timer = new FakeTimer();
  const changed: PasswordChange[] = [];
  const prover = createPasswordProver(proving.options);
  const plugin = loginRoutes({
    realm: REALM,
    origin: options.origin ?? (() => ORIGIN),
    authenticate,
    passwords: {
      prove: (attempt, signal) => prover.prove(attempt, signal),
      change: (change) => {
        changed.push(change);
        return login.changes(change);
      },
    },
    deviceKeys: async (host) => proving.service(`host/${host}`).keys,
    observe: (event) => events.push(event),
    now: () => timer.now(),
  });
  const app = Fastify();
  app.decorateRequest('caller', undefined);
  app.setErrorHandler((error, _request, reply) => void sendError(error, reply));
  await app.register(securityHeaders, { names: () => ['realm1.example'] });
  await app.register(plugin);
  t.teardown(() => app.close());
  const login: LoginApp = {
    app,
    plugin,
    proving,
    events,
    timer,
    changed,
    changes: async ({ user, newPassword }) => {
      await ours.addUser(user, new TextDecoder().decode(newPassword), { right: 'Administrator' });
      return { result: 'changed' };
    },
    post: (path, body, device = 'phone1') =>
      app.inject({
        method: 'POST',
        url: path,
        headers: { 'x-device': device, 'content-type': 'application/json' },
        body,
      }),
    async begin(fields = {}, device = 'phone1') {
      const body = { returnTo: 'https://phone1.example/in?page=1', state: 's-1', ...fields };
      const { url } = (await login.post('/v1/login/start', body, device)).json<{ url: string }>();
      return url.slice(ORIGIN.length);
    },
    close: () => app.close(),
  };
  return login;
}

const authenticate: Authenticate =
  (...kinds) =>
  async (request) => {
    const host = request.headers['x-device'];
    if (typeof host !== 'string') throw new HttpError(401, 'unauthenticated', 'Who are you?');
    if (!kinds.includes('device')) throw new TypeError('not for devices');
    request.caller = { kind: 'device', host, rid: 2000, how: 'bearer' };
  };

/** A browser as far as forms and cookies go; it runs no scripts, and follows nothing by itself. */
export class PlainBrowser {
  readonly #app: FastifyInstance;
  readonly #language: string;
  cookie: string | undefined;
  page: LightMyRequestResponse | undefined;

  constructor(app: FastifyInstance, language = 'en') {
    this.#app = app;
    this.#language = language;
  }

  async open(url: string): Promise<LightMyRequestResponse> {
    return this.#keep(await this.#app.inject({ method: 'GET', url, headers: this.#headers() }));
  }

  /** Sends the form of the page, with these fields filled in. */
  async submit(fields: Readonly<Record<string, string>>): Promise<LightMyRequestResponse> {
    const { body = '' } = this.page ?? {};
    const action = /<form[^>]* action="([^"]+)"/s.exec(body)?.[1] ?? '';
    const inputs = Array.from(body.matchAll(/<input[^>]*>/gs), ([input]) => [
      /name="([^"]*)"/.exec(input)?.[1] ?? '',
      (/value="([^"]*)"/.exec(input)?.[1] ?? '').replace(/&#(\d+);/g, (_, code) =>
        String.fromCharCode(Number(code)),
      ),
    ]);
    const form = new URLSearchParams({ ...Object.fromEntries(inputs), ...fields }).toString();
    return this.send(action, form);
  }

  async send(url: string, form: string): Promise<LightMyRequestResponse> {
    const headers = { ...this.#headers(), 'content-type': 'application/x-www-form-urlencoded' };
    return this.#keep(await this.#app.inject({ method: 'POST', url, headers, body: form }));
  }

  #headers(): Record<string, string> {
    return {
      'accept-language': this.#language,
      ...(this.cookie === undefined ? {} : { cookie: this.cookie }),
    };
  }

  #keep(page: LightMyRequestResponse): LightMyRequestResponse {
    const set = page.headers['set-cookie'];
    if (typeof set === 'string') this.cookie = set.split(';')[0];
    this.page = page;
    return page;
  }
}
