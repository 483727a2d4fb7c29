import { utf8 } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import { foldName, parseName } from '../realm/name.ts';
import type { Accounts } from './accounts.ts';

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

/**
 * Refuses what may not become the password of the user with this canonical name: what `checkPassword` refuses, what is too short, and what everybody
 * tries first. Characters of no kind are demanded (NIST SP 800-63B-4 section 3.1.1.2). Throws `RealmwardError` `bad-password`.
 */
export function checkUserPassword(
  { realm, passwordLength }: Pick<Accounts, 'realm' | 'passwordLength'>,
  name: string,
  password: string,
): void {
  checkPassword(password);
  // "Each Unicode code point SHALL be counted as a single character" (NIST SP 800-63B-4 section 3.1.1.2), and one typed as two is still one.
  const length = Array.from(password.normalize('NFC')).length;
  if (length < passwordLength) {
    throw badPassword(
      `has ${inCharacters(length)}, and at least ${passwordLength} are wanted`,
      'Choose a longer one; several words are a good one.',
    );
  }
  const user = parseName(name).join('/');
  const guessed = [user, `${user}@${realm}`, `${realm}\\${user}`, realm];
  const folded = foldName(password);
  if (guessed.some((guess) => foldName(guess) === folded)) {
    throw badPassword('is the name of the user or of the realm', 'Choose one that nobody tries first.');
  }
}

function inCharacters(length: number): string {
  return length === 1 ? 'one character' : `${length} characters`;
}

function badPassword(why: string, hint: string): RealmwardError {
  return new RealmwardError('bad-password', `the password ${why}`, { hint });
}
