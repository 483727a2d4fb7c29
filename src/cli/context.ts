import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { RealmwardError } from '../base/errors.ts';
import type { Config } from '../app/config/load.ts';

/** Options that every verb takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** What a verb works with: the world around this run. */
export interface Context {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether somebody sits at a terminal and can be asked. */
  readonly interactive: boolean;
  options(): GlobalOptions;
  /** Reads the configuration that the options or the environment name. Throws as `loadConfig` does. */
  config(): Promise<Config>;
  /** The path of that configuration. Throws `RealmwardError` `no-config`. */
  configFile(): string;
  /** The verb's result on standard output: `data` with `--json`, else the text. */
  print(data: unknown, text: string | (() => string)): void;
  /** Something for people only, on standard error; not with `--json`. */
  note(text: string): void;
  /** What the process ends with, unless an error says otherwise. */
  exitCode: number;
}

/** Where the configuration is looked for when nobody says. */
const SYSTEM_CONFIG = '/etc/realmward/realm.yaml';

export function createContext(program: Command, environment: Context['environment']): Context {
  const options = () => program.opts<GlobalOptions>();
  const context: Context = {
    environment,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    options,
    configFile() {
      const named = options().config ?? environment['REALMWARD_CONFIG'];
      if (named !== undefined && named !== '') return named;
      if (existsSync(SYSTEM_CONFIG)) return SYSTEM_CONFIG;
      throw new RealmwardError('no-config', 'no configuration was named', {
        hint: 'Name one with --config FILE or REALMWARD_CONFIG; "realmward init --realm NAME --out FILE" writes one to begin with.',
      });
    },
    async config() {
      const file = context.configFile();
      const { loadConfig } = await import('../app/config/load.ts');
      return loadConfig(file);
    },
    print(data, text) {
      const shown =
        options().json === true
          ? JSON.stringify(data, undefined, 2)
          : typeof text === 'string'
            ? text
            : text();
      if (shown !== '') process.stdout.write(`${shown}\n`);
    },
    note(text) {
      if (options().json !== true) process.stderr.write(`${text}\n`);
    },
    exitCode: 0,
  };
  return context;
}

/** A mistake in how the command line was used. */
export function usageError(message: string, hint?: string): RealmwardError {
  return new RealmwardError('usage', message, hint === undefined ? {} : { hint });
}
