import { RealmwardError } from '../../base/errors.ts';

/** Bytes that are no strict DER of the expected type. `offset` counts bytes from the start of the input. */
export class DerError extends RealmwardError {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super('bad-der', `${message} (at byte ${offset})`);
    this.offset = offset;
  }
}
