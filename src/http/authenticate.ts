/** Who sends a request: a hook for routes that let in only whom they name. */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { addressGroup } from '../base/address.ts';
import { RealmwardError } from '../base/errors.ts';
import { type Clock, nowSeconds } from '../base/ports.ts';
import type { AttemptLimit } from '../realm/attempts.ts';
import type { DeviceDirectory } from '../realm/device.ts';
import type { JoinTokenRepository } from '../realm/join-token.ts';
import { readBasic } from './basic.ts';
import type { Caller } from './caller.ts';
import { HttpError } from './errors.ts';
import { createGates } from './gate.ts';
import type { PasswordProver, ProvingService } from './password-proof.ts';
import {
  busy,
  type CallerKind,
  challenges,
  otherKind,
  refusedProof,
  type Scheme,
  schemesOf,
  tooMany,
  unauthenticated,
  unproven,
} from './refusals.ts';
import { createSprayLimit } from './spray-limit.ts';

export interface AuthenticatorOptions {
  readonly realm: string;
  readonly clock: Clock;
  readonly passwords: PasswordProver;
  /** Our own service, for which everybody may have a ticket: by it a password is proven. */
  readonly ownService: () => Promise<ProvingService>;
  /** Takes the `Authorization: Negotiate …` of a request on a connection. */
  readonly negotiate: (authorization: string, connection: object) => Promise<NegotiatedCaller>;
  readonly devices: DeviceDirectory;
  readonly joinTokens: Pick<JoinTokenRepository, 'find'>;
}

/** What came of a token of Negotiate; `header` is the value of `WWW-Authenticate` in the answer. */
export type NegotiatedCaller =
  | { readonly caller: Caller; readonly header: string | undefined }
  /** The client has to send another token; or, with an error, has proven nothing. */
  | { readonly caller: undefined; readonly header: string; readonly error: RealmwardError | undefined };

/**
 * Makes the hook of a route from the kinds of callers that it lets in. It answers 401, 403, 429 or 503 before a body is read, and else notes the
 * caller: see `callerOf`.
 */
export type Authenticate = (...kinds: readonly CallerKind[]) => onRequestAsyncHookHandler;

/**
 * Failures of one address, after which it has to wait. Passwords can be guessed; tickets and tokens of 256 bits cannot, and many devices that are not
 * known any more may stand behind one address: there the limit is about work.
 */
const LIMITS: Readonly<Record<Scheme, AttemptLimit>> = {
  basic: { maxFailures: 20, window: 300 },
  negotiate: { maxFailures: 600, window: 60 },
  bearer: { maxFailures: 600, window: 60 },
};

/** Passwords that one address may have in work; more wait. What waits is bounded by the address's connections. */
const AT_A_TIME = { concurrency: 16, queue: 1024 };

/** RFC 6750 section 2.1: b64token. */
const BEARER = /^[A-Za-z0-9._~+/-]{1,512}=*$/;

export function createAuthenticate(options: AuthenticatorOptions): Authenticate {
  const { realm, clock, devices, joinTokens, passwords, ownService } = options;
  const limits = {
    basic: createSprayLimit(LIMITS.basic),
    negotiate: createSprayLimit(LIMITS.negotiate),
    bearer: createSprayLimit(LIMITS.bearer),
  };
  const gates = createGates(AT_A_TIME);

  const byPassword = async (
    request: FastifyRequest,
    text: string,
    kinds: readonly CallerKind[],
  ): Promise<Caller> => {
    const basic = readBasic(text);
    if (basic === undefined) throw unproven(realm, kinds);
    const gone = new AbortController();
    const abort = (): void => gone.abort();
    const { socket } = request.raw;
    socket.once('close', abort);
    try {
      const attempt = { ...basic, service: await ownService(), address: request.ip };
      const proof = await passwords.prove(attempt, gone.signal);
      if (proof.result !== 'proven') throw refusedProof(proof, realm, kinds);
      return { kind: 'person', person: proof.person, how: 'basic' };
    } finally {
      basic.password.fill(0);
      socket.off('close', abort);
    }
  };

  const byToken = async (token: string, kinds: readonly CallerKind[]): Promise<Caller> => {
    if (!BEARER.test(token)) throw unproven(realm, kinds);
    // Looked up by its hash, so that the time of a comparison tells nothing about the token.
    const hash = createHash('sha256').update(token).digest();
    const device = await devices.findByToken(hash);
    if (device !== undefined) return { kind: 'device', host: device.host, rid: device.rid, how: 'bearer' };
    const id = await joinTokens.find(hash, nowSeconds(clock));
    if (id === undefined) throw unproven(realm, kinds);
    return { kind: 'join-token', id };
  };

  const byNegotiation = async (
    request: FastifyRequest,
    reply: FastifyReply,
    kinds: readonly CallerKind[],
  ): Promise<Caller> => {
    const answer = await options.negotiate(request.headers.authorization ?? '', request.raw.socket);
    if (answer.caller !== undefined) {
      if (answer.header !== undefined) reply.header('www-authenticate', answer.header);
      return answer.caller;
    }
    const { error = NEXT_TOKEN, header } = answer;
    throw new HttpError(401, error.code, error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      headers: { 'www-authenticate': challenges(realm, kinds, header) },
      cause: error,
    });
  };

  /** Proves the sender, unless their address has failed too often. */
  const limited = async (scheme: Scheme, address: string, prove: () => Promise<Caller>): Promise<Caller> => {
    const wait = await limits[scheme].blocked(address);
    if (wait !== undefined) throw tooMany(wait);
    try {
      return await prove();
    } catch (error) {
      if (isFailure(error)) await limits[scheme].failed(address);
      throw error;
    }
  };

  const callerBy = (
    scheme: Scheme,
    request: FastifyRequest,
    reply: FastifyReply,
    kinds: readonly CallerKind[],
  ): Promise<Caller> => {
    const { ip, headers } = request;
    const rest = (headers.authorization ?? '').slice(scheme.length).trim();
    switch (scheme) {
      case 'basic': {
        const prove = (): Promise<Caller> => limited(scheme, ip, () => byPassword(request, rest, kinds));
        return gates(addressGroup(ip))
          .run(prove)
          .catch((error: unknown) => {
            throw error instanceof RealmwardError && error.code === 'busy' ? busy() : error;
          });
      }
      case 'bearer':
        return limited(scheme, ip, () => byToken(rest, kinds));
      case 'negotiate':
        return limited(scheme, ip, () => byNegotiation(request, reply, kinds));
      default:
        throw new TypeError(`no way to prove ${String(scheme)}`);
    }
  };

  return (...kinds) =>
    async (request, reply) => {
      const named = /^[a-z]+(?= |$)/i.exec(request.headers.authorization ?? '')?.[0].toLowerCase();
      const scheme = schemesOf(kinds).find((one) => one === named);
      if (scheme === undefined) throw unauthenticated(realm, kinds);
      const caller = await callerBy(scheme, request, reply, kinds);
      request.caller = caller;
      if (caller.kind === 'device') devices.seen(caller.host, nowSeconds(clock));
      if (!kinds.includes(caller.kind)) throw otherKind(kinds);
    };
}

const NEXT_TOKEN = new RealmwardError('negotiation-continues', 'The negotiation takes another token.', {
  hint: 'Answer the token in WWW-Authenticate over the same connection.',
});

/** "KRB_AP_ERR_SKEW confirms a password: it counts neither as failure nor as success, and is limited by address like failures." */
function isFailure(error: unknown): boolean {
  if (!(error instanceof HttpError)) return false;
  return error.status === 401 ? error.code !== NEXT_TOKEN.code : error.code === 'clock';
}
