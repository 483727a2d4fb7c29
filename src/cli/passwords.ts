import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { RealmwardError } from '../base/errors.ts';
import type { Context } from './context.ts';
import { usageError } from './context.ts';

/** Where a password comes from, as the options of `withPasswordOptions` say. */
export interface PasswordOptions {
  readonly passwordStdin?: boolean;
  readonly passwordFile?: string;
}

const NEVER =
  'a password is never an argument: others could read it in the list of processes, and the shell would keep it in its history';
const INSTEAD = 'Leave it out to be asked for it, or use --password-stdin or --password-file FILE.';

/** Adds `--password-stdin` and `--password-file`, and an answer for those who try to give the password itself. */
export function withPasswordOptions(command: Command): Command {
  const refuse = (): never => {
    throw usageError(NEVER, INSTEAD);
  };
  return command
    .option('--password-stdin', 'read the password from standard input')
    .option('--password-file <file>', 'read the password from a file')
    .addOption(command.createOption('-p, --password [value]').argParser(refuse).hideHelp())
    .allowExcessArguments();
}

/** Refuses words behind the ones that a verb takes, as somebody may have meant them as a password. */
export function refuseExtraWords(command: Command, expected: number): void {
  if (command.args.length > expected)
    throw usageError(`too many arguments for "${command.name()}"; ${NEVER}`, INSTEAD);
}

/** The new password: from where the options say, else asked for twice. Throws `RealmwardError`. */
export function newPassword(options: PasswordOptions, who: string, context: Context): Promise<string> {
  return passwordFrom(options, context, () => ask(`New password of ${who}:`, { twice: true }));
}

/** The password that somebody has: from where the options say, else asked for. Throws `RealmwardError`. */
export function knownPassword(options: PasswordOptions, who: string, context: Context): Promise<string> {
  return passwordFrom(options, context, () => ask(`Password of ${who}:`, { twice: false }));
}

/** The secret that two realms share: from where the options say, else asked for twice. Throws `RealmwardError`. */
export function sharedSecret(options: PasswordOptions, realm: string, context: Context): Promise<string> {
  return passwordFrom(options, context, () => ask(`New secret shared with ${realm}:`, { twice: true }));
}

/** The one line of a file that holds a secret. Throws `RealmwardError` `usage`, or the system's error. */
export function readSecretFile(file: string): string {
  return oneLine(readPasswordFile(file), file);
}

async function passwordFrom(
  options: PasswordOptions,
  context: Context,
  prompt: () => Promise<string>,
): Promise<string> {
  if (options.passwordStdin === true && options.passwordFile !== undefined) {
    throw usageError('--password-stdin and --password-file exclude each other');
  }
  if (options.passwordFile !== undefined) return readSecretFile(options.passwordFile);
  if (options.passwordStdin === true) return oneLine(await readStdin(), 'standard input');
  if (!context.interactive) {
    throw usageError(
      'a password is needed, and there is no terminal to ask for it',
      'Use --password-stdin or --password-file FILE.',
    );
  }
  return prompt();
}

async function ask(message: string, { twice }: { twice: boolean }): Promise<string> {
  const { default: prompt } = await import('@inquirer/password');
  const output = { output: process.stderr };
  try {
    const validate = (text: string) => (text === '' ? 'It must not be empty.' : true);
    const password = await prompt({ message, validate }, output);
    if (!twice) return password;
    const again = await prompt({ message: 'The same again:' }, output);
    if (password !== again)
      throw new RealmwardError('passwords-differ', 'the two passwords differ', {
        hint: 'Nothing was changed. Try again.',
      });
    return password;
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') {
      throw new RealmwardError('cancelled', 'cancelled', { hint: 'Nothing was changed.', cause: error });
    }
    throw error;
  }
}

const MAX_LENGTH = 4096;

function readPasswordFile(file: string): string {
  if (statSync(file).size > MAX_LENGTH) throw tooLong(file);
  return readFileSync(file, 'utf8');
}

async function readStdin(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const part of process.stdin) {
    text += String(part);
    if (text.length > MAX_LENGTH) throw tooLong('standard input');
  }
  return text;
}

/** The text without the line end that editors and `echo` put behind it. */
function oneLine(text: string, from: string): string {
  const line = text.replace(/\r?\n$/, '');
  if (line === '') throw usageError(`no password came from ${from}: it is empty`);
  if (/[\r\n]/.test(line)) throw usageError(`${from} has more than one line, and a password is one line`);
  return line;
}

function tooLong(from: string): RealmwardError {
  return usageError(`${from} has more than ${MAX_LENGTH} bytes, which is too long for a password`);
}
