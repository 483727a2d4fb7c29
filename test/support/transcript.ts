import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CommandLine } from './cli-host.ts';
import type { Env, RunResult, Scope } from './run.ts';
import { CLEAN_ENV, run } from './run.ts';

const BIN = fileURLToPath(new URL('../../bin/realmward.js', import.meta.url));

const HOST = fileURLToPath(new URL('cli-host.ts', import.meta.url));

/** Someone at a shell in a folder of their own. */
export interface Shell {
  readonly cwd: string;
  readonly env?: Env;
}

/** Runs realmward as a process of its own, as a shell does. */
export function realmward(shell: Shell, args: readonly string[], input?: string): Promise<RunResult> {
  return run(process.execPath, [BIN, ...args], {
    cwd: shell.cwd,
    env: environment(shell),
    ...(input === undefined ? {} : { input }),
  });
}

export type Realmward = typeof realmward;

/** As `realmward`, in one process for all command lines: that saves most of the time that starting Node and loading modules takes. */
export function realmwardHost(scope: Scope): Realmward {
  const child = fork(HOST, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  // A "serve" that failed has left a handler for SIGTERM behind.
  scope.teardown(() => void child.kill('SIGKILL'));
  return async (shell, args, input = '') => {
    const command: CommandLine = { cwd: shell.cwd, env: environment(shell), args, input };
    child.send(command);
    const [result] = (await once(child, 'message')) as [Omit<RunResult, 'output'>];
    return { ...result, output: result.stdout + result.stderr };
  };
}

/**
 * What a terminal shows while the commands of a script run, to be compared with the script itself: lines that begin with `$ realmward` are
 * run, everything else is what was written down there. `< 'text'` at the end of a command is its standard input. Standard error comes behind
 * standard output; an exit code other than 0 is shown as `[exit 3]`. What differs in each run is replaced: times by TIME, SIDs by SID, the
 * shell's folder by DIR, seconds by N seconds.
 */
export async function replay(cli: Realmward, shell: Shell, text: string): Promise<string> {
  let shown = '';
  for (const line of text.split('\n')) {
    const [, command, input] = /^\$ realmward (.*?)(?: < '(.*)')?$/.exec(line) ?? [];
    if (command === undefined) continue;
    const { code, output } = await cli(shell, words(command), input);
    const end = code === 0 ? '' : `[exit ${code}]\n`;
    shown += `${line}\n${settle(output, shell)}${end}`;
  }
  return shown;
}

/** A script as it stands in a test: without the indentation of its first line. */
export function script(text: string): string {
  const [indentation = ''] = /^ */.exec(text.replace(/^\n/, '')) ?? [];
  const lines = text.replace(/^\n/, '').replace(/\n *$/, '\n').split('\n');
  return lines
    .map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line))
    .join('\n');
}

function environment(shell: Shell): Env {
  return { ...CLEAN_ENV, HOME: shell.cwd, ...shell.env };
}

function settle(output: string, { cwd }: Shell): string {
  return output
    .replaceAll(cwd, 'DIR')
    .replaceAll(/S-1-5-21(-\d+){3}/g, 'SID')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'TIME')
    .replaceAll(/[\d.]+ seconds/g, 'N seconds')
    .replaceAll(/master key [0-9a-f]{8}/g, 'master key ID');
}

/** Words of a command line, with single quotes. */
function words(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '');
}
