import { parseDuration } from '../app/config/duration.ts';
import { RealmwardError } from '../base/errors.ts';
import type { Seconds } from '../base/ports.ts';

/**
 * Epoch seconds of `2027-01-31` (its beginning, local time), `2027-01-31T12:00:00Z`, `30d` (from now on) or `now`; `undefined` for `never`.
 * Throws `RealmwardError` `bad-time`.
 */
export function parseWhen(text: string, now: Seconds): Seconds | undefined {
  if (text === 'never') return undefined;
  if (text === 'now') return now;
  const duration = parseDuration(text);
  if (duration !== undefined) return now + duration;
  const date = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text;
  const time = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(date) ? Date.parse(date) : Number.NaN;
  // KerberosTime has years of four digits; PACs count from 1601. What lies before 1970 or is this far off is a slip.
  if (Number.isNaN(time) || time < 0 || time > Date.UTC(2200, 0)) {
    throw new RealmwardError('bad-time', `"${text}" is not a time`, {
      hint: 'Write a date such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, a duration from now such as 30d, now, or never.',
    });
  }
  return Math.floor(time / 1000);
}

/** An ISO 8601 time for people: local, without seconds; `undefined` for `null`. */
export function showIso(iso: string | null): string | undefined {
  if (iso === null) return undefined;
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
