import type { Seconds } from '../base/ports.ts';

/** A time as ISO 8601 in whole seconds: `2027-01-31T12:00:00Z`; `null` for none, as JSON has it. */
export function isoTime(at: Seconds): string;
export function isoTime(at: Seconds | undefined): string | null;
export function isoTime(at: Seconds | undefined): string | null {
  return at === undefined ? null : new Date(at * 1000).toISOString().replace('.000Z', 'Z');
}
