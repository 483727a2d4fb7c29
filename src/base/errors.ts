/**
 * Base of every error that realmward raises on purpose. `code` is stable, in kebab case, for programs and logs;
 * `message` says what happened and why; `hint`, where there is one, says what to do next.
 */
export class RealmwardError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}
