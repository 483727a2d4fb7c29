/** Joining the realm: once in the life of a device, by itself, at its first start. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, ask, text } from './ask.ts';
import type { Folder } from './files.ts';

/** What the device has of its realm, beside its keytab. */
export interface Identity {
  readonly host: string;
  readonly realm: string;
  /** Beginnings of the URLs of the realm's HTTPS servers, the one that it has joined at first. */
  readonly servers: readonly string[];
  /** PEM of the authority that they are believed by. */
  readonly ca: string;
  /** Proves the device to them. */
  readonly token: string;
}

export interface JoinOptions {
  readonly server: string;
  readonly ca: string;
  readonly host: string;
  /** A join token (`realmward token create`): it joins as many devices as it says, and can do nothing else. */
  readonly joinToken: () => string;
  readonly say: (line: string) => void;
}

export const KEYTAB = 'device.keytab';
const IDENTITY = 'identity.json';
const REQUEST = 'join.request';

/** The device's identity; it joins where it has none. Tries until the server answers; rejects with what the server says where it refuses. */
export async function identityIn(folder: Folder, options: JoinOptions): Promise<Identity> {
  const known = folder.read(IDENTITY);
  if (known !== undefined) return JSON.parse(known.toString()) as Identity;

  // A request that is sent again with its id gets the same answer again: no key is lost where an answer was.
  const requestId = folder.read(REQUEST)?.toString() ?? randomUUID();
  folder.write(REQUEST, requestId);
  const answer = await untilAnswered(options, requestId);
  if (answer.status !== 200) {
    folder.remove(REQUEST);
    throw new Error(
      `The realm refuses to join ${options.host}: ${text(answer, 'message')} ${text(answer, 'hint')}`,
    );
  }

  const { https } = answer.body['servers'] as { readonly https: readonly string[] };
  const identity: Identity = {
    host: options.host,
    realm: text(answer, 'realm'),
    servers: [...new Set([options.server, ...https])],
    ca: text(answer, 'ca') || options.ca,
    token: text(answer, 'token'),
  };
  folder.write(KEYTAB, Buffer.from(text(answer, 'keytab'), 'base64'));
  // Last: it says that all is there.
  folder.write(IDENTITY, JSON.stringify(identity));
  folder.remove(REQUEST);
  return identity;
}

async function untilAnswered(options: JoinOptions, requestId: string): Promise<Answer> {
  const { server, ca, host, joinToken, say } = options;
  const url = new URL('/v1/join', server);
  if (url.protocol !== 'https:') throw new Error('--server is an https:// address.');
  const token = joinToken();
  if (!/^[\w-]+$/.test(token)) throw new Error('The file of --token-file holds no join token.');
  for (let wait = 1; ; wait = Math.min(2 * wait, 60)) {
    try {
      const answer = await ask(url, ca, `Bearer ${token}`, { host, requestId });
      if (answer.status < 500 && answer.status !== 429) return answer;
      say(`${server}: ${text(answer, 'message')} Trying again in ${wait} s.`);
    } catch (error) {
      say(`${server} does not answer (${String(error)}). Trying again in ${wait} s.`);
    }
    await sleep(1000 * wait);
  }
}
