/** One `POST /v1/join`, as a client sends it. */
import { Agent, request } from 'node:https';
import { z } from 'zod';
import { RealmwardError } from '../base/errors.ts';
import { explainTlsError, type TlsOptions } from '../client/node-tls.ts';

/** What is asked for: see docs/joining.md. */
export interface JoinWish {
  readonly host: string;
  readonly serial?: string | undefined;
  readonly model?: string | undefined;
  readonly etypes?: readonly string[] | undefined;
  readonly http?: boolean | undefined;
  /** What makes this request and its repetitions one. */
  readonly requestId: string;
}

/** What is needed of the answer. */
export type JoinReply = z.output<typeof replySchema>;

const replySchema = z.object({
  realm: z.string(),
  device: z.object({ host: z.string(), principals: z.array(z.string()).min(1), kvno: z.number() }),
  keytab: z.base64(),
  token: z.string().nullable(),
  servers: z.object({ kdc: z.array(z.string()), kpasswd: z.array(z.string()), https: z.array(z.string()) }),
  ca: z.string().nullable(),
});

const errorSchema = z.object({
  error: z.string().max(64),
  message: z.string().max(1000),
  hint: z.string().max(1000).optional(),
});

/** No request, or one that may work at another time: `RealmwardError` `no-answer`, with how long the server wants to be left alone. */
export class NotYet extends RealmwardError {
  /** In milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(
    message: string,
    options: { readonly retryAfter?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super('no-answer', message, {
      hint: 'Is the server running, and reached from here?',
      cause: options.cause,
    });
    this.retryAfter = options.retryAfter;
  }
}

const MAX_REPLY = 256 << 10;
/** For everything, in milliseconds. */
const PATIENCE = 30_000;

// Each connection checks the certificate: a TLS session that is taken up again would not.
const UNREMEMBERING = new Agent({ keepAlive: false, maxCachedSessions: 0 });

/**
 * Sends the request to `server`, the beginning of an https URL. Rejects with `NotYet` where it may be sent again; with `RealmwardError`
 * `join-refused`, `join-conflict`, `join-malformed` and what the server says, or `strange-answer`; and with `ClientError` `certificate-refused`
 * where the server is not to be trusted, which then has got no secret.
 */
export async function requestJoin(
  server: URL,
  {
    tls,
    authorization,
    wish,
  }: { readonly tls: TlsOptions; readonly authorization: string; readonly wish: JoinWish },
): Promise<JoinReply> {
  const host = server.hostname.replace(/^\[(.*)\]$/, '$1');
  const signal = AbortSignal.timeout(PATIENCE);
  let answer: Answer;
  try {
    const options = await tls(host, Number(server.port || 443), signal);
    answer = await post(
      new URL('/v1/join', server),
      { ...options, signal },
      authorization,
      JSON.stringify(wish),
    );
  } catch (error) {
    const explained = explainTlsError(error, host);
    if (explained instanceof RealmwardError) throw explained;
    const why = signal.aborted ? `it did not answer within ${PATIENCE / 1000} seconds` : reasonOf(error);
    throw new NotYet(`${server.origin} cannot be asked: ${why}`, { cause: error });
  }
  return readAnswer(server, answer);
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

function post(url: URL, options: object, authorization: string, body: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = {
    authorization,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const sent = request(url, { ...options, method: 'POST', agent: UNREMEMBERING, headers });
  sent.on('error', reject);
  sent.on('response', (response) => {
    const pieces: Buffer[] = [];
    let held = 0;
    response.on('error', reject);
    response.on('data', (piece: Buffer) => {
      pieces.push(piece);
      held += piece.length;
      if (held > MAX_REPLY) reject(new Error('the answer is too long'));
    });
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
        body: Buffer.concat(pieces).toString('utf8'),
      }),
    );
    response.on('close', () => reject(new Error('the connection was closed before the answer was complete')));
  });
  sent.end(body);
  return promise.finally(() => sent.destroy());
}

function readAnswer(server: URL, { status, retryAfter, body }: Answer): JoinReply {
  const json = parsed(body);
  if (status === 200) {
    const reply = replySchema.safeParse(json);
    if (reply.success) return reply.data;
    throw strange(server, 'its answer is none to a join');
  }
  const refusal = errorSchema.safeParse(json);
  const said = refusal.success ? refusal.data.message : `it answered with the HTTP status ${status}`;
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    const seconds = /^\d{1,4}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
    throw new NotYet(`${server.origin}: ${said}`, {
      retryAfter: seconds === undefined ? undefined : seconds * 1000,
    });
  }
  const code = REFUSALS[status];
  if (!refusal.success || code === undefined) throw strange(server, said);
  const { error, hint } = refusal.data;
  throw new RealmwardError(code, `${said} (${error})`, hint === undefined ? {} : { hint });
}

/** What the statuses of refusals come to, each for an exit code. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: 'join-malformed',
  401: 'join-refused',
  403: 'join-refused',
  409: 'join-conflict',
  421: 'join-malformed',
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function strange({ origin }: URL, why: string): RealmwardError {
  return new RealmwardError(
    'strange-answer',
    `${origin} does not answer as a realmward server does: ${why}`,
    {
      hint: 'Is it the right address?',
    },
  );
}

function reasonOf(error: unknown): string {
  // Of several addresses that were tried each has its error.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  return first instanceof Error ? first.message : String(first);
}
