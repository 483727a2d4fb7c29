/** Logins through the realm's HTTPS server: docs/logging-in.md. The device itself speaks no Kerberos; it only opens the ticket that it gets. */
import { RealmwardError } from 'realmward-client';
import { type Answer, ask, text } from './ask.ts';
import type { Identity } from './join.ts';
import type { LogIn, LoginResult } from './result.ts';
import type { TicketOwner } from './ticket.ts';

/** Logins at the realm's page: the password never comes to the device. */
export interface RealmPage {
  /** Where to send a browser that shall come back to `returnTo`; `undefined` where the realm cannot be reached. */
  start(returnTo: string, state: string): Promise<string | undefined>;
  /** What the code says that the browser has come back with. */
  redeem(code: string): Promise<LoginResult>;
}

export interface Proxy {
  readonly logIn: LogIn;
  readonly page: RealmPage;
}

export function createProxy(identity: Identity, readTicket: (apReq: Uint8Array) => TicketOwner): Proxy {
  /** Asks one server after the other, until one is there. */
  const post = async (path: string, body: object): Promise<Answer | undefined> => {
    for (const server of identity.servers) {
      try {
        return await ask(new URL(path, server), identity.ca, `Bearer ${identity.token}`, body);
      } catch {
        // It is not there, or is not who it should be.
      }
    }
    return undefined;
  };
  const result = (answer: Answer | undefined): LoginResult =>
    answer === undefined ? SILENCE : readAnswer(answer, readTicket);

  return {
    logIn: async (user, password) => result(await post('/v1/login', { user, password })),
    page: {
      async start(returnTo, state) {
        const answer = await post('/v1/login/start', { returnTo, state });
        return answer?.status === 200 ? text(answer, 'url') : undefined;
      },
      redeem: async (code) => result(await post('/v1/login/redeem', { code })),
    },
  };
}

function readAnswer(answer: Answer, readTicket: (apReq: Uint8Array) => TicketOwner): LoginResult {
  const { status, body } = answer;
  const told = { message: text(answer, 'message'), hint: text(answer, 'hint') };
  const result = text(answer, 'result');
  switch (result) {
    case 'granted':
      return granted(Buffer.from(text(answer, 'ticket'), 'base64'), readTicket);
    case 'no_right': {
      const groups = (Array.isArray(body['groups']) ? body['groups'] : []).map(String);
      return { result, principal: text(answer, 'principal'), groups, ...told };
    }
    case 'refused':
    case 'locked':
    case 'expired_password':
    case 'unreachable':
      return { result, ...told };
    case 'clock':
      return { result, offset: Number(body['offset']), ...told };
    case 'realm_hint':
      return { result, realm: text(answer, 'realm'), ...told };
    default:
      // About no person, but about the device or its request: `error` says what. A server that has failed cannot tell who somebody is.
      return { result: status >= 500 ? 'unreachable' : 'refused', ...told };
  }
}

/** Nothing counts of such an answer but its ticket. */
function granted(apReq: Uint8Array, readTicket: (apReq: Uint8Array) => TicketOwner): LoginResult {
  try {
    const { principal, right, expires } = readTicket(apReq);
    if (right !== undefined) return { result: 'granted', principal, right, expires };
    return { result: 'no_right', principal, groups: [], message: 'The ticket states no right.', hint: '' };
  } catch (error) {
    if (!(error instanceof RealmwardError)) throw error;
    const message = `The answer is not proven to come from the realm. ${error.message}`;
    return { result: 'refused', message, hint: error.hint ?? '' };
  }
}

const SILENCE: LoginResult = {
  result: 'unreachable',
  message: 'No server of the realm answers.',
  hint: 'Check the network between the device and the realm.',
};
