const UNITS: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1 };

/** What `parseDuration` reads, as a regular expression for schemas. */
export const DURATION = /^(?:\d{1,9}[dhms])+$/;

/** Seconds of `10h`, `7d`, `5m`, `90s` or several of these in a row (`1h30m`); `undefined` for any other text. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([dhms])/g))
    seconds += Number(count) * (UNITS[unit as string] as number);
  return seconds;
}

/** The shortest text that `parseDuration` turns into these whole seconds: `36000` is `10h`. */
export function formatDuration(seconds: number): string {
  let rest = seconds;
  let text = '';
  for (const [unit, size] of Object.entries(UNITS)) {
    if (rest >= size) text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text === '' ? '0s' : text;
}
