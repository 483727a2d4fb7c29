import type { z } from 'zod';
import { HttpError } from './errors.ts';

/** Characters of a mistake that are told: names in it come from the client. */
const MAX_MISTAKE = 200;

/**
 * A body that fits the schema. Throws `HttpError` 400 `bad-request` with the first mistake: where it is and what was expected there, never the
 * value that was found.
 */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where =
    issue === undefined || issue.path.length === 0 ? 'The body' : issue.path.map(String).join('.');
  const mistake = `${where}: ${issue?.message ?? 'cannot be read'}`;
  throw new HttpError(400, 'bad-request', `${mistake.slice(0, MAX_MISTAKE)}.`, {
    hint: 'Correct the JSON object of the body; nothing was done.',
  });
}
