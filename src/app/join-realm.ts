/** Joins this machine, or another one, to a realm: from the first try to the keytab on the disk. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { RealmwardError } from '../base/errors.ts';
import { type TlsTrust, tlsOptions } from '../client/node-tls.ts';
import { readKeytab } from '../codec/keytab.ts';
import { appendToKeytabFile } from './keytab-file.ts';
import { type JoinReply, type JoinWish, NotYet, requestJoin } from './join-request.ts';
import { replaceSecretFile } from './secret-file.ts';

export interface JoinPlan extends Omit<JoinWish, 'requestId'> {
  /** `https://realm.example`, with a port where that is not 443. */
  readonly server: string;
  readonly trust: TlsTrust;
  /** Asked for once, and only where there is something to join: whoever has joined before may have wiped it. */
  readonly secret: () => Promise<JoinSecret>;
  readonly keytab: string;
  /** Ask for new keys although the keytab has some. */
  readonly again: boolean;
  /** Told the answer before the keytab is written: the keytab says that all is done, so what else is kept of the answer is on the disk by then. */
  readonly keep: (reply: JoinReply) => void;
  /** How long it is tried, in milliseconds; `Infinity`: until it works. */
  readonly patience: number;
  /** Told of each try that failed and will be made again. */
  readonly onRetry: (error: RealmwardError, wait: number) => void;
}

/** UTF-8 of what stands before and behind the colon of Basic authentication, or a join token. Wiped when it is not needed any more. */
export type JoinSecret =
  { readonly user: string; readonly password: Uint8Array } | { readonly token: Uint8Array };

/** What came of it. */
export interface JoinedRealm extends JoinReply {
  /** Others than its owner may read the keytab, as it was before. */
  readonly exposed: boolean;
}

/** Waits between tries, in milliseconds; each is doubled up to the longest, and shortened by chance, so that a fleet does not come all at once. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

/** Errors after which the same request is never sent again. */
const DONE_WITH: readonly string[] = ['join-malformed', 'join-conflict', 'strange-answer'];

/**
 * Joins, however often it takes: what fails because a server does not answer is tried again, what the server refuses is not. The same request id
 * goes along until there is an answer on the disk, also when this process is ended and started anew, so that a device joins once.
 * Resolves to `undefined` where the keytab had keys of the device already, and nothing was asked. Throws
 * `RealmwardError`: as `requestJoin`, `not-found` where the keytab's folder is missing, `no-answer` when `patience` has run out, `bad-server`, `bad-certificate`, `bad-fingerprint`.
 */
export async function joinRealm(plan: JoinPlan): Promise<JoinedRealm | undefined> {
  const server = serverUrl(plan.server);
  const tls = tlsOptions(plan.trust);
  const pending = `${plan.keytab}.joining`;
  if (!plan.again && hasKeys(plan.keytab, plan.host)) {
    rmSync(pending, { force: true });
    return undefined;
  }
  const folder = dirname(plan.keytab);
  if (!existsSync(folder))
    throw new RealmwardError('not-found', `there is no folder ${folder} for the keytab`, {
      hint: 'Make it first, or name another file with --keytab. Nothing was asked of the server.',
    });
  const secret = await plan.secret();
  try {
    const { host, serial, model, etypes, http } = plan;
    const wish = { host, serial, model, etypes, http };
    const requestId = pendingRequest(pending, { server: server.origin, ...wish });
    const authorization = authorizationOf(secret);
    const reply = await untilAnswered(plan, () =>
      requestJoin(server, { tls, authorization, wish: { ...wish, requestId } }),
    ).catch((error: unknown) => {
      // The request itself was refused, so there is no answer to come back for. With another password or certificate there may be one.
      if (error instanceof RealmwardError && DONE_WITH.includes(error.code)) rmSync(pending, { force: true });
      throw error;
    });
    plan.keep(reply);
    const bytes = Buffer.from(reply.keytab, 'base64');
    const { exposed } = appendToKeytabFile(plan.keytab, readKeytab(bytes));
    bytes.fill(0);
    rmSync(pending, { force: true });
    return { ...reply, exposed };
  } finally {
    ('token' in secret ? secret.token : secret.password).fill(0);
  }
}

async function untilAnswered<T>({ patience, onRetry }: JoinPlan, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patience;
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof NotYet)) throw error;
      const pause = Math.max(wait * (0.5 + Math.random() / 2), error.retryAfter ?? 0);
      if (performance.now() + pause > deadline) throw error;
      onRetry(error, pause);
      await sleep(pause);
    }
  }
}

function authorizationOf(secret: JoinSecret): string {
  if ('token' in secret) return `Bearer ${Buffer.from(secret.token).toString('latin1')}`;
  const pair = Buffer.concat([Buffer.from(`${secret.user}:`), secret.password]);
  const text = pair.toString('base64');
  pair.fill(0);
  return `Basic ${text}`;
}

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url?.protocol === 'https:' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === ''
  )
    return url;
  // Who has written a password into it does not want to see it again.
  const shown = text.includes('@') ? 'what was given' : `"${text.slice(0, 100)}"`;
  throw new RealmwardError('bad-server', `${shown} is not the address of a realmward server`, {
    hint: 'It looks like https://realm.example or https://realm.example:8443. Secrets never go over http.',
  });
}

/** Whether the keytab has keys of `host/<host>`. */
function hasKeys(file: string, host: string): boolean {
  if (!existsSync(file)) return false;
  const wanted = host.toLowerCase();
  return readKeytab(readFileSync(file)).some(
    ({ name: { nameString } }) => nameString[0] === 'host' && nameString[1] === wanted,
  );
}

const pendingSchema = z.object({ requestId: z.string().min(1), wish: z.string() });

/** The id of the request that an earlier run made for the same wish and got no answer to, else a new one, which is on the disk when this returns. */
function pendingRequest(file: string, wish: object): string {
  const text = JSON.stringify(wish);
  const earlier = existsSync(file) ? pendingSchema.safeParse(parsed(readFileSync(file, 'utf8'))) : undefined;
  if (earlier?.success === true && earlier.data.wish === text) return earlier.data.requestId;
  const requestId = randomUUID();
  replaceSecretFile(file, `${JSON.stringify({ requestId, wish: text })}\n`);
  return requestId;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
