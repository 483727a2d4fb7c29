/** What devices ask for: JSON over HTTPS, and each device as itself. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseBody } from '../http/body.ts';
import { HttpError } from '../http/errors.ts';
import { goneSignal } from '../http/gone.ts';
import { callerOf } from '../http/request-caller.ts';
import { changePassword, type Granted, logIn, type LoginOutcome } from './attempt.ts';
import type { LoginEvent } from './event.ts';
import { LOGIN_LIFE, type PageLogins } from './page-logins.ts';
import { type LoginOptions, MAX_BODY } from './options.ts';
import { readReturnTo } from './return-to.ts';
import { readSecretJson, type SecretJson } from './secret-json.ts';

const SECRETS: readonly string[] = ['password', 'newPassword', 'code'];

const name = z.string({ error: 'a user name' }).max(1000, { error: 'a user name' });
const secret = z.string({ error: 'a text' });
const loginBody = z.strictObject({ user: name, password: secret });
const changeBody = z.strictObject({ user: name, password: secret, newPassword: secret });
const startBody = z.strictObject({
  returnTo: z.string({ error: 'an https:// address of the device' }),
  state: z
    .string({ error: 'a text of at most 512 characters' })
    .max(512, { error: 'a text of at most 512 characters' })
    .optional(),
});
const redeemBody = z.strictObject({ code: secret });

export function apiRoutes(app: FastifyInstance, options: LoginOptions, logins: PageLogins): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: MAX_BODY }, takeBytes);
  const route = { bodyLimit: MAX_BODY, onRequest: options.authenticate('device') };

  app.post('/v1/login', route, (request, reply) =>
    withBody(request, loginBody, async ({ user }, secrets) => {
      const password = secrets.get('password') as Uint8Array;
      const login = { device: deviceOf(request), user, password, address: request.ip };
      return answerLogin(reply, await logIn(options, 'login', login, goneSignal(reply)));
    }),
  );

  app.post('/v1/login/password', route, (request, reply) =>
    withBody(request, changeBody, async ({ user }, secrets) => {
      const password = secrets.get('password') as Uint8Array;
      const newPassword = secrets.get('newPassword') as Uint8Array;
      const change = { user, password, newPassword, address: request.ip };
      const changed = await changePassword(options, 'change', deviceOf(request), change, goneSignal(reply));
      if (changed.result === 'changed') return { result: 'changed' };
      return answerFailure(reply, changed);
    }),
  );

  app.post('/v1/login/start', route, (request) =>
    withBody(request, startBody, async ({ returnTo, state }) => {
      const device = deviceOf(request);
      const url = logins.start({ device, returnTo: readReturnTo(returnTo), state });
      observe(options, request, 'start', url === undefined ? 'too-many-logins' : undefined);
      if (url === undefined) {
        throw new HttpError(429, 'too-many-logins', 'The device has begun too many logins.', {
          hint: `Each ends by itself after ${LOGIN_LIFE / 60_000} minutes.`,
        });
      }
      return { url, expiresIn: LOGIN_LIFE / 1000 };
    }),
  );

  app.post('/v1/login/redeem', route, (request) =>
    withBody(request, redeemBody, async (_, secrets): Promise<Granted> => {
      const code = Buffer.from(secrets.get('code') as Uint8Array).toString();
      const redeemed = logins.redeem(code, deviceOf(request));
      observe(options, request, 'redeem', redeemed === undefined ? 'bad-code' : undefined, redeemed);
      if (redeemed === undefined) {
        throw new HttpError(403, 'bad-code', 'The code is not one of this device that is still good.', {
          hint: 'A code is good for a minute, once, for the device that has begun the login. Begin a new one.',
        });
      }
      return redeemed;
    }),
  );
}

/** 200 for who may log in, 403 for everybody else, 503 where nobody can tell. */
function answerLogin(reply: FastifyReply, outcome: LoginOutcome): object {
  if (outcome.result === 'granted') return outcome;
  if (outcome.result !== 'no_right') return answerFailure(reply, outcome);
  const { result, person, message, hint } = outcome;
  void reply.code(403);
  const { name: user, realm, groups } = person;
  return { result, principal: `${user}@${realm}`, realm, groups, message, hint };
}

interface Refusal {
  readonly result: string;
  readonly message: string;
  readonly hint: string;
  readonly reason: string;
}

/** Nothing of what is for the log alone. */
function answerFailure(reply: FastifyReply, failure: Refusal & { readonly detail?: unknown }): object {
  const { reason: _reason, detail: _detail, ...told } = failure;
  void reply.code(failure.result === 'unreachable' ? 503 : 403);
  return told;
}

/** Reads the body of a request, its secrets as bytes, which are wiped when `work` has settled. */
async function withBody<Schema extends z.ZodType, T>(
  { body }: FastifyRequest,
  schema: Schema,
  work: (body: z.output<Schema>, secrets: SecretJson['secrets']) => Promise<T>,
): Promise<T> {
  const { value, secrets } = readSecretJson(body instanceof Uint8Array ? body : NOTHING, SECRETS);
  try {
    return await work(parseBody(schema, value), secrets);
  } finally {
    for (const one of secrets.values()) one.fill(0);
  }
}

const NOTHING = new Uint8Array(0);

export function takeBytes(
  _request: FastifyRequest,
  body: Buffer,
  done: (error: Error | null, body: Buffer) => void,
): void {
  done(null, body);
}

function deviceOf(request: FastifyRequest): string {
  const caller = callerOf(request);
  if (caller.kind !== 'device') throw new TypeError('a route for devices has let somebody else in');
  return caller.host;
}

function observe(
  { observe: tell }: LoginOptions,
  request: FastifyRequest,
  action: LoginEvent['action'],
  reason: string | undefined,
  granted?: Granted,
): void {
  const done = action === 'start' ? 'started' : 'redeemed';
  tell({
    action,
    result: reason === undefined ? done : 'refused',
    reason,
    detail: undefined,
    device: deviceOf(request),
    user: granted?.principal,
    right: granted?.right,
    groups: undefined,
    address: request.ip,
  });
}
