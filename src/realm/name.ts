import { RealmwardError } from '../base/errors.ts';

/** Longest principal name accepted anywhere, in characters of its text form. */
export const MAX_NAME_LENGTH = 512;

/**
 * Text form of a principal name without realm: components joined by `/`, with `/`, `@`, `\` and control characters escaped by a backslash
 * (RFC 1964 section 2.1.3). It is the one canonical form: the store's key, and what logs show.
 */
export function formatName(components: readonly string[]): string {
  const only = components.length === 1 ? components[0] : undefined;
  const text = only === undefined ? components.map(escapeComponent).join('/') : escapeComponent(only);
  return text;
}

/**
 * Components of a name in text form; a trailing `@REALM` is taken off and must equal `realm` when that is given. Throws `RealmwardError`
 * `bad-name` on an empty name or component, a dangling backslash, another realm, or a name longer than `MAX_NAME_LENGTH`.
 */
export function parseName(text: string, realm?: string): string[] {
  const components = [''];
  let named: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '\\') {
      const next = text[++i];
      if (next === undefined) throw badName(text, 'it ends with a lone backslash');
      append(components, UNESCAPED[next] ?? next);
    } else if (char === '/') {
      components.push('');
    } else if (char === '@') {
      named = text.slice(i + 1);
      break;
    } else {
      append(components, char);
    }
  }
  if (components.some((component) => component === '')) throw badName(text, 'a part of it is empty');
  if (text.length > MAX_NAME_LENGTH)
    throw badName(text.slice(0, 40) + '…', `it has more than ${MAX_NAME_LENGTH} characters`);
  if (realm !== undefined && named !== undefined && named !== realm) {
    throw badName(
      text,
      `it belongs to the realm "${named}", and this realm is "${realm}" (realm names are case-sensitive)`,
    );
  }
  return components;
}

/**
 * The form in which two principal names must differ to stand side by side in a realm: compatibility characters and letter case are folded
 * away. Kerberos itself compares names byte by byte; but Windows and every comparison of names in a PAC ignore case, so that "Alice" beside
 * "alice" would be one account there (CVE-2025-4404). Never a key for lookups.
 */
export function foldName(name: string): string {
  // Upper case first: it unites what lower case keeps apart, such as the two small sigmas, or ß and ss.
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** RFC 4120 section 4: the default salt "is the concatenation of the principal's realm and name components, in order, with no separators". */
export function defaultSalt(realm: string, components: readonly string[]): string {
  return realm + components.join('');
}

const UNESCAPED: Record<string, string> = { n: '\n', t: '\t', b: '\b', '0': '\0' };
const ESCAPED: Record<string, string> = { '\n': '\\n', '\t': '\\t', '\b': '\\b', '\0': '\\0' };

function escapeComponent(component: string): string {
  // Nearly every name is plain: one test instead of a rewrite.
  // oxlint-disable-next-line no-control-regex
  return /[\\/@\n\t\u0008\0]/.test(component)
    ? // oxlint-disable-next-line no-control-regex
      component.replace(/[\\/@\n\t\u0008\0]/g, (char) => ESCAPED[char] ?? `\\${char}`)
    : component;
}

function append(components: string[], char: string): void {
  components[components.length - 1] += char;
}

function badName(text: string, why: string): RealmwardError {
  return new RealmwardError('bad-name', `"${text}" is not a principal name: ${why}`, {
    hint: 'Names look like alice or host/device1.example.',
  });
}
