/** Joining over HTTPS: `POST /v1/join`. */
import type { FastifyPluginAsync, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { type DeviceAccounts, type JoinCredential, joinDevice } from '../accounts/devices.ts';
import { RealmwardError } from '../base/errors.ts';
import { nowSeconds } from '../base/ports.ts';
import { parseBody } from '../http/body.ts';
import type { Caller } from '../http/caller.ts';
import { HttpError } from '../http/errors.ts';
import { callerOf, showCaller } from '../http/request-caller.ts';
import { joinAnswer, type JoinAnswerBody, type RealmServices } from './answer.ts';
import { type JoinBody, joinBody, keysOf, requestId } from './body.ts';
import { joinCredential } from './credential.ts';
import { joinRefusal } from './refusals.ts';

export interface JoinOptions {
  readonly accounts: DeviceAccounts;
  /** Lets in whoever has proven who they are, before the body is read, and puts the caller on the request. */
  readonly authenticate: onRequestAsyncHookHandler;
  /** Where the realm is reached now. */
  readonly servers: () => RealmServices;
  /** PEM of the authority behind the server's certificate, where that is the realm's own. */
  readonly ca: () => string | undefined;
  /** Told of each join and each refusal. Must not throw. */
  readonly observe: (event: JoinEvent) => void;
}

/** A join, or why there was none. */
export interface JoinEvent {
  /** `again`: the device had joined before. `repeated`: the same request came before, and got the same answer. */
  readonly outcome: 'joined' | 'again' | 'repeated' | 'refused';
  /** Canonical name; of a refusal what was written, cut off. */
  readonly host: string;
  /** `alice@REALM1.EXAMPLE`, `host/phone1`, `token 5f3a…`. */
  readonly by: string;
  readonly address: string;
  readonly kvno: number | undefined;
  /** Code of the refusal, and its sentence. */
  readonly reason: string | undefined;
  readonly detail: string | undefined;
}

/** A body holds a name, and a dozen keys at most. */
const MAX_BODY = 16 << 10;
const MAX_SHOWN_HOST = 64;

/** The route of joining, for the HTTPS server. */
export function joinRoutes(options: JoinOptions): FastifyPluginAsync {
  return async (app) => {
    app.route({
      method: 'POST',
      url: '/v1/join',
      bodyLimit: MAX_BODY,
      onRequest: options.authenticate,
      handler: async (request): Promise<JoinAnswerBody> => {
        const caller = callerOf(request);
        let host = '';
        try {
          const by = joinCredential(caller);
          const body = parseBody(joinBody, request.body);
          host = hostOf(body, caller);
          return await answer(options, request, { by, body, host });
        } catch (error) {
          const refusal = joinRefusal(error);
          if (refusal instanceof RealmwardError) {
            const { code: reason, message: detail } = refusal;
            const shown = host.slice(0, MAX_SHOWN_HOST);
            observe(options, request, { outcome: 'refused', host: shown, kvno: undefined, reason, detail });
          }
          throw refusal;
        }
      },
    });
  };
}

async function answer(
  options: JoinOptions,
  request: FastifyRequest,
  { by, body, host }: { by: JoinCredential; body: JoinBody; host: string },
): Promise<JoinAnswerBody> {
  const { accounts } = options;
  const { serial, model, http } = body;
  const own = keysOf(body, nowSeconds(accounts.clock));
  const from = addressOf(request);
  const asked = {
    host,
    serial,
    model,
    http,
    ...own,
    token: true,
    from,
    requestId: requestIdOf(body, request),
  };
  const joined = await joinDevice(accounts, by, asked);
  const { realm, clock } = accounts;
  const told = joinAnswer(joined, { realm, clock, servers: options.servers(), ca: options.ca() });
  const { kvno } = told.device;
  observe(options, request, {
    outcome: joined.repeated ? 'repeated' : kvno > 1 ? 'again' : 'joined',
    host: joined.device.host,
    kvno,
    reason: undefined,
    detail: undefined,
  });
  return told;
}

/** The name to join: a device that says nothing means itself; "the host name is by default the serial number" of what joins for the first time. */
function hostOf({ host, serial }: JoinBody, caller: Caller): string {
  const meant = host ?? (caller.kind === 'device' ? caller.host : serial);
  if (meant !== undefined) return meant;
  throw new HttpError(400, 'bad-request', 'The body names no device.', {
    hint: 'Send {"host": "…"}, or {"serial": "…"}, which then is its host name.',
  });
}

/** What identifies the request and its repetitions: `requestId` of the body, or the header Idempotency-Key. */
function requestIdOf(body: JoinBody, { headers }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key'];
  if (header === undefined) return body.requestId;
  const id = requestId.safeParse(header);
  if (id.success && (body.requestId ?? id.data) === id.data) return id.data;
  throw new HttpError(
    400,
    'bad-request',
    id.success
      ? 'Idempotency-Key and requestId differ.'
      : `Idempotency-Key: ${id.error.issues[0]?.message ?? 'cannot be read'}.`,
    { hint: 'Send one of them.' },
  );
}

function observe(
  { observe: tell }: JoinOptions,
  request: FastifyRequest,
  event: Omit<JoinEvent, 'by' | 'address'>,
): void {
  tell({ ...event, by: showCaller(callerOf(request)), address: addressOf(request) });
}

function addressOf({ raw }: FastifyRequest): string {
  return (raw.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}
