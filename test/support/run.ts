import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_PATH } from './peers.ts';

/** Whatever ends things when it ends itself: a tap test, or a bench run. */
export interface Scope {
  teardown(end: () => void | Promise<void>): void;
}

export type Env = Readonly<Record<string, string>>;

/** What a program did. `output` is both streams, standard output first, for matching messages wherever they went. */
export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: string;
}

/** A clean environment: the system's programs, one language, one time zone, and nothing of the user's. */
export const CLEAN_ENV: Env = { PATH: SYSTEM_PATH, LC_ALL: 'C', TZ: 'UTC' };

/**
 * Runs a program to its end. `input` is its whole standard input. `env` is its whole environment. After `timeout` milliseconds (default
 * 60 000) it is killed, and the promise rejects with what it had said until then; it also rejects where the program cannot be started.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: { env?: Env; input?: string; timeout?: number; cwd?: string } = {},
): Promise<RunResult> {
  const { env = CLEAN_ENV, input = '', timeout = 60_000, cwd } = options;
  const child = spawn(command, args, {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    timeout,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {
    // It ended without reading all of its input.
  });
  child.stdin.end(input);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const result = { code, stdout, stderr, output: stdout + stderr };
  if (signal === 'SIGKILL') {
    throw new Error(`${command} ${args.join(' ')} did not end within ${timeout} ms:\n${result.output}`);
  }
  return result;
}

/** As `run`, but rejects with the program's words unless it ends with 0. For steps that are no claim of the test. */
export async function runOk(...parameters: Parameters<typeof run>): Promise<RunResult> {
  const result = await run(...parameters);
  if (result.code !== 0) {
    const [command, args] = parameters;
    throw new Error(`${command} ${args.join(' ')} ended with ${result.code}:\n${result.output}`);
  }
  return result;
}

/** A new folder that only this user may read, removed with `scope`. */
export function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'realmward-test-'));
  scope.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
