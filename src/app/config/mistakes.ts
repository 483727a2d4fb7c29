import { RealmwardError } from '../../base/errors.ts';

/** One mistake in a configuration file. Lines and columns count from 1. Never holds a secret's value. */
export interface Mistake {
  readonly line: number;
  readonly column: number;
  /** Where in the configuration: `policy.maxLife`, `users[0].right`; empty for the file as a whole. */
  readonly key: string;
  readonly found: string;
  readonly expected: string;
}

/** What is wrong with a configuration file: all of it, not only the first. Its code is `bad-config`. */
export class ConfigError extends RealmwardError {
  readonly file: string;
  readonly mistakes: readonly Mistake[];

  constructor(file: string, mistakes: readonly Mistake[]) {
    const many = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
    super(
      'bad-config',
      `the configuration has ${many}:\n${mistakes.map((mistake) => formatMistake(file, mistake)).join('\n')}`,
      {
        hint: 'docs/configuration.md explains every key; "realmward config check" shows whether the file is right.',
      },
    );
    this.file = file;
    this.mistakes = mistakes;
  }
}

/** `file:line:column: key: found …, expected …`, as editors and terminals turn it into a link. */
export function formatMistake(file: string, { line, column, key, found, expected }: Mistake): string {
  return `${file}:${line}:${column}: ${key === '' ? '' : `${key}: `}found ${found}, expected ${expected}`;
}

/** `users[0].name` for `['users', 0, 'name']`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text;
}
