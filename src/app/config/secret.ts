import { readFileSync, statSync } from 'node:fs';
import { RealmwardError } from '../../base/errors.ts';

/** Where a secret comes from: the configuration itself, a file (absolute path), or an environment variable. */
export type SecretSource = { readonly value: string } | { readonly file: string } | { readonly env: string };

/** A secret of the configuration. It is read when it is needed, and never shown: not by printing, inspecting or serialising. */
export class Secret {
  readonly #source: SecretSource;
  /** Where the configuration states it, for messages: `realm.yaml:12: users[0].password`. */
  readonly where: string;

  constructor(source: SecretSource, where: string) {
    this.#source = source;
    this.where = where;
  }

  /** The secret, of a file without the line end behind it. Throws `RealmwardError` `no-secret` where there is none. */
  read(environment: Readonly<Record<string, string | undefined>>): string {
    const source = this.#source;
    if ('value' in source) return source.value;
    if ('env' in source) {
      const value = environment[source.env];
      if (value === undefined)
        throw this.#missing(
          `the environment variable ${source.env} is not set`,
          `Set it: export ${source.env}=…`,
        );
      if (value === '')
        throw this.#missing(
          `the environment variable ${source.env} is empty`,
          `Set it: export ${source.env}=…`,
        );
      return value;
    }
    return this.#readFile(source.file);
  }

  toJSON(): string {
    return this.toString();
  }

  toString(): string {
    return 'Secret';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  #readFile(file: string): string {
    let text: string;
    try {
      if (statSync(file).size > MAX_SIZE)
        throw this.#missing(
          `the file ${file} is larger than ${MAX_SIZE} bytes`,
          'It holds the secret alone.',
        );
      text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      if (error instanceof RealmwardError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw this.#missing(
        `the file ${file} cannot be read (${why})`,
        'It must exist, and be readable for the user whom realmward runs as.',
      );
    }
    if (text === '') throw this.#missing(`the file ${file} is empty`, 'It holds the secret alone.');
    if (text.includes('\n'))
      throw this.#missing(
        `the file ${file} has more than one line`,
        'It holds the secret alone, in one line.',
      );
    return text;
  }

  #missing(why: string, hint: string): RealmwardError {
    return new RealmwardError('no-secret', `${this.where}: ${why}`, { hint });
  }
}

const MAX_SIZE = 4096;
