import { RealmwardError } from '../base/errors.ts';
import { type Clock, nowSeconds, type Seconds } from '../base/ports.ts';
import type { AllowedAttempt, AttemptCounter, AttemptLimit, AttemptOutcome } from '../realm/attempts.ts';
import { createGate, createGates, type Gate } from './gate.ts';
import { accountKey, type LoginName, type LoginRealm, readLoginName } from './login-name.ts';
import type { PasswordFailure } from './password-proof.ts';
import { createSprayLimit } from './spray-limit.ts';

/** A realm whose passwords are tried through us; at a realm that is not ours no more often than `limit` says. */
export interface GuardedRealm extends LoginRealm {
  /** `undefined` for our own: its KDC counts by itself. */
  readonly limit: AttemptLimit | undefined;
}

/** An account that may be tried. */
export interface GuardedAccount {
  readonly realm: string;
  readonly components: readonly string[];
}

/** Something that ends at a monotonic time. */
export interface GuardTimer {
  /** Milliseconds of a clock that is never set. */
  now(): number;
  /** Resolves after `milliseconds`. */
  sleep(milliseconds: number): Promise<void>;
}

export interface AttemptGuardOptions {
  /** Our realm first. Asked at each attempt. */
  readonly realms: () => readonly [GuardedRealm, ...GuardedRealm[]];
  readonly attempts: AttemptCounter;
  /** Failures that one address may have. */
  readonly addressLimit: AttemptLimit;
  readonly clock: Clock;
  readonly timer: GuardTimer;
}

/** What came of an attempt, or what it threw, and how it counts. */
export type Judged<T> = { readonly outcome: AttemptOutcome } & (
  { readonly result: T } | { readonly error: unknown }
);

/**
 * To be called with the salt of the account's keys, as its KDC tells it, before a password is made a key of. An account of Active Directory has several
 * names: sAMAccountName, what stands before the @ of its userPrincipalName. All of them have its one salt, and count together by that. Rejects where the
 * account must not be tried; the attempt is over then.
 */
export type Identify = (salt: string) => Promise<void>;

/** Lets attempts at passwords through, or says why not. */
export interface AttemptGuard {
  run<T extends { readonly result: string }>(
    attempt: { readonly user: string; readonly address: string },
    work: (account: GuardedAccount, identify: Identify) => Promise<Judged<T>>,
    signal?: AbortSignal,
  ): Promise<T | PasswordFailure>;
}

/** The account has used up its limit, until then. */
class LockedOut extends Error {
  readonly until: Seconds;

  constructor(until: Seconds) {
    super('the account has used up its limit');
    this.until = until;
  }
}

/**
 * Attempts at a realm at a time, and those that wait; more are sent away. Each realm has its own: where one's servers are silent, every attempt
 * takes half a minute, and those at other realms must not wait for that.
 */
const AT_ONE_REALM = { concurrency: 64, queue: 512 };
/** The same at our own: it is asked in this process, where more at a time are done no sooner, and keep the KDC waiting. */
const AT_OUR_REALM = { concurrency: 4, queue: 512 };
/** The same for one account: one after the other, so that logins side by side do not use up its limit before the first is settled. */
const AT_ONE_ACCOUNT = { concurrency: 1, queue: 32 };

/** Stands before a salt among what is counted; no name begins like this. */
const SALT = 'salt\0';

/**
 * A refusal is answered at a multiple of so many milliseconds after the attempt began: a realm that knows no such user says so at once, and one
 * that does makes us work for the same answer.
 */
const REFUSAL_STEP = 500;

