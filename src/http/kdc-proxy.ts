/** MS-KKDCP: Kerberos messages over HTTPS, for whom UDP and TCP do not get through. */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { addressGroup } from '../base/address.ts';
import { RealmwardError } from '../base/errors.ts';
import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import {
  decodeKdcProxyMessage,
  encodeKdcProxyMessage,
  KDC_PROXY_MEDIA_TYPE,
  MAX_KDC_PROXY_MESSAGE,
  type ProxiedMessage,
} from '../codec/kkdcp.ts';
import { KrbError } from '../codec/krb5/error.ts';
import type { AttemptLimit } from '../realm/attempts.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { HttpError } from './errors.ts';
import { createGate, createGates } from './gate.ts';
import { tooMany } from './refusals.ts';
import { createSprayLimit } from './spray-limit.ts';

/** Where a message came from, as our own handlers want to know it. */
export interface ProxiedOrigin {
  readonly transport: 'https';
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  /** Longest answer that fits, in bytes. */
  readonly maxReply: number;
}

/** Answers a message of our realm in this process; with nothing where silence is the answer. */
export type LocalHandler = (
  message: Uint8Array,
  origin: ProxiedOrigin,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface KdcProxyOptions {
  readonly realm: string;
  readonly kdc: LocalHandler;
  /** Takes changes of passwords (RFC 3244); left out: there are none. */
  readonly kpasswd?: LocalHandler;
  /** Names of the realms to whose KDCs messages are handed on, and to no others. Asked at each request. */
  readonly trusted: () => readonly string[];
  /** Asks a KDC of one of these. Rejects where none answers. */
  readonly forward: (
    realm: string,
    message: Uint8Array,
    options: { signal: AbortSignal },
  ) => Promise<Uint8Array>;
  /**
   * Wrong passwords that one address may send on to other realms, whose KDCs see no address but ours. (Ours counts by itself.) Their own limits on each
   * account stay as they are.
   */
  readonly addressLimit: AttemptLimit;
}

/** Messages that are handed on at a time, and that wait for it: in all, and of one address, so that nobody takes all the places. */
const FORWARDED = { concurrency: 128, queue: 512 };
const FORWARDED_BY_ADDRESS = { concurrency: 16, queue: 64 };

/** How long an answer of another realm is waited for, in milliseconds: MIT's client gives up after ten seconds. */
const PATIENCE = 9000;

/** What stands around a Kerberos message in an answer: two tags, their lengths, and the message's own. */
const MAX_REPLY = MAX_KDC_PROXY_MESSAGE - 32;

/** First octets of a KDC's requests: AS-REQ and TGS-REQ. */
const KDC_REQUESTS: ReadonlySet<number | undefined> = new Set([0x6a, 0x6c]);

const AS_REQ = 0x6a;
const KRB_ERROR = 0x7e;

/** `POST /KdcProxy`. */
export function kdcProxyRoutes(options: KdcProxyOptions): FastifyPluginAsync {
  const all = createGate(FORWARDED);
  const byAddress = createGates(FORWARDED_BY_ADDRESS);
  const { realm, trusted, forward } = options;
  const spray = createSprayLimit(options.addressLimit);

  const ours = async (message: Uint8Array, request: FastifyRequest): Promise<Uint8Array> => {
    const { remotePort = 0, localAddress = '' } = request.raw.socket;
    const handler = KDC_REQUESTS.has(message[0]) ? options.kdc : options.kpasswd;
    const origin = {
      transport: 'https',
      address: request.ip,
      port: remotePort,
      localAddress,
      maxReply: MAX_REPLY,
    } as const;
    const reply = await handler?.(message, origin);
    if (reply === undefined) throw badMessage('it is none that this server answers');
    return reply;
  };

  const theirs = async (realm: string, message: Uint8Array, address: string): Promise<Uint8Array> => {
    // Tickets are what a trust is about. A password of another realm is changed there.
    if (!KDC_REQUESTS.has(message[0]))
      throw badMessage('only requests for tickets are handed on to other realms');
    const isLogin = message[0] === AS_REQ;
    const wait = isLogin ? await spray.blocked(address) : undefined;
    if (wait !== undefined) throw tooMany(wait);
    const signal = AbortSignal.timeout(PATIENCE);
    const ask = (): Promise<Uint8Array> => forward(realm, message, { signal });
    try {
      const reply = await byAddress(addressGroup(address)).run(() => all.run(ask, signal), signal);
      if (reply.length > MAX_REPLY)
        throw new RealmwardError('too-large', `its answer has ${reply.length} bytes`);
      if (isLogin && isWrongPassword(reply)) await spray.failed(address);
      return reply;
    } catch (cause) {
      throw new HttpError(503, 'unreachable', `No KDC of ${realm} answers.`, {
        hint: 'Try another proxy, or try again later; the log of this server says why.',
        headers: { 'retry-after': '5' },
        cause,
      });
    }
  };

  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.post(
      '/KdcProxy',
      {
        bodyLimit: MAX_KDC_PROXY_MESSAGE,
        onRequest: async ({ headers }) => {
          if (headers['content-length'] === undefined) throw LENGTH_REQUIRED;
        },
      },
      async (request, reply) => {
        const { message, realm: wanted } = read(request.body);
        const known = [realm, ...trusted()].find((one) => one.toLowerCase() === wanted.toLowerCase());
        if (known === undefined) throw otherRealm();
        const answer =
          known === realm ? await ours(message, request) : await theirs(known, message, request.ip);
        // Old clients read until the connection ends.
        reply.header('connection', 'close').type(KDC_PROXY_MEDIA_TYPE);
        return Buffer.from(encodeKdcProxyMessage({ message: answer }));
      },
    );
  };
}

/** Whether a KDC says so. */
function isWrongPassword(reply: Uint8Array): boolean {
  if (reply[0] !== KRB_ERROR) return false;
  try {
    return WRONG_PASSWORD.has(decode(KrbError, reply).errorCode);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

const WRONG_PASSWORD: ReadonlySet<number> = new Set([
  ErrorCode.KDC_ERR_PREAUTH_FAILED,
  ErrorCode.KRB_AP_ERR_BAD_INTEGRITY,
]);

/** Throws `HttpError` 400. */
function read(body: unknown): ProxiedMessage & { readonly realm: string } {
  if (!(body instanceof Uint8Array)) throw badMessage('it is empty');
  let proxied: ProxiedMessage;
  try {
    proxied = decodeKdcProxyMessage(body);
  } catch (error) {
    if (error instanceof DerError || error instanceof RealmwardError) throw badMessage(error.message, error);
    throw error;
  }
  const { realm } = proxied;
  // "This is required for client messages": which realm's KDC is meant is not looked for anywhere else.
  if (realm === undefined) throw badMessage('it does not say for which realm it is');
  return { ...proxied, realm };
}

function badMessage(why: string, cause?: unknown): HttpError {
  return new HttpError(400, 'bad-kdc-proxy-message', `The body cannot be answered: ${why}.`, {
    hint: 'It is the DER of a KDC-PROXY-MESSAGE (MS-KKDCP 2.2.2) with an AS-REQ or TGS-REQ.',
    cause,
  });
}

const LENGTH_REQUIRED = new HttpError(
  411,
  'length-required',
  'The request does not say how long its body is.',
  {
    hint: 'Send Content-Length instead of Transfer-Encoding: chunked.',
  },
);

/** Which realms are known is not said. */
function otherRealm(): HttpError {
  return new HttpError(503, 'realm-not-served', 'This proxy does not lead to that realm.', {
    hint: 'It leads to its own realm and to those with whom a trust is declared: "realmward trust list".',
  });
}
