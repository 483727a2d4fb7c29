import { CommanderError } from 'commander';
import { RealmwardError } from '../base/errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';

/** Says on standard error what went wrong, why, and what to do next; returns the exit code. */
export function reportError(error: unknown, { debug }: { debug: boolean }): number {
  const { message, hint, code } = explain(error);
  process.stderr.write(`realmward: ${message}\n${hint === undefined ? '' : `${hint}\n`}`);
  if (debug && error instanceof Error && !(error instanceof CommanderError))
    process.stderr.write(`${error.stack ?? error.message}\n${causes(error)}`);
  return code;
}

/** Whether the command line was wrong; commander also throws when it has printed help or the version. */
export function isUsageError(error: CommanderError): boolean {
  return error.exitCode !== 0;
}

function explain(error: unknown): { message: string; hint: string | undefined; code: number } {
  if (error instanceof CommanderError) return explainUsage(error);
  if (error instanceof RealmwardError)
    return { message: error.message, hint: error.hint, code: exitCodeOf(error) };
  const code = exitCodeOf(error);
  const { code: name = '', path } = error as NodeJS.ErrnoException;
  const why = SYSTEM_ERRORS[name];
  if (why !== undefined && path !== undefined) return { message: `${path}: ${why}`, hint: undefined, code };
  const message = error instanceof Error ? error.message : String(error);
  const hint = 'This is unexpected: with --debug it says more; please report it.';
  return { message, hint: why === undefined ? hint : undefined, code };
}

/** What goes wrong with files, in words. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'the system does not let this user use it',
  EPERM: 'the system does not let this user do that',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of the path is no folder',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
};

function explainUsage(error: CommanderError): { message: string; hint: string; code: number } {
  const hint = '--help behind any verb explains it.';
  // This one is thrown where a verb of a group is missing, and its message is a place-holder.
  if (error.code === 'commander.help') return { message: 'a verb is missing', hint, code: EXIT.usage.code };
  // The value of an unknown option might be a password.
  const message = error.message.replace(/^error: /, '').replace(/(--?[\w-]+)=[^']*/, '$1=…');
  return { message, hint, code: EXIT.usage.code };
}

function causes(error: Error): string {
  let text = '';
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    text += `because: ${cause.stack ?? cause.message}\n`;
  return text;
}
