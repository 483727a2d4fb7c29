import type { PrincipalName } from '../codec/krb5/basic.ts';
import { formatName, MAX_NAME_LENGTH } from '../realm/name.ts';
import type { Principal } from '../realm/principal.ts';
import { NameType } from '../spec/name-types.ts';
import type { KdcRealm } from './realm.ts';

/** Whether a name has a part at all, and none that is empty. */
export function isNamed(name: PrincipalName | undefined): name is PrincipalName {
  return name !== undefined && name.nameString.length > 0 && !name.nameString.includes('');
}

/** The realm's principal of that name; names of every type are looked up alike, "name types are never compared". */
export function findPrincipal(realm: KdcRealm, name: PrincipalName): Principal | undefined {
  const text = accountName(realm, name);
  return text === undefined || text.length > MAX_NAME_LENGTH ? undefined : realm.directory.get(text);
}

/**
 * The canonical name of the account that `name` means, `undefined` where it means one of another realm. An enterprise name (RFC 6806 section 5)
 * is `user@suffix` in one component; the suffix of our own accounts is the realm's name, in any case, as it is a DNS name there.
 */
export function accountName(realm: KdcRealm, name: PrincipalName): string | undefined {
  if (name.nameType !== NameType.ENTERPRISE) return formatName(name.nameString);
  if (name.nameString.length !== 1) return undefined;
  const text = name.nameString[0] as string;
  const at = text.lastIndexOf('@');
  if (at < 0) return formatName([text]);
  const suffix = text.slice(at + 1);
  return suffix.toLowerCase() === realm.realm.toLowerCase() ? formatName([text.slice(0, at)]) : undefined;
}

/** Whether two names have the same parts. */
export function sameName(a: PrincipalName, b: PrincipalName): boolean {
  const left = a.nameString;
  const right = b.nameString;
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

/**
 * Whether a KDC reads tickets for this principal: krbtgt, and kadmin/changepw, which MS-PAC 2.8.4 treats alike. The realm's own web server belongs
 * to the realm, too, but is a service: rights stand in its tickets.
 */
export function isReadByKdc(realm: KdcRealm, { name }: Principal): boolean {
  return name === realm.krbtgtName || name === realm.changepwName;
}
