import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Logger, Seconds } from '../base/ports.ts';
import type { LoginRecorder } from '../realm/ports.ts';
import type { Principal } from '../realm/principal.ts';
import { noteChanges } from './change-log.ts';
import type { Tables } from './schema.ts';

/** When an account is locked: after `maxFailures` failed logins, none more than `window` after the one before it, for `duration`. */
export interface LockoutPolicy {
  readonly maxFailures: number;
  /** In seconds. */
  readonly window: number;
  /** In seconds. */
  readonly duration: number;
}

/** A `LoginRecorder` that gathers what it is told, and writes it in the background. */
export interface BatchingLoginRecorder extends LoginRecorder {
  /** Writes what was gathered so far. */
  flush(): Promise<void>;
  /** Writes the rest and stops. */
  close(): Promise<void>;
}

/** How long a success and a failure may wait to be written, and what could not be written to be tried again, in milliseconds. */
const SUCCESS_DELAY = 1_000;
const FAILURE_DELAY = 50;
const RETRY_DELAY = 1_000;
/** Principals in one transaction: about half a millisecond, in which no request is answered. */
const CHUNK = 20;
/** With this many principals waiting, further successes are not remembered. Failures always are: one entry for each principal that exists. */
const MAX_WAITING = 20_000;

/**
 * A recorder on a connection of its own. Counters change by arithmetic inside the store, so failures at several servers add up and none is lost
 * (CVE-2021-20251). Nothing of this touches the change feed, but for an account that becomes locked or free: then `onChange` is called.
 */
export function createLoginRecorder(
  db: Kysely<Tables>,
  options: { lockout: LockoutPolicy | undefined; onChange: () => void; log: Logger },
): BatchingLoginRecorder {
  const { lockout, onChange, log } = options;
  let waiting = new Map<number, Tally>();
  let timer: NodeJS.Timeout | undefined;
  let due = Number.POSITIVE_INFINITY;
  let writing = Promise.resolve();
  let queued: Promise<void> | undefined;
  let dropped = 0;

  const schedule = (delay: number): void => {
    if (delay >= due) return;
    clearTimeout(timer);
    due = delay;
    timer = setTimeout(() => void flush(), delay).unref();
  };

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    due = Number.POSITIVE_INFINITY;
    // One after the other: what failed to be written goes back, and must not overtake what came later. One may wait, for all who ask.
    queued ??= writing.then(() => {
      queued = undefined;
      return write();
    });
    writing = queued;
    return queued;
  };

  const write = async (): Promise<void> => {
    if (dropped > 0) log.warn({ dropped }, 'times of successful logins were not recorded: too many at once');
    dropped = 0;
    const tallies = [...waiting.values()];
    waiting = new Map();
    for (let at = 0; at < tallies.length; at += CHUNK) {
      const chunk = tallies.slice(at, at + CHUNK);
      try {
        const changed = await db.transaction().execute((transaction) => record(transaction, chunk, lockout));
        if (changed) onChange();
      } catch (error) {
        for (const tally of tallies.slice(at)) {
          waiting.set(tally.principal, merge(tally, waiting.get(tally.principal)));
        }
        log.warn({ err: error, waiting: waiting.size }, 'logins could not be recorded yet');
        schedule(RETRY_DELAY);
        return;
      }
      await nextTurn();
    }
  };

  return {
    succeeded(principal, at) {
      const tally = waiting.get(principal.id);
      if (tally !== undefined) addSuccess(tally, at);
      else if (waiting.size < MAX_WAITING) waiting.set(principal.id, tallyOfSuccess(principal, at));
      else dropped++;
      schedule(SUCCESS_DELAY);
    },

    failed(principal, at) {
      const tally = waiting.get(principal.id) ?? emptyTally(principal);
      waiting.set(principal.id, tally);
      addFailure(tally, at);
      // Enough to lock the account by themselves: no further guess should slip through while they wait.
      if (lockout !== undefined && tally.failures >= lockout.maxFailures) void flush();
      else schedule(FAILURE_DELAY);
    },

    flush,

    async close() {
      await flush();
      clearTimeout(timer);
    },
  };
}

