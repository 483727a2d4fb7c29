import { RealmwardError } from '../base/errors.ts';

/** Everything that can go wrong in `crypto/`. */
export type CryptoErrorCode =
  /** Wrong key, wrong usage, truncated or changed ciphertext: nobody can tell which. */
  | 'integrity'
  /** An etype that this `Crypto` does not speak; RC4 is one unless it was switched on. */
  | 'unsupported-etype'
  /** A key whose length is not the one of its etype. */
  | 'bad-key'
  /** String-to-key parameters that are malformed or ask for an iteration count out of range. */
  | 'bad-s2kparams';

/** What `crypto/` throws. Its message never contains a key, a password or plaintext. */
export class CryptoError extends RealmwardError {
  declare readonly code: CryptoErrorCode;

  constructor(code: CryptoErrorCode, message: string, hint?: string) {
    super(code, message, hint === undefined ? {} : { hint });
  }
}

/** The one error of every failed decryption: telling the causes apart would give an attacker an oracle. */
export function integrityError(): CryptoError {
  return new CryptoError('integrity', 'decryption failed: wrong key, or the data was changed');
}
