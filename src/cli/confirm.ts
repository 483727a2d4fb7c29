import { createInterface } from 'node:readline/promises';
import { RealmwardError } from '../base/errors.ts';
import type { Context } from './context.ts';

/** Asks somebody at a terminal; scripts are not asked. Throws `RealmwardError` `cancelled` unless the answer is yes. */
export async function confirm(question: string, { interactive }: Context): Promise<void> {
  if (!interactive) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch {
    // Ctrl-C or the end of input are a no, too.
  } finally {
    terminal.close();
  }
  throw new RealmwardError('cancelled', 'cancelled', { hint: 'Nothing was changed.' });
}
