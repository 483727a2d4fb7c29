import { availableParallelism } from 'node:os';
import type { ClientContext, ClientEvent } from '../client/index.ts';
import type { GuardedAccount, Identify } from './attempt-guard.ts';
import { createGate, type Gate } from './gate.ts';
import type { LoginProgress } from './login-failure.ts';

/** The client for one attempt at one account, and how far it has come. */
export interface AccountClient {
  readonly context: ClientContext;
  readonly progress: LoginProgress;
}

/** For making keys of passwords: PBKDF2 runs in Node's threads, and one core is left to the KDC. */
export function createKeyGate(): Gate {
  return createGate({ concurrency: Math.max(1, availableParallelism() - 1), queue: 1024 });
}

/** Watches what `context` does about `account`, and makes its keys when `identify` and `keys` let it. `own` is our realm. */
export function accountClient(
  context: ClientContext,
  account: GuardedAccount,
  {
    own,
    keys,
    identify,
    signal,
  }: {
    readonly own: string;
    readonly keys: Gate;
    readonly identify: Identify;
    readonly signal: AbortSignal;
  },
): AccountClient {
  const progress = { own, sent: false, loggedIn: false, offset: 0 };
  const watch = (event: ClientEvent): void => {
    if (event.kind === 'preauth') progress.sent = true;
    if (event.kind === 'clock' && event.realm === account.realm) progress.offset = inSeconds(event.offset);
    if (event.kind === 'ticket' && event.exchange === 'AS') {
      progress.loggedIn = true;
      // The authenticated time of a ticket counts more than what error messages say.
      const { authtime } = event.credential;
      progress.offset = inSeconds(authtime * 1_000_000 - context.clock.microseconds());
    }
  };
  const { crypto } = context;
  return {
    progress,
    context: {
      ...context,
      crypto: {
        ...crypto,
        async stringToKey(etype, password, salt, params) {
          await identify(salt);
          return keys.run(() => crypto.stringToKey(etype, password, salt, params), signal);
        },
      },
      observe(event) {
        watch(event);
        context.observe?.(event);
      },
    },
  };
}

/** Microseconds as seconds. */
export function inSeconds(microseconds: number): number {
  return Math.round(microseconds / 1_000_000);
}
