import { RealmwardError } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { nameTaken } from '../realm/account-name.ts';
import { formatName, parseName } from '../realm/name.ts';
import type { PrincipalRepository } from '../realm/ports.ts';
import type { Principal, PrincipalKind } from '../realm/principal.ts';

/** What the functions of this folder work on: one realm's principals, and what making keys takes. */
export interface Accounts {
  readonly realm: string;
  readonly principals: PrincipalRepository;
  readonly crypto: Crypto;
  readonly clock: Clock;
  /** Etypes of new keys, strongest first. */
  readonly etypes: readonly number[];
  /** Fewest characters of a user's new password. */
  readonly passwordLength: number;
}

/** Canonical name of an account that somebody typed, with or without `@REALM`. Throws `RealmwardError` `bad-name`. */
export function typedName({ realm }: Accounts, text: string): string {
  return formatName(parseName(text.normalize('NFC'), realm));
}

/** Throws `RealmwardError` `exists` when a new principal cannot have that name: asked before keys are made, which takes its time. */
export async function refuseTaken({ principals }: Accounts, name: string): Promise<void> {
  const existing = (await principals.taken([name])).get(name);
  if (existing !== undefined) throw nameTaken(name, existing);
}

/** The principal, provided that it is of one of these kinds. Throws `RealmwardError` `wrong-kind`, with what to do instead. */
export function ofKind(principal: Principal, ...kinds: readonly PrincipalKind[]): Principal {
  if (kinds.includes(principal.kind)) return principal;
  throw new RealmwardError('wrong-kind', `"${principal.name}" is ${KINDS[principal.kind].what}`, {
    hint: KINDS[principal.kind].hint,
  });
}

const KINDS: Readonly<Record<PrincipalKind, { what: string; hint: string }>> = {
  user: { what: 'a user, with a password', hint: 'Set a new password instead.' },
  service: { what: 'a service, with random keys', hint: 'Give it new keys instead, or remove it.' },
  realm: {
    what: "one of the realm's own principals",
    hint: 'The realm cannot work without it; its keys are changed by rotation.',
  },
};
