import { foldName } from '../realm/name.ts';

/** A realm whose people may log in here. */
export interface LoginRealm {
  readonly realm: string;
  /** What else people call it: its NETBIOS name, DNS suffixes of its user names. */
  readonly aliases: readonly string[];
  /** Whether names there may have several parts, as `alice/admin`; in Active Directory they have one. */
  readonly instances: boolean;
}

/** What somebody typed into the field for the user. */
export type LoginName =
  | { readonly kind: 'account'; readonly realm: string; readonly components: readonly string[] }
  /** The realm was meant, but is written another way. */
  | { readonly kind: 'hint'; readonly realm: string }
  | { readonly kind: 'unknown-realm' }
  | { readonly kind: 'malformed' };

/** Longest text that is read, in UTF-16 units. */
const MAX_LENGTH = 256;

/**
 * Reads `REALM\user`, `user@REALM`, or a name alone, which is one of the first realm: ours. Blanks around it are taken for a slip of the
 * keyboard. Realm names are case-sensitive; whoever writes one in other letter case, or calls it by an alias, is told its name and nobody
 * is asked about the password: otherwise one account would have several names to guess at.
 */
export function readLoginName(text: string, realms: readonly [LoginRealm, ...LoginRealm[]]): LoginName {
  const typed = text.trim();
  if (typed.length > MAX_LENGTH) return { kind: 'malformed' };
  const { realm: named, user } = splitRealm(typed);
  const realm = named === undefined ? realms[0] : realms.find((one) => one.realm === named);
  const name = user.normalize('NFC');
  if (name === '' || name.trim() !== name || FORBIDDEN.test(name)) return { kind: 'malformed' };
  if (realm === undefined) {
    const meant = realms.find((one) => [one.realm, ...one.aliases].some((known) => sameText(known, named)));
    return meant === undefined ? { kind: 'unknown-realm' } : { kind: 'hint', realm: meant.realm };
  }
  const components = name.split('/');
  if (components.includes('') || (components.length > 1 && !realm.instances)) return { kind: 'malformed' };
  return { kind: 'account', realm: realm.realm, components };
}

/**
 * One text for all spellings that a directory may take for the same account: Active Directory knows neither letter case nor accents nor widths,
 * and finds `name$` for `name`. It may unite two accounts, never part one.
 */
export function accountKey(components: readonly string[]): string {
  const plain = components.join('/').normalize('NFKD').replace(/\p{M}/gu, '');
  return foldName(plain).replace(/\$+$/, '');
}

/** What cannot be in a name: control and invisible characters, and what parts a realm from a name. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\@]/u;

function splitRealm(text: string): { realm: string | undefined; user: string } {
  const backslash = text.indexOf('\\');
  if (backslash >= 0) return { realm: text.slice(0, backslash), user: text.slice(backslash + 1) };
  const at = text.lastIndexOf('@');
  return at < 0 ? { realm: undefined, user: text } : { realm: text.slice(at + 1), user: text.slice(0, at) };
}

function sameText(a: string, b: string | undefined): boolean {
  return b !== undefined && a.toLowerCase() === b.toLowerCase();
}
