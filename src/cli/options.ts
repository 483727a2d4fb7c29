import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { formatDuration, parseDuration } from '../app/config/duration.ts';
import { RIGHTS } from '../app/rights.ts';
import type { Seconds } from '../base/ports.ts';
import { parseWhen } from './when.ts';

/** `<name>`, a user's or a service's. */
export function nameArgument(what: string): Argument {
  return new Argument('<name>', `${what}, with or without the realm`);
}

export function rightOption(): Option {
  return new Option('--right <right>', 'what the user may do on devices').choices(RIGHTS);
}

/** Times: see `parseWhen`. */
export function expiresOption(): Option {
  return new Option(
    '--expires <when>',
    'when the account expires: a date, a time, a duration from now, or never',
  );
}

/** Adds `--max-life` and `--max-renew`. */
export function withLimitOptions(command: Command): Command {
  return command
    .option(
      '--max-life <duration>',
      "longest lifetime of its tickets, such as 8h; realm: the realm's",
      duration,
    )
    .option(
      '--max-renew <duration>',
      "longest time to renew its tickets, such as 7d; realm: the realm's",
      duration,
    );
}

/** What `withLimitOptions` gives: seconds, or `realm`. */
export interface LimitOptions {
  readonly maxLife?: Seconds | 'realm';
  readonly maxRenew?: Seconds | 'realm';
}

/** The limits that were named, for `setTicketLimits`. */
export function limitsOf({ maxLife, maxRenew }: LimitOptions): {
  maxLife?: Seconds | undefined;
  maxRenew?: Seconds | undefined;
} {
  return {
    ...(maxLife === undefined ? {} : { maxLife: maxLife === 'realm' ? undefined : maxLife }),
    ...(maxRenew === undefined ? {} : { maxRenew: maxRenew === 'realm' ? undefined : maxRenew }),
  };
}

/** `text` as a time from now on; `undefined`: never. */
export function whenFromNow(text: string): Seconds | undefined {
  return parseWhen(text, Math.floor(Date.now() / 1000));
}

/** Parses `a,b, c`. */
export function commaList(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

export function showDuration(seconds: number | null): string | undefined {
  return seconds === null ? undefined : formatDuration(seconds);
}

/** An option that takes a duration, in seconds. */
export function durationOption(flags: string, description: string, standard?: Seconds): Option {
  const option = new Option(flags, description).argParser((text: string) => {
    const seconds = parseDuration(text);
    if (seconds === undefined) throw new InvalidArgumentError('It is a duration such as 8h, 7d or 90s.');
    return seconds;
  });
  return standard === undefined ? option : option.default(standard, formatDuration(standard));
}

/** Parses a whole number. */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number.');
}

function duration(text: string): Seconds | 'realm' {
  if (text === 'realm') return text;
  const seconds = parseDuration(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('It is a duration such as 8h, 7d or 90s, or the word "realm".');
  return seconds;
}
