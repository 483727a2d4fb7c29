import { RealmwardError } from '../base/errors.ts';

/** Lets in so many at a time; others wait, and when too many wait the next one is sent away. */
export interface Gate {
  /** Runs `work` when its turn comes. Throws `RealmwardError` `busy` where too many wait, and what aborts `signal` while it waits. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export interface GateOptions {
  /** How many run at a time. */
  readonly concurrency: number;
  /** How many may wait. */
  readonly queue: number;
}

export function createGate({ concurrency, queue }: GateOptions): Gate & { readonly idle: boolean } {
  let running = 0;
  const waiting = new Set<() => void>();
  return {
    get idle() {
      return running === 0 && waiting.size === 0;
    },
    async run(work, signal) {
      signal?.throwIfAborted();
      if (running < concurrency) running++;
      else if (waiting.size >= queue) throw busy();
      else await turn(waiting, signal);
      try {
        return await work();
      } finally {
        // Whoever waits longest takes this place; its number stays the same.
        const [next] = waiting;
        if (next === undefined) running--;
        else next();
      }
    },
  };
}

/** A gate for each key; it is there as long as somebody is in it or waits. */
export function createGates(options: GateOptions): (key: string) => Gate {
  const gates = new Map<string, ReturnType<typeof createGate>>();
  return (key) => ({
    async run(work, signal) {
      const gate = gates.get(key) ?? createGate(options);
      gates.set(key, gate);
      try {
        return await gate.run(work, signal);
      } finally {
        if (gate.idle && gates.get(key) === gate) gates.delete(key);
      }
    },
  });
}

/** Settles when whoever goes out calls the entry that is made in `waiting`, which is taken out of it then. */
function turn(waiting: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      waiting.delete(enter);
      signal?.removeEventListener('abort', abort);
    };
    const enter = (): void => {
      leave();
      resolve();
    };
    const abort = (): void => {
      leave();
      reject(signal?.reason as Error);
    };
    waiting.add(enter);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function busy(): RealmwardError {
  return new RealmwardError('busy', 'too many wait for this already', { hint: 'Try again in a moment.' });
}
