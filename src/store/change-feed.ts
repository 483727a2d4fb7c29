import type { DatabaseSync } from 'node:sqlite';

/** How often other processes' changes are looked for, in milliseconds. Costs about 2 microseconds when there are none. */
const POLL_INTERVAL = 100;
/** Rows taken at once, so that a large import elsewhere never stops the event loop for longer than a millisecond or two. */
const BATCH = 2_000;

/** What to do with the news. */
export interface ChangeListener {
  /** These principals changed. */
  changed(names: readonly string[]): void;
  /** Changes were pruned before they were read, or cannot be read: anything may have changed. */
  missed(): void;
  /** Reading fails, from now on until it works again; it is tried at each poll. */
  failed(error: unknown): void;
}

/** The change feed as one process follows it. */
export interface ChangeFeed {
  /** Reads all that is new, at once: this process has just changed something. Never throws. */
  catchUp(): void;
  stop(): void;
}

/** Follows the change feed from now on, over a connection on which nothing else begins transactions. */
export function followChanges(database: DatabaseSync, listener: ChangeListener): ChangeFeed {
  const dataVersion = database.prepare('pragma data_version');
  const newest = database.prepare('select coalesce(max(seq), 0) as seq from change');
  const since = database.prepare('select seq, principal from change where seq > ? order by seq limit ?');

  // The version is read before the rows, here and below: what is committed between the two is then looked for twice, never missed.
  let version = dataVersion.get()?.['data_version'];
  let last = Number(newest.get()?.['seq']);

  /** Reads one batch; true when there may be more. */
  const poll = (): boolean => {
    const now = dataVersion.get()?.['data_version'];
    if (now === version) return false;
    const rows = since.all(last, BATCH) as { seq: number; principal: string }[];
    const [first] = rows;
    // Numbers are given without gaps, so a gap is what pruning has left.
    if (first !== undefined && first.seq !== last + 1) listener.missed();
    if (first !== undefined) listener.changed(rows.map((row) => row.principal));
    last = rows.at(-1)?.seq ?? last;
    const more = rows.length === BATCH;
    version = more ? undefined : now;
    return more;
  };

  let failing = false;
  const guarded = (work: () => void): void => {
    try {
      work();
      failing = false;
    } catch (error) {
      listener.missed();
      if (!failing) listener.failed(error);
      failing = true;
    }
  };

  const timer = setInterval(() => guarded(poll), POLL_INTERVAL);
  timer.unref();
  return {
    catchUp: () =>
      guarded(() => {
        while (poll());
      }),
    stop: () => clearInterval(timer),
  };
}
