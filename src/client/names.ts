import { type Principal, showText } from '../ap/principal.ts';
import { RealmwardError } from '../base/errors.ts';
import type { PrincipalName } from '../codec/krb5/basic.ts';
import { NameType } from '../spec/name-types.ts';

/** The name of `realm`'s ticket-granting service; with the realm that asks for it, of the trust between both. */
export function krbtgt(realm: string): PrincipalName {
  return { nameType: NameType.SRV_INST, nameString: ['krbtgt', realm] };
}

/** A name from its components: a host-based service or an instance has two, a person one. */
export function nameOf(...nameString: readonly string[]): PrincipalName {
  return { nameType: nameString.length > 1 ? NameType.SRV_INST : NameType.PRINCIPAL, nameString };
}

/** `user@suffix` as one name of type enterprise (RFC 6806 section 5), asked for in `realm`; log in with `canonicalize`. */
export function enterprisePrincipal(text: string, realm: string): Principal {
  return { realm, name: { nameType: NameType.ENTERPRISE, nameString: [text] } };
}

/**
 * Reads `name@REALM` or, where `realm` is given, `name` alone; components are parted by `/`, and a backslash takes its meaning from the character
 * behind it (RFC 1964 section 2.1.3). Throws `RealmwardError` `bad-principal`.
 */
export function parsePrincipal(text: string, realm?: string): Principal {
  const components = [''];
  const add = (part: string): void => void (components[components.length - 1] += part);
  let named = realm;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '/') components.push('');
    else if (char === '@') {
      named = text.slice(i + 1);
      break;
    } else if (char === '\\') {
      const escaped = text[++i] ?? refuse(text);
      add(ESCAPES[escaped] ?? escaped);
    } else add(char);
  }
  if (components.includes('') || named === undefined || named === '' || text.length > MAX_LENGTH)
    return refuse(text);
  return { realm: named, name: nameOf(...components) };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b', '0': '\0' };
const MAX_LENGTH = 512;

function refuse(text: string): never {
  throw new RealmwardError('bad-principal', `"${showText(text, 100)}" is not the name of a principal`, {
    hint: 'Names look like alice@REALM.EXAMPLE or host/device1.example@REALM.EXAMPLE.',
  });
}
