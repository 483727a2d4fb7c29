import { utf8 } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';

/** Longest password, in bytes of UTF-8: what MIT's `kinit` reads from its prompt. */
const MAX_PASSWORD_BYTES = 1023;

/**
 * Refuses a password that no client could send. It is used as it is, not brought to a Unicode normal form: clients hash the bytes that they
 * read, so a form changed here would be a password that cannot be typed there. Throws `RealmwardError` `bad-password`, which never shows it.
 */
export function checkPassword(password: string): void {
  if (password === '') throw badPassword('is empty', 'Type at least one character.');
  const bytes = utf8(password).length;
  if (bytes > MAX_PASSWORD_BYTES) {
    throw badPassword(
      `has ${bytes} bytes, of which ${MAX_PASSWORD_BYTES} are allowed`,
      'Choose a shorter one.',
    );
  }
  if (/\p{Cc}/u.test(password)) {
    throw badPassword(
      'holds a control character',
      'Often that is the line end of the file it was read from: take it off.',
    );
  }
  if (!password.isWellFormed())
    throw badPassword('is not valid Unicode text', 'Check the encoding of its source: it must be UTF-8.');
}

function badPassword(why: string, hint: string): RealmwardError {
  return new RealmwardError('bad-password', `the password ${why}`, { hint });
}
