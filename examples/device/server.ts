/** The device's administration page. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { failurePage, messagePage, settingsPage, startPage } from './pages.ts';
import type { RealmPage } from './proxy.ts';
import type { Granted, LogIn, LoginResult } from './result.ts';
import { createSessions } from './sessions.ts';

export interface DeviceOptions {
  readonly host: string;
  readonly logIn: LogIn;
  /** Where the realm has a login page that browsers can be sent to. */
  readonly realmPage?: RealmPage;
  /** PEM: the device's own certificate. */
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly listen: { readonly host: string; readonly port: number };
  /** The name that browsers know the device by. */
  readonly name: string;
}

/** Serves until it is closed; gives the beginning of its URLs, too. */
export async function serve(
  options: DeviceOptions,
): Promise<{ readonly server: Server; readonly url: string }> {
  const { cert, key, listen, name } = options;
  let device: Device | undefined;
  const server = createServer({ cert, key, requestTimeout: 10_000 }, (request, response) => {
    device?.answer(request, response).catch((error: unknown) => {
      console.error(error);
      if (response.headersSent) response.destroy();
      else send(response, 500, messagePage(options.host, 'The device could not do that.'));
    });
  });
  server.maxConnections = 64;
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  const url = `https://${name}:${(server.address() as AddressInfo).port}`;
  device = new Device(options, url);
  return { server, url };
}

/** What a path that cannot be read leads to. */
const NOWHERE = new URL('https://localhost/404');

const SESSION = '__Host-session';
const LOGIN = '__Host-login';
const MAX_BODY = 4096;

class Device {
  readonly #options: DeviceOptions;
  readonly #url: string;
  readonly #sessions = createSessions();
  #ringtone = 'Bell';

  constructor(options: DeviceOptions, url: string) {
    this.#options = options;
    this.#url = url;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { host, realmPage } = this.#options;
    const { pathname, searchParams } = URL.parse(request.url ?? '', this.#url) ?? NOWHERE;
    switch (`${request.method} ${pathname}`) {
      case 'GET /':
        return send(response, 200, startPage(host, realmPage !== undefined));
      case 'GET /settings':
      case 'POST /settings':
        return this.#settings(request, response);
      case 'GET /login-at-realm':
        return this.#toRealm(response);
      case 'GET /logged-in':
        return this.#fromRealm(request, response, searchParams);
      default:
        return send(response, 404, messagePage(host, 'There is no such page.'));
    }
  }

  async #settings(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { host } = this.#options;
    const who = await this.#who(request, response);
    if (who === undefined) return;
    if (request.method === 'POST') {
      if (who.right !== 'Administrator')
        return send(response, 403, messagePage(host, 'Only Administrators change settings.'));
      if (!isOwnForm(request, this.#url))
        return send(response, 403, messagePage(host, 'That form was not on a page of this device.'));
      this.#ringtone = (await readForm(request)).get('ringtone')?.slice(0, 40) ?? this.#ringtone;
    }
    send(response, 200, settingsPage(host, this.#ringtone, who));
  }

  /** Who sends a request; where it is nobody that may see the page, they are told why. */
  async #who(request: IncomingMessage, response: ServerResponse): Promise<Granted | undefined> {
    const { authorization } = request.headers;
    for (const secret of [cookie(request, SESSION), authorization]) {
      const known = secret === undefined ? undefined : this.#sessions.find(secret);
      if (known !== undefined) return known;
    }
    const typed = readBasic(authorization);
    if (typed === undefined) {
      send(response, 401, messagePage(this.#options.host, 'Log in as REALM\\user.'), CHALLENGE);
      return undefined;
    }
    const result = await this.#options.logIn(typed.user, typed.password);
    if (result.result !== 'granted') {
      this.#refuse(response, result);
      return undefined;
    }
    // The emergency account is looked at anew each time: it ends when the realm is back.
    if (result.principal.includes('@')) this.#sessions.begin(authorization as string, result);
    return result;
  }

  async #toRealm(response: ServerResponse): Promise<void> {
    const { host, realmPage } = this.#options;
    const state = randomBytes(24).toString('base64url');
    const url = await realmPage?.start(`${this.#url}/logged-in`, state);
    if (url === undefined) return send(response, 503, messagePage(host, 'The realm cannot be reached.'));
    redirect(response, url, `${LOGIN}=${state}; Max-Age=600`);
  }

  async #fromRealm(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<void> {
    const { host, realmPage } = this.#options;
    const state = cookie(request, LOGIN);
    // Another browser's login would log this person in as somebody else.
    if (state === undefined || !isSame(query.get('state') ?? '', state))
      return send(response, 403, messagePage(host, 'This login was not begun in this browser.'));
    const code = query.get('code');
    const result = code === null ? undefined : await realmPage?.redeem(code);
    if (result === undefined) return redirect(response, '/', `${LOGIN}=; Max-Age=0`);
    if (result.result !== 'granted') return this.#refuse(response, result);
    const session = randomBytes(32).toString('base64url');
    this.#sessions.begin(session, result);
    redirect(response, '/settings', `${LOGIN}=; Max-Age=0`, `${SESSION}=${session}`);
  }

  #refuse(response: ServerResponse, failure: Exclude<LoginResult, Granted>): void {
    const { host, realmPage } = this.#options;
    const status = STATUS[failure.result];
    const shown = failurePage(host, failure, realmPage !== undefined);
    send(response, status, shown, status === 401 ? CHALLENGE : {});
  }
}

/** With 401 the browser asks for another name or password; the others no password helps against. */
const STATUS = {
  refused: 401,
  realm_hint: 401,
  no_right: 403,
  locked: 403,
  expired_password: 403,
  clock: 403,
  unreachable: 503,
} as const satisfies Record<Exclude<LoginResult, Granted>['result'], number>;

const CHALLENGE = { 'www-authenticate': 'Basic realm="REALM\\\\user", charset="UTF-8"' };

function readBasic(authorization = ''): { user: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization)?.[1];
  const text = Buffer.from(encoded ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Browsers send passwords and cookies along with forms of foreign pages, too, and say so. */
function isOwnForm({ headers }: IncomingMessage, url: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  return headers.origin === undefined || headers.origin === url;
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) {
    body += piece as string;
    if (body.length > MAX_BODY) throw new Error('a form is too long');
  }
  return new URLSearchParams(body);
}

function cookie({ headers }: IncomingMessage, name: string): string | undefined {
  const pairs = (headers.cookie ?? '').split('; ');
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function send(
  response: ServerResponse,
  status: number,
  page: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { ...HEADERS, 'content-type': 'text/html; charset=utf-8', ...headers })
    .end(page);
}

function redirect(response: ServerResponse, location: string, ...cookies: readonly string[]): void {
  const all = cookies.map((one) => `${one}; Path=/; Secure; HttpOnly; SameSite=Lax`);
  response.writeHead(303, { ...HEADERS, location, 'set-cookie': all }).end();
}
