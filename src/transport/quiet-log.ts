import type { Logger } from '../base/ports.ts';

/** How often one subject may be logged, in milliseconds. */
const INTERVAL = 10_000;

/**
 * Warnings about what a stranger can cause at will: each `subject` at most once in ten seconds, then with the number of times it was left out.
 * Subjects are fixed texts, never made of what came from the wire.
 */
export function createQuietLog(log: Logger, now: () => number = () => performance.now()): QuietLog {
  const subjects = new Map<string, { next: number; left: number }>();
  return (subject, fields) => {
    const time = now();
    let entry = subjects.get(subject);
    if (entry === undefined) subjects.set(subject, (entry = { next: time, left: 0 }));
    if (time < entry.next) {
      entry.left++;
      return;
    }
    const { left } = entry;
    entry.left = 0;
    entry.next = time + INTERVAL;
    log.warn(left === 0 ? { ...fields } : { ...fields, notLogged: left }, subject);
  };
}

/** Logs `subject` with `fields` as a warning, unless it was logged a moment ago. */
export type QuietLog = (subject: string, fields: object) => void;

/** An unexpected error as text, with its stack. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
