import { RealmwardError } from '../base/errors.ts';

/** Bytes that are no PAC, or values that cannot stand in one; code `bad-pac`. The only error that decoding raises. */
export class PacError extends RealmwardError {
  constructor(message: string, options: { hint?: string } = {}) {
    super('bad-pac', message, options);
  }
}
