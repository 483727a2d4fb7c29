import { z } from 'zod';
import { parseSid } from '../../base/sid.ts';
import { ETYPES } from '../../crypto/etypes.ts';
import { STRONG_ETYPES } from '../../spec/etypes.ts';
import { DURATION, formatDuration, parseDuration } from './duration.ts';

/*
 * What the schemas of the configuration are made of. The message of each check is what was expected there, as `mistakes.ts` puts it behind
 * "expected"; descriptions go into the JSON Schema that editors show.
 */

const STRONG = ETYPES.filter(({ etype }) => STRONG_ETYPES.includes(etype));

/** Names of the etypes that a realm may use, strongest first. */
export const ETYPE_NAMES: readonly string[] = STRONG.map(({ name }) => name);

/** An encryption type of the realm, by its name or an alias. */
export const realmEtype = etypeOf(STRONG);

/** The same for the tickets of a trust, where RC4 may be named. */
export const trustEtype = etypeOf(ETYPES);

function etypeOf(rows: typeof ETYPES) {
  return z.enum([...rows.map(({ name }) => name), ...rows.flatMap(({ aliases }) => aliases)], {
    error: `one of ${rows.map(({ name }) => name).join(', ')}`,
  });
}

export const realm = text(
  'the name of a realm: letters, digits, dots, hyphens and underscores, such as REALM1.EXAMPLE',
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/,
);

export const sid = z
  .string({ error: 'a SID in quotes or not, such as S-1-5-21-1000000001-2000000002-3000000003' })
  .refine(accepts(parseSid), { error: 'a SID, such as S-1-5-21-1000000001-2000000002-3000000003' });

export const path = z.string({ error: 'a path' }).min(1, { error: 'a path' });

const SECRET =
  'a text that is not empty, in quotes where it could be something else, or { file: PATH }, or { env: NAME }';

/** A secret as the file states it: itself, or where it stands. Read by `Secret` when it is needed. */
export const secret = z.union(
  [
    z
      .string()
      .min(1, { error: SECRET })
      .meta({ description: 'The secret itself. Whoever may read this file has it.' }),
    z.strictObject({
      file: path.meta({ description: 'Path of a file that holds the secret and nothing else.' }),
    }),
    z.strictObject({
      env: text(
        'the name of an environment variable, such as ADMIN_PASSWORD',
        /^[A-Za-z_][A-Za-z0-9_]*$/,
      ).meta({
        description: 'Name of an environment variable that holds the secret.',
      }),
    }),
  ],
  { error: SECRET },
);

export function object<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, { error: `keys and values: ${Object.keys(shape).join(', ')}` });
}

/** A list that may be left out. */
export function list<Item extends z.ZodType>(item: Item, expected: string) {
  return z.array(item, { error: expected }).prefault([]);
}

export function text(expected: string, pattern: RegExp) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

/** Whether `parse` takes a value without throwing. */
export function accepts(parse: (text: string) => unknown): (text: string) => boolean {
  return (value) => {
    try {
      parse(value);
      return true;
    } catch {
      return false;
    }
  };
}

/** A duration between `least` and `most` seconds, `standard` where it is left out. */
export function duration(standard: string, least: number, most: number) {
  const expected = `a duration such as ${standard}, at least ${formatDuration(least)}, at most ${formatDuration(most)}`;
  return z
    .string({ error: expected })
    .regex(DURATION, { error: expected, abort: true })
    .refine((value) => isBetween(parseDuration(value), least, most), { error: expected })
    .default(standard);
}

function isBetween(seconds: number | undefined, least: number, most: number): boolean {
  return seconds !== undefined && seconds >= least && seconds <= most;
}
