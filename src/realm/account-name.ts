import { RealmwardError } from '../base/errors.ts';
import { foldName, formatName, MAX_NAME_LENGTH, parseName } from './name.ts';
import type { PrincipalKind } from './principal.ts';

/** First components that belong to the realm itself, in the form that `foldName` gives (CVE-2018-5729, CVE-2025-4404). */
const RESERVED_NAMES: readonly string[] = ['krbtgt', 'kadmin', 'root'];

/** What a principal of kind `realm` may be called: two components, the first one of these, exactly so. */
const REALM_SERVICES: readonly string[] = ['krbtgt', 'kadmin', 'HTTP'];

/**
 * Canonical name for a new principal, of what somebody typed: NFC, so that a name has one spelling in bytes whatever keyboard it came from,
 * then `formatName`. Throws `RealmwardError` `bad-name` for what `parseName` refuses, for characters that nobody can see or type and for
 * blanks at either end, and `reserved-name` where the first component is one of `RESERVED_NAMES` and the principal is not the realm's own.
 */
export function accountName(text: string, kind: PrincipalKind, realm: string): string {
  const components = parseName(text.normalize('NFC'), realm);
  const name = formatName(components);
  if (components.some((part) => UNTYPABLE.test(part))) {
    throw new RealmwardError(
      'bad-name',
      `${JSON.stringify(text)} is not a principal name: it holds a control or invisible character`,
      {
        hint: 'Type the name anew: pasted text often carries characters that are not seen.',
      },
    );
  }
  if (components.some((part) => part.trim() !== part)) {
    throw new RealmwardError(
      'bad-name',
      `"${text}" is not a principal name: a part of it begins or ends with a blank`,
      {
        hint: 'Leave the blank out.',
      },
    );
  }
  if (name.length > MAX_NAME_LENGTH) {
    throw new RealmwardError(
      'bad-name',
      `a principal name may have ${MAX_NAME_LENGTH} characters, this one has ${name.length}`,
    );
  }
  checkReserved(components, name, kind);
  return name;
}

/** The error `exists`: `name` cannot be given, as `existing` is there (`PrincipalRepository.taken`). */
export function nameTaken(name: string, existing: string): RealmwardError {
  if (name === existing) {
    return new RealmwardError('exists', `"${name}" exists already`, {
      hint: 'Change it, or remove it first.',
    });
  }
  return new RealmwardError(
    'exists',
    `"${name}" cannot be told from "${existing}", which exists: letter case does not make another name`,
    {
      hint: 'Choose a name that differs in its letters.',
    },
  );
}

// Control characters, invisible format characters (zero width, direction), lone surrogates, line and paragraph separators.
const UNTYPABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function checkReserved(components: readonly string[], name: string, kind: PrincipalKind): void {
  const first = components[0] as string;
  if (kind === 'realm') {
    if (components.length === 2 && REALM_SERVICES.includes(first)) return;
    throw new RealmwardError('bad-name', `"${name}" is not a name for a principal of the realm itself`, {
      hint: 'Those are krbtgt/REALM, kadmin/changepw and HTTP/ before a name of its HTTPS server.',
    });
  }
  // Compared as people read it: "KrbTgt" and full-width "ｒｏｏｔ" pass for the real ones in front of an administrator.
  if (RESERVED_NAMES.includes(foldName(first))) {
    throw new RealmwardError(
      'reserved-name',
      `"${name}" cannot be an account: names that begin with "${first}" are reserved for the realm`,
      {
        hint: 'Choose another name.',
      },
    );
  }
}
