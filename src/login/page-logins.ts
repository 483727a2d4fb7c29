import type { Granted } from './attempt.ts';
import { createOneTime } from './one-time.ts';
import type { LoginOptions } from './options.ts';

/** A login that a device has begun, and a person goes on with at our page. */
export interface PageLogin {
  readonly device: string;
  readonly returnTo: URL;
  /** What the device wants to see again. */
  readonly state: string | undefined;
}

/** Logins by our page, between `start` and `redeem`. */
export interface PageLogins {
  /** The address to send the browser to; `undefined` where the device has begun too many. */
  start(login: PageLogin): string | undefined;
  /** The login of that address, while it lasts. */
  find(request: string): PageLogin | undefined;
  /** Counts a failed attempt; after too many the login is over. */
  failed(request: string): void;
  /** Ends the login; the code with which its device gets `answer`. `undefined` where the login is over already. */
  finish(request: string, answer: Granted): string | undefined;
  /** What was granted, once, to the device that the code was made for. Whoever else shows a code uses it up: it is in wrong hands. */
  redeem(code: string, device: string): Granted | undefined;
}

/** How long a person may take, and a device; in milliseconds. */
export const LOGIN_LIFE = 600_000;
const CODE_LIFE = 60_000;
/** At one device at a time; and at all of them. */
const [PER_DEVICE, CAPACITY] = [64, 20_000];
const MAX_FAILURES = 10;

export function createPageLogins({ origin, now }: Pick<LoginOptions, 'origin' | 'now'>): PageLogins {
  const bounds = { perOwner: PER_DEVICE, capacity: CAPACITY, now };
  const logins = createOneTime<PageLogin & { failures: number }>({ ...bounds, life: LOGIN_LIFE });
  const codes = createOneTime<{ device: string; answer: Granted }>({ ...bounds, life: CODE_LIFE });
  return {
    start(login) {
      const request = logins.issue(login.device, { ...login, failures: 0 });
      return request && `${origin()}/login?request=${request}`;
    },
    find: (request) => logins.look(request),
    failed(request) {
      const login = logins.look(request);
      if (login !== undefined && ++login.failures >= MAX_FAILURES) logins.take(request);
    },
    finish(request, answer) {
      const login = logins.take(request);
      return login && codes.issue(login.device, { device: login.device, answer });
    },
    redeem(code, device) {
      const made = codes.take(code);
      return made?.device === device ? made.answer : undefined;
    },
  };
}
