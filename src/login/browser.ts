/** What browsers ask for: the page at which a person logs in to a device, and its forms. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { timingSafeEqual } from 'node:crypto';
import { takeBytes } from './api.ts';
import { changePassword, type Granted, logIn, type LoginOutcome, principalOf } from './attempt.ts';
import type { PasswordChanged } from '../http/password-proof.ts';
import { goneSignal } from '../http/gone.ts';
import { createFormGuard, type FormGuard } from './csrf.ts';
import type { LoginEvent } from './event.ts';
import { type FormFields, readForm } from './form.ts';
import type { PageLogin, PageLogins } from './page-logins.ts';
import {
  aboutPage,
  changePage,
  contentSecurityPolicy,
  gonePage,
  type LoginPage,
  loginPage,
  type PageProblem,
} from './pages.ts';
import { type LoginOptions, MAX_BODY } from './options.ts';
import { withParameters } from './return-to.ts';
import { type Language, languageOf, preferredLanguage, TEXTS } from './texts.ts';

const SECRETS: readonly string[] = ['password', 'newPassword', 'repeatPassword'];

export function browserRoutes(app: FastifyInstance, options: LoginOptions, logins: PageLogins): void {
  const forms = createFormGuard();
  app.removeAllContentTypeParsers();
  const parsing = { parseAs: 'buffer', bodyLimit: MAX_BODY } as const;
  app.addContentTypeParser('application/x-www-form-urlencoded', parsing, takeBytes);

  app.get<{ Querystring: Readonly<Record<string, unknown>> }>('/login', async (request, reply) => {
    const language = languageFor(request, request.query['lang']);
    const { request: ticket } = request.query;
    if (ticket === undefined) return show(reply, 200, aboutPage(language));
    const login = typeof ticket === 'string' ? logins.find(ticket) : undefined;
    if (login === undefined) return show(reply, 404, gonePage(language));
    const visit = new Visit(options, logins, forms, request, reply, {
      login,
      language,
      ticket: ticket as string,
    });
    return visit.showLogin(200, '', undefined);
  });

  const route = { bodyLimit: MAX_BODY };
  app.post('/login', route, (request, reply) =>
    withForm(request, reply, (visit, form) => visit.logIn('page-login', form)),
  );
  app.post('/login/password', route, (request, reply) =>
    withForm(request, reply, (visit, form) => visit.changePassword(form)),
  );

  /** Reads the form of a login that lasts, from a page of ours; its secrets are wiped when `work` has settled. */
  async function withForm(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (visit: Visit, form: FormFields) => Promise<FastifyReply>,
  ): Promise<FastifyReply> {
    const body = request.body instanceof Uint8Array ? request.body : new Uint8Array(0);
    const form = readForm(body, SECRETS);
    try {
      const field = (name: string): string => form.fields.get(name) ?? '';
      const ticket = field('request');
      const login = logins.find(ticket);
      const language = languageFor(request, field('lang'));
      if (login === undefined) return show(reply, 404, gonePage(language));
      const visit = new Visit(options, logins, forms, request, reply, { login, language, ticket });
      if (!forms.accepts(request, ticket, field('csrf'))) {
        visit.tell('refused', 'foreign-form');
        return visit.showLogin(403, '', { message: TEXTS[language].staleForm, field: 'user' });
      }
      return await work(visit, form);
    } finally {
      for (const secret of form.secrets.values()) secret.fill(0);
    }
  }
}

/** One request of a browser about a login. */
class Visit {
  readonly #options: LoginOptions;
  readonly #logins: PageLogins;
  readonly #forms: FormGuard;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #login: PageLogin;
  readonly #language: Language;
  readonly #ticket: string;

  constructor(
    options: LoginOptions,
    logins: PageLogins,
    forms: FormGuard,
    request: FastifyRequest,
    reply: FastifyReply,
    about: { readonly login: PageLogin; readonly language: Language; readonly ticket: string },
  ) {
    this.#options = options;
    this.#logins = logins;
    this.#forms = forms;
    this.#request = request;
    this.#reply = reply;
    this.#login = about.login;
    this.#language = about.language;
    this.#ticket = about.ticket;
  }

  showLogin(status: number, user: string, problem: PageProblem | undefined): FastifyReply {
    return this.#show(status, loginPage(this.#page(user, problem)));
  }

