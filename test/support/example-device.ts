/** The devices of examples/, each as a process of its own, and the browser of whoever administers them. */
import { request } from 'node:https';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CertifiedKey } from './certificates.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { CLEAN_ENV, type Scope } from './run.ts';
import { webAuthority } from './web.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));

let started = 0;

/** A certificate for `localhost` and 127.0.0.1. */
export async function localCertificate(): Promise<Pick<CertifiedKey, 'cert' | 'key'>> {
  const { certificate: cert, key } = await webAuthority.issueServer(['localhost', '127.0.0.1']);
  return { cert, key };
}

/** PEM of who has signed it. */
export const LOCAL_CA = webAuthority.certificate;

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface PageRequest {
  /** `user:password`, for Basic. */
  readonly as?: string;
  /** Fields of a form to post. */
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks for a page, and follows nothing. Its certificate is nobody's matter here. */
export function visit(url: string | URL, { as, form, headers = {} }: PageRequest = {}): Promise<Page> {
  const { promise, resolve, reject } = Promise.withResolvers<Page>();
  const basic = as === undefined ? {} : { authorization: `Basic ${Buffer.from(as).toString('base64')}` };
  const posted = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  const sent = request(url, {
    method: form === undefined ? 'GET' : 'POST',
    agent: false,
    rejectUnauthorized: false,
    headers: { ...basic, ...posted, ...headers },
  });
  sent.on('error', reject).on('response', (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
  });
  sent.end(form === undefined ? '' : new URLSearchParams(form).toString());
  return promise;
}

export interface ExampleDevice {
  readonly daemon: Daemon;
  /** Beginning of its URLs. */
  url: string;
  /** Its settings, as seen with these credentials. */
  settings(as?: string, request?: PageRequest): Promise<Page>;
}

/**
 * Starts the example `name` at a free port. `dir` is where its log and its certificate are. `from`: where the examples are; left out: in this clone. Resolves
 * when it serves, or, where `ready` is false, at once.
 */
export async function startExample(
  scope: Scope,
  name: 'device' | 'kerberos-device',
  dir: string,
  args: readonly string[],
  { from = EXAMPLES, ready = true }: { readonly from?: string; readonly ready?: boolean } = {},
): Promise<ExampleDevice> {
  const { cert, key } = await localCertificate();
  writeFileSync(join(dir, 'device.pem'), cert);
  writeFileSync(join(dir, 'device.key'), key, { mode: 0o600 });
  const page = [
    '--cert',
    join(dir, 'device.pem'),
    '--key',
    join(dir, 'device.key'),
    '--listen',
    '127.0.0.1:0',
  ];
  const daemon = startDaemon(scope, process.execPath, [join(from, name, 'main.ts'), ...args, ...page], {
    env: { ...CLEAN_ENV, HOME: dir },
    log: join(dir, `device-${++started}.log`),
  });
  const device: ExampleDevice = {
    daemon,
    url: '',
    settings: (as, more = {}) =>
      visit(`${device.url}/settings`, { ...more, ...(as === undefined ? {} : { as }) }),
  };
  if (ready) device.url = await urlOf(daemon);
  return device;
}

/** Waits until it serves; gives the beginning of its URLs. */
export async function urlOf(daemon: Daemon): Promise<string> {
  for (let tries = 0; tries < 3000; tries++) {
    const url = /: (https:\/\/localhost:\d+)\n/.exec(daemon.log())?.[1];
    if (url !== undefined) return url;
    if (daemon.ended() !== undefined) break;
    await sleep(10);
  }
  throw new Error(`the device does not serve (${daemon.ended() ?? 'it runs'}); it said:\n${daemon.log()}`);
}
