import type { PrincipalName } from '../codec/krb5/basic.ts';

/** A principal: its name, and the realm that knows it. */
export interface Principal {
  readonly realm: string;
  readonly name: PrincipalName;
}

/** Whether two names have the same parts. "name types are never compared": they are hints (RFC 4120 section 6.2). */
export function sameName(a: PrincipalName, b: PrincipalName): boolean {
  return (
    a.nameString.length === b.nameString.length && a.nameString.every((part, i) => part === b.nameString[i])
  );
}

/** Whether both are the same principal; realm names are case-sensitive (RFC 4120 section 6.1). */
export function samePrincipal(a: Principal, b: Principal): boolean {
  return a.realm === b.realm && sameName(a.name, b.name);
}

/** Longest text that a message or a log line shows of a principal; names from the wire may be longer. */
const MAX_SHOWN = 256;

/** `name/instance@REALM`, for people to read: what is not printable shows as `?`, and what is too long ends in `…`. */
export function showPrincipal({ realm, name }: Principal): string {
  return showText(`${name.nameString.join('/')}@${realm}`, MAX_SHOWN);
}

/** Text from the wire made fit for a terminal and a log line. */
export function showText(text: string, max: number): string {
  const short = text.length > max ? `${text.slice(0, max)}…` : text;
  return short.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