/** What happened to one principal since the last write. */
interface Tally {
  readonly principal: number;
  /** The account came with a lock; a success shows that it has run out. */
  readonly hadLock: boolean;
  lastSuccess: Seconds | undefined;
  lastFailure: Seconds | undefined;
  /** Of the failures after the last success. */
  firstFailure: Seconds;
  failures: number;
}

function emptyTally({ id, lockedUntil }: Principal): Tally {
  const hadLock = lockedUntil !== undefined;
  return {
    principal: id,
    hadLock,
    lastSuccess: undefined,
    lastFailure: undefined,
    firstFailure: 0,
    failures: 0,
  };
}

function tallyOfSuccess(principal: Principal, at: Seconds): Tally {
  const tally = emptyTally(principal);
  addSuccess(tally, at);
  return tally;
}

function addSuccess(tally: Tally, at: Seconds): void {
  tally.lastSuccess = at;
  tally.failures = 0;
}

function addFailure(tally: Tally, at: Seconds): void {
  if (tally.failures === 0) tally.firstFailure = at;
  tally.lastFailure = at;
  tally.failures++;
}

/** One tally of an earlier and a later one. */
function merge(earlier: Tally, later: Tally | undefined): Tally {
  if (later === undefined) return earlier;
  const lastFailure = later.lastFailure ?? earlier.lastFailure;
  if (later.lastSuccess !== undefined) return { ...later, lastFailure };
  const firstFailure = earlier.failures > 0 ? earlier.firstFailure : later.firstFailure;
  return { ...earlier, lastFailure, firstFailure, failures: earlier.failures + later.failures };
}

/** Writes tallies; resolves to whether an account's lock changed. */
async function record(
  transaction: Transaction<Tables>,
  tallies: readonly Tally[],
  lockout: LockoutPolicy | undefined,
): Promise<boolean> {
  const changed: string[] = [];
  for (const tally of tallies) {
    const { lastSuccess, failures } = tally;
    if (lastSuccess !== undefined) changed.push(...(await recordSuccess(transaction, tally, lastSuccess)));
    if (failures > 0) changed.push(...(await recordFailures(transaction, tally, lockout)));
  }
  await noteChanges(transaction, changed);
  return changed.length > 0;
}

async function recordSuccess(transaction: Transaction<Tables>, tally: Tally, at: Seconds): Promise<string[]> {
  const update = transaction.updateTable('principal').where('id', '=', tally.principal);
  const { lastFailure } = tally;
  const times =
    lastFailure === undefined ? { last_success: at } : { last_success: at, last_failure: lastFailure };
  await update.set({ ...times, failures: 0 }).execute();
  if (!tally.hadLock) return [];
  // A lock that another server has set meanwhile stays.
  const unlock = update.set({ locked_until: null }).where('locked_until', '<=', at).returning('name');
  return (await unlock.execute()).map((row) => row.name);
}

async function recordFailures(
  transaction: Transaction<Tables>,
  { principal, failures, firstFailure, lastFailure = firstFailure }: Tally,
  lockout: LockoutPolicy | undefined,
): Promise<string[]> {
  const update = transaction.updateTable('principal').where('id', '=', principal);
  const counted = sql<number>`failures + ${failures}`;
  // Counting starts anew after a quiet time, and when a lock has run out since the last failure.
  const windowed = lockout
    ? sql<number>`case
        when last_failure < ${firstFailure - lockout.window} then ${failures}
        when locked_until > last_failure and locked_until <= ${firstFailure} then ${failures}
        else ${counted} end`
    : counted;
  const count = update.set({ last_failure: lastFailure, failures: windowed }).returning('failures');
  const row = await count.executeTakeFirst();
  if (row === undefined || lockout === undefined || row.failures < lockout.maxFailures) return [];
  const lock = update
    .set({ locked_until: lastFailure + lockout.duration })
    .where((where) => where.or([where('locked_until', 'is', null), where('locked_until', '<=', lastFailure)]))
    .returning('name');
  return (await lock.execute()).map((locked) => locked.name);
}
