/** A realm that devices join over HTTPS, and curl as whoever joins them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JoinAnswerBody } from '../../src/join/answer.ts';
import type { KdcConfig, TestKdc } from './kdc.ts';
import { startRealmwardKdc } from './realmward-kdc.ts';
import type { Scope } from './run.ts';
import type { Session } from './session.ts';

/** The server's name; `127.0.0.2` is another. */
export const JOIN_SERVER = 'server.realm1.example';

export interface JoinServer {
  readonly kdc: TestKdc;
  /** Beginning of its URLs, with its name; and by its address, for who does not know the name. */
  readonly url: string;
  readonly addressUrl: string;
  /** PEM file of its CA. */
  readonly ca: string;
}

/** What curl got. `body` is the answer of a join, or an error. */
export interface CurlAnswer {
  readonly status: number;
  readonly body: Partial<JoinAnswerBody> & { readonly error?: string };
  readonly text: string;
}

export const STAGE_PASSWORD = 'Stage.pass1';

/** Starts it, with an Administrator (alice), a Viewer (bob) and a Join-Realm account (stage), each with the password `<Name>.pass1`. */
export async function startJoinServer(t: Scope, config: KdcConfig = {}): Promise<JoinServer> {
  const kdc = await startRealmwardKdc(t, {
    users: [
      { name: 'alice', password: 'Alice.pass1', right: 'Administrator' },
      { name: 'bob', password: 'Bob.pass1', right: 'Viewer' },
      { name: 'stage', password: STAGE_PASSWORD, right: 'Join-Realm' },
    ],
    https: { names: [JOIN_SERVER, '127.0.0.2'] },
    ...config,
  });
  return {
    kdc,
    url: `https://${JOIN_SERVER}:${kdc.port}`,
    addressUrl: `https://127.0.0.2:${kdc.port}`,
    ca: join(kdc.dir, 'data', 'ca.pem'),
  };
}

/** Asks the server by curl, in the session of whoever has tickets there. */
export async function curl(
  { kdc, url, ca }: JoinServer,
  session: Session,
  path: string,
  ...args: readonly string[]
): Promise<CurlAnswer> {
  const { code, stdout, output } = await session.run('curl', [
    ...['--silent', '--show-error', '--cacert', ca, '--resolve', `${JOIN_SERVER}:${kdc.port}:127.0.0.2`],
    ...['--write-out', '\\n%{http_code}', ...args, `${url}${path}`],
  ]);
  const at = stdout.lastIndexOf('\n');
  const status = Number(stdout.slice(at));
  if (code !== 0 && status === 0) throw new Error(`curl ended with ${code}: ${output}`);
  return { status, body: parsed(stdout.slice(0, at)), text: output };
}

/** `POST /v1/join` by curl. */
export function curlJoin(
  server: JoinServer,
  session: Session,
  body: object,
  ...args: readonly string[]
): Promise<CurlAnswer> {
  return curl(server, session, '/v1/join', '--json', JSON.stringify(body), ...args);
}

/** Writes the keytab of an answer to a file. */
export function saveKeytab({ body, text }: CurlAnswer, file: string): string {
  if (body.keytab === undefined) throw new Error(`no keytab: ${text}`);
  writeFileSync(file, Buffer.from(body.keytab, 'base64'), { mode: 0o600 });
  return file;
}

function parsed(text: string): CurlAnswer['body'] {
  try {
    return JSON.parse(text) as CurlAnswer['body'];
  } catch {
    return {};
  }
}