export function createAttemptGuard(options: AttemptGuardOptions): AttemptGuard {
  const { realms, attempts, clock, timer } = options;
  const spray = createSprayLimit(options.addressLimit);
  const gates = createGates(AT_ONE_REALM);
  const ours = createGate(AT_OUR_REALM);
  const accounts = createGates(AT_ONE_ACCOUNT);

  const gate = ({ realm, limit }: GuardedRealm): Gate => (limit === undefined ? ours : gates(realm));

  async function tryOnce<T extends { readonly result: string }>(
    realm: GuardedRealm,
    account: GuardedAccount,
    address: string,
    work: (account: GuardedAccount, identify: Identify) => Promise<Judged<T>>,
  ): Promise<T | PasswordFailure> {
    const now = (): Seconds => nowSeconds(clock);
    // Others of the address may have failed while this one waited for its turn.
    const blocked = await spray.blocked(address);
    if (blocked !== undefined) return tooManyFromAddress(blocked);
    const reserved = new Map<string, AllowedAttempt>();
    const reserve = async (key: string): Promise<void> => {
      if (realm.limit === undefined || reserved.has(key)) return;
      const attempt = await attempts.reserve(realm.realm, key, realm.limit, now());
      if (!attempt.allowed) throw new LockedOut(attempt.lockedUntil);
      reserved.set(key, attempt);
    };
    let outcome: AttemptOutcome = 'untried';
    try {
      await reserve(accountKey(account.components));
      // Until it is judged.
      outcome = 'failed';
      const judged = await work(account, (salt) => reserve(`${SALT}${salt}`));
      outcome = judged.outcome;
      if ('error' in judged) throw judged.error;
      // "KRB_AP_ERR_SKEW confirms a password: it counts neither as failure nor as success, and is limited by address like failures."
      if (outcome === 'failed' || judged.result.result === 'clock') await spray.failed(address);
      return judged.result;
    } catch (error) {
      if (!(error instanceof LockedOut)) throw error;
      outcome = 'untried';
      return tooManyFailures(realm.realm, error.until - now());
    } finally {
      for (const attempt of reserved.values()) await attempt.settle(outcome, now());
    }
  }

  return {
    async run({ user, address }, work, signal) {
      const start = timer.now();
      const known = realms();
      const name = readLoginName(user, known);
      if (name.kind !== 'account') return misnamed(name, known[0].realm);
      const blocked = await spray.blocked(address);
      if (blocked !== undefined) return tooManyFromAddress(blocked);
      const realm = known.find((one) => one.realm === name.realm) as GuardedRealm;
      const account = `${realm.realm}\\${accountKey(name.components)}`;
      try {
        const result = await accounts(account).run(
          () => gate(realm).run(() => tryOnce(realm, name, address, work), signal),
          signal,
        );
        if (result.result === 'refused') {
          const rest = REFUSAL_STEP - ((timer.now() - start) % REFUSAL_STEP);
          await timer.sleep(rest);
        }
        return result;
      } catch (error) {
        if (error instanceof RealmwardError && error.code === 'busy') return BUSY;
        throw error;
      }
    },
  };
}

function misnamed(name: Exclude<LoginName, { kind: 'account' }>, own: string): PasswordFailure {
  switch (name.kind) {
    case 'hint':
      return {
        result: 'realm_hint',
        realm: name.realm,
        reason: 'realm-hint',
        message: `The realm is called ${name.realm}, exactly so.`,
        hint: `Log in as ${name.realm}\\user or user@${name.realm}. The password was sent to nobody.`,
      };
    case 'unknown-realm':
      return {
        result: 'refused',
        reason: 'unknown-realm',
        message: 'No realm of this name is known here.',
        hint: `Accounts of this realm are called user@${own}. The password was sent to nobody.`,
      };
    default:
      return {
        result: 'refused',
        reason: 'bad-name',
        message: 'This is no user name.',
        hint: `Write REALM\\user or user@REALM; the realm here is ${own}.`,
      };
  }
}

function tooManyFailures(realm: string, seconds: Seconds): PasswordFailure {
  return {
    result: 'locked',
    reason: 'too-many-failures',
    message: `Too many logins of this account at ${realm} have failed.`,
    hint: `Wait ${inMinutes(seconds)}. Nobody was asked this time, so that the account is not locked there, too.`,
  };
}

function tooManyFromAddress(seconds: number): PasswordFailure {
  return {
    result: 'locked',
    reason: 'too-many-from-address',
    message: 'Too many logins from this network address have failed.',
    hint: `Wait ${inMinutes(seconds)}.`,
  };
}

const BUSY: PasswordFailure = {
  result: 'unreachable',
  reason: 'busy',
  message: 'Too many logins are under way.',
  hint: 'Try again in a moment.',
};

function inMinutes(seconds: number): string {
  const minutes = Math.max(1, Math.ceil(seconds / 60));
  return minutes === 1 ? 'a minute' : `${minutes} minutes`;
}
