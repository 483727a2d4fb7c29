import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { randomBytes } from 'node:crypto';
import { RealmwardError } from '../base/errors.ts';
import { decode, encode } from '../codec/der/type.ts';
import { KrbError } from '../codec/krb5/error.ts';
import { AsReq } from '../codec/krb5/kdc.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { NameType } from '../spec/name-types.ts';
import { formatEndpoint, parseEndpoint, type Endpoint } from '../transport/endpoint.ts';
import type { Config } from './config/load.ts';
import { reachable } from './krb5-conf.ts';
import { askHealth } from './ping-https.ts';

/** How one address answered over one transport. */
export interface Pong {
  readonly transport: 'udp' | 'tcp' | 'https';
  readonly address: string;
  readonly ok: boolean;
  /** Milliseconds until the answer, or until it was given up. */
  readonly milliseconds: number;
  /** How far the server's clock is ahead of ours, in seconds; `undefined` without an answer, and over HTTPS. */
  readonly clockOffset: number | undefined;
  /** What was answered, or why there is none. */
  readonly detail: string;
}

/** How long an answer is waited for. */
const PATIENCE = 3000;

/**
 * Sends an AS-REQ without preauthentication to every address that the configuration listens on, over UDP and TCP. A KDC of the realm answers
 * that preauthentication is needed (or, where unknown clients are told so, that it does not know the client). The HTTPS server, where there is one,
 * is asked how it is.
 */
export function ping(config: Config): Promise<Pong[]> {
  const { https, realm, data } = config;
  const endpoints = (listen: readonly string[]): Endpoint[] =>
    listen.map((text) => reachable(parseEndpoint(text)));
  return Promise.all([
    ...endpoints(config.listen.kdc).flatMap((endpoint) => [
      pingOne('udp', endpoint, async () => judge(realm, await askUdp(endpoint, requestFor(realm)))),
      pingOne('tcp', endpoint, async () => judge(realm, await askTcp(endpoint, requestFor(realm)))),
    ]),
    ...(https === undefined
      ? []
      : endpoints(https.listen).map((endpoint) =>
          pingOne('https', endpoint, async () => ({
            ok: true,
            detail: await askHealth(endpoint, https, data, PATIENCE),
          })),
        )),
  ]);
}

/** What an answer says. */
interface Judgement extends Pick<Pong, 'ok' | 'detail'> {
  readonly clockOffset?: number;
}

async function pingOne(
  transport: Pong['transport'],
  endpoint: Endpoint,
  ask: () => Promise<Judgement>,
): Promise<Pong> {
  const address = formatEndpoint(endpoint);
  const start = performance.now();
  const judged = await ask().catch((error: unknown): Judgement => {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  });
  const milliseconds = Math.round((performance.now() - start) * 10) / 10;
  const { ok, detail, clockOffset } = judged;
  return { transport, address, ok, milliseconds, clockOffset, detail };
}

/** Whether a KDC of `realm` answers as it should. Throws `DerError` for what is no KRB-ERROR. */
function judge(realm: string, reply: Uint8Array): Judgement {
  const error = decode(KrbError, reply);
  const clockOffset = error.stime + error.susec / 1e6 - Date.now() / 1000;
  const known = error.realm === realm ? EXPECTED.get(error.errorCode) : undefined;
  if (known !== undefined) return { ok: true, detail: known, clockOffset };
  const detail = `the KDC of ${error.realm} answers with error ${error.errorCode}: ${error.eText ?? ''}`;
  return { ok: false, detail, clockOffset };
}

const EXPECTED = new Map<number, string>([
  [ErrorCode.KDC_ERR_PREAUTH_REQUIRED, 'asks for preauthentication, as it should'],
  [ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN, 'does not know the client, as it should'],
]);

function requestFor(realm: string): Uint8Array {
  return encode(AsReq, {
    pvno: 5,
    msgType: 10,
    padata: undefined,
    reqBody: {
      kdcOptions: 0,
      cname: { nameType: NameType.PRINCIPAL, nameString: ['ping'] },
      realm,
      sname: { nameType: NameType.SRV_INST, nameString: ['krbtgt', realm] },
      from: undefined,
      till: Math.floor(Date.now() / 1000) + 3600,
      rtime: undefined,
      nonce: randomBytes(4).readUInt32BE() & 0x7fff_ffff,
      etype: [20, 19, 18, 17],
      addresses: undefined,
      encAuthorizationData: undefined,
      additionalTickets: undefined,
    },
  });
}

function askUdp({ host, port }: Endpoint, request: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => finish(() => reject(noAnswer())), PATIENCE);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.close();
      settle();
    };
    socket.on('message', (reply) => finish(() => resolve(reply)));
    socket.on('error', (error) => finish(() => reject(error)));
    // Connected, so that a port where nobody listens is told at once.
    socket.connect(port, host, () => socket.send(request));
  });
}

function askTcp({ host, port }: Endpoint, request: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = connect({ host, port, timeout: PATIENCE }, () => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(request.length);
      socket.write(Buffer.concat([length, request]));
    });
    const timer = setTimeout(() => socket.destroy(noAnswer()), PATIENCE);
    socket.on('data', (piece) => {
      pieces.push(piece);
      const whole = Buffer.concat(pieces);
      if (whole.length < 4 || whole.length < 4 + whole.readUInt32BE()) return;
      resolve(whole.subarray(4, 4 + whole.readUInt32BE()));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new RealmwardError('no-answer', 'the connection was closed without an answer'));
    });
  });
}

function noAnswer(): RealmwardError {
  return new RealmwardError('no-answer', `no answer within ${PATIENCE / 1000} seconds`);
}