  async logIn(action: LoginEvent['action'], { fields, secrets }: FormFields): Promise<FastifyReply> {
    const user = fields.get('user') ?? '';
    const password = secrets.get('password');
    const texts = TEXTS[this.#language];
    if (user === '' || password === undefined || password.length === 0)
      return this.showLogin(403, user, { message: texts.empty, field: user === '' ? 'user' : 'password' });
    const { device } = this.#login;
    const { ip: address } = this.#request;
    const signal = goneSignal(this.#reply);
    const outcome = await logIn(this.#options, action, { device, user, password, address }, signal);
    if (outcome.result === 'granted') return this.#sendBack(outcome);
    if (outcome.result === 'expired_password') return this.#showChange(user, undefined);
    this.#logins.failed(this.#ticket);
    const shown = outcome.result === 'realm_hint' ? inRealm(user, outcome.realm) : user;
    const status = outcome.result === 'unreachable' ? 503 : 403;
    return this.showLogin(status, shown, problemOf(this.#language, outcome));
  }

  async changePassword(form: FormFields): Promise<FastifyReply> {
    const { fields, secrets } = form;
    const user = fields.get('user') ?? '';
    const [password, newPassword, repeated] = SECRETS.map((name) => secrets.get(name) ?? new Uint8Array(0));
    const texts = TEXTS[this.#language];
    if (user === '' || isEmpty(password) || isEmpty(newPassword))
      return this.#showChange(user, { message: texts.empty, field: user === '' ? 'user' : 'password' });
    if (!isSame(newPassword, repeated))
      return this.#showChange(user, { message: texts.notEqual, field: 'newPassword' });
    const { device } = this.#login;
    const { ip: address } = this.#request;
    const signal = goneSignal(this.#reply);
    const change = { user, password, newPassword, address };
    const changed = await changePassword(this.#options, 'page-change', device, change, signal);
    if (changed.result === 'changed')
      return this.logIn('page-login', { fields, secrets: new Map([['password', newPassword]]) });
    this.#logins.failed(this.#ticket);
    return this.#showChange(user, problemOf(this.#language, changed));
  }

  /** Tells the log about a form that was not even tried. */
  tell(result: string, reason: string): void {
    const { device } = this.#login;
    const nobody = { detail: undefined, user: undefined, right: undefined, groups: undefined };
    this.#options.observe({
      ...nobody,
      action: 'page-login',
      result,
      reason,
      device,
      address: this.#request.ip,
    });
  }

  #showChange(user: string, problem: PageProblem | undefined): FastifyReply {
    return this.#show(403, changePage(this.#page(user, problem)));
  }

  /** To the device, with a code that says nothing to anybody else. */
  #sendBack(answer: Granted): FastifyReply {
    const { returnTo, state } = this.#login;
    const code = this.#logins.finish(this.#ticket, answer);
    if (code === undefined) return this.#show(404, gonePage(this.#language));
    return this.#reply
      .header('content-security-policy', contentSecurityPolicy(returnTo.origin))
      .redirect(withParameters(returnTo, { code, state }), 303);
  }

  #page(user: string, problem: PageProblem | undefined): LoginPage {
    const { device, returnTo, state } = this.#login;
    return {
      language: this.#language,
      realm: this.#options.realm,
      device,
      returnOrigin: returnTo.origin,
      cancelUrl: withParameters(returnTo, { error: 'access_denied', state }),
      request: this.#ticket,
      csrf: this.#forms.token(this.#request, this.#reply, this.#ticket),
      user,
      problem,
    };
  }

  #show(status: number, page: string): FastifyReply {
    return show(this.#reply, status, page, this.#login.returnTo.origin);
  }
}

function show(reply: FastifyReply, status: number, page: string, returnOrigin?: string): FastifyReply {
  return reply
    .code(status)
    .header('content-security-policy', contentSecurityPolicy(returnOrigin))
    .header('cache-control', 'no-store')
    .header('vary', 'Accept-Language')
    .type('text/html; charset=utf-8')
    .send(page);
}

/** A failure in the person's language; what is for the log stays there. */
function problemOf(
  language: Language,
  failure: Exclude<LoginOutcome, Granted> | Exclude<PasswordChanged, { readonly result: 'changed' }>,
): PageProblem {
  const texts = TEXTS[language];
  switch (failure.result) {
    case 'refused': {
      const notTheirs = failure.reason === 'kdc-not-proven';
      return { message: notTheirs ? texts.notProven : texts.refused, field: 'password' };
    }
    case 'locked':
      return { message: texts.locked, field: 'password' };
    case 'expired_password':
      return { message: texts.expired, field: 'password' };
    case 'unreachable':
      return { message: texts.unreachable, field: 'password' };
    case 'clock':
      return { message: texts.clock(failure.offset), field: 'password' };
    case 'realm_hint':
      return { message: texts.realmHint(failure.realm), field: 'password' };
    case 'rejected':
      return { message: texts.rejected(failure.message), field: 'newPassword' };
    default: {
      const { person } = failure;
      return { message: texts.noRight(principalOf(person)), field: 'user', groups: person.groups };
    }
  }
}

/** The name that was typed, under the realm's right name. */
function inRealm(user: string, realm: string): string {
  const typed = user.trim();
  const backslash = typed.indexOf('\\');
  const name = backslash < 0 ? typed.slice(0, typed.lastIndexOf('@')) : typed.slice(backslash + 1);
  return `${realm}\\${name}`;
}

function languageFor({ headers }: FastifyRequest, wanted: unknown): Language {
  const chosen = typeof wanted === 'string' ? languageOf(wanted) : undefined;
  return chosen ?? preferredLanguage(headers['accept-language']);
}

function isEmpty(secret: Uint8Array | undefined): secret is undefined {
  return secret === undefined || secret.length === 0;
}

function isSame(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && timingSafeEqual(a, b);
}
