/** The HTTPS side of the bench: devices join, people log in at them, and the KDC goes on answering meanwhile. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { KdcConfig, TestKdc } from '../test/support/kdc.ts';
import type { Figures } from './generator.ts';

/** What was measured; times in milliseconds. */
export interface WebFigures {
  /** Joins a second with a join token, and with the password of a Join-Realm account, whose key is derived anew for each. */
  readonly tokenJoins: number;
  readonly passwordJoins: number;
  readonly logins: number;
  /** Of the KDC at `KDC_RATE` a second: alone, and while `CONCURRENT_LOGINS` logins run all the time. One of each a round. */
  readonly idle: readonly Figures[];
  readonly busy: readonly Figures[];
  /** Logins a second in the meantime. */
  readonly busyLogins: number;
}

export const CONCURRENT_LOGINS = 50;
export const KDC_RATE = 500;

const NAME = 'localhost';
const JOINS = 400;
const LOGINS = 300;
const OUTSTANDING = 16;
const PASSWORD = 'Password.of.all';

/** What the realm of this bench has beyond that of the others. */
export const WEB_CONFIG: Pick<KdcConfig, 'https'> & { readonly users: NonNullable<KdcConfig['users']> } = {
  https: { names: [NAME] },
  users: [
    { name: 'stage', password: PASSWORD, right: 'Join-Realm' },
    ...Array.from({ length: CONCURRENT_LOGINS }, (_, i) => ({
      name: `admin${i}`,
      password: PASSWORD,
      right: 'Administrator' as const,
    })),
  ],
};

/** `askKdc` sends the KDC AS requests at `KDC_RATE` for a few seconds. */
export async function measureWeb(
  kdc: TestKdc,
  rounds: number,
  askKdc: () => Promise<Figures>,
): Promise<WebFigures> {
  const site = openSite(kdc);
  const { code, output } = await kdc.cli(['token', 'create', '--uses', '100000', '--ttl', '1h', '--json']);
  if (code !== 0) throw new Error(`realmward token create ended with ${code}: ${output}`);
  const { token } = JSON.parse(output) as { token: string };
  let device = 0;
  const joins = (authorization: string) => () =>
    site.post('/v1/join', { host: `device${device++}` }, authorization);
  const stage = `Basic ${Buffer.from(`stage:${PASSWORD}`).toString('base64')}`;
  const first = await joins(`Bearer ${token}`)();
  const bearer = `Bearer ${(first as { token: string }).token}`;
  let login = 0;
  const logIn = (): Promise<unknown> =>
    site.post(
      '/v1/login',
      { user: `admin${login++ % CONCURRENT_LOGINS}@${kdc.realm}`, password: PASSWORD },
      bearer,
    );

  await perSecond(60, OUTSTANDING, joins(`Bearer ${token}`));
  await perSecond(60, OUTSTANDING, logIn);
  const tokenJoins = await perSecond(JOINS, OUTSTANDING, joins(`Bearer ${token}`));
  const passwordJoins = await perSecond(JOINS, OUTSTANDING, joins(stage));
  const logins = await perSecond(LOGINS, OUTSTANDING, logIn);

  const idle: Figures[] = [];
  const busy: Figures[] = [];
  let busyLogins = 0;
  for (let round = 0; round < rounds; round++) {
    idle.push(await askKdc());
    let done = false;
    const load = perSecond(() => !done, CONCURRENT_LOGINS, logIn);
    busy.push(await askKdc());
    done = true;
    busyLogins += (await load) / rounds;
  }
  site.close();
  return { tokenJoins, passwordJoins, logins, idle, busy, busyLogins };
}

interface Site {
  /** Throws for every answer but 200. */
  post(path: string, body: object, authorization: string): Promise<unknown>;
  close(): void;
}

/** Connections are kept, as a device or a proxy in front of many keeps them. */
function openSite(kdc: TestKdc): Site {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT_LOGINS });
  const ca = readFileSync(join(kdc.dir, 'data', 'ca.pem'), 'utf8');
  return {
    post: (path, body, authorization) =>
      new Promise((resolve, reject) => {
        const headers = {
          authorization,
          'content-type': 'application/json',
          host: `${NAME}:${kdc.port}`,
        };
        const to = { host: '127.0.0.2', port: kdc.port, servername: NAME, ca, agent };
        const sent = request({ ...to, path, method: 'POST', headers }, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
          answer.on('end', () => {
            if (answer.statusCode === 200) resolve(JSON.parse(text));
            else reject(new Error(`${path} answered ${answer.statusCode}: ${text}`));
          });
        });
        sent.on('error', reject);
        sent.end(JSON.stringify(body));
      }),
    close: () => agent.destroy(),
  };
}

/** Does something `count` times, or as long as `count` says so, `outstanding` of them at a time; resolves to how many a second. */
async function perSecond(
  count: number | (() => boolean),
  outstanding: number,
  act: () => Promise<unknown>,
): Promise<number> {
  let done = 0;
  let begun = 0;
  const more = (): boolean => (typeof count === 'number' ? begun < count : count());
  const start = performance.now();
  await Promise.all(
    Array.from({ length: outstanding }, async () => {
      while (more()) {
        begun++;
        await act();
        done++;
      }
    }),
  );
  return (1000 * done) / (performance.now() - start);
}
