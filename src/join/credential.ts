import type { JoinCredential } from '../accounts/devices.ts';
import type { Caller } from '../http/caller.ts';
import { HttpError } from '../http/errors.ts';

/** By what right a caller joins devices. Throws `HttpError` 403 `may-not-join` for people without one. */
export function joinCredential(caller: Caller): JoinCredential {
  if (caller.kind !== 'person') return caller.kind === 'device' ? deviceItself(caller) : joinToken(caller);
  const { person } = caller;
  const name = `${person.name}@${person.realm}`;
  if (person.rights.login === 'Administrator') return { kind: 'administrator', name };
  if (person.rights.join) return { kind: 'join-account', name };
  const has = person.rights.login === undefined ? 'no right' : `the right ${person.rights.login}`;
  throw new HttpError(403, 'may-not-join', `${name} has ${has} here and may not join devices.`, {
    hint: 'Administrators may, and accounts with the right Join-Realm: "realmward user set NAME --right Join-Realm", or a group of the trusted domain that is mapped to it.',
  });
}

function deviceItself({ host, rid }: Extract<Caller, { kind: 'device' }>): JoinCredential {
  return { kind: 'device', host, rid };
}

function joinToken({ id }: Extract<Caller, { kind: 'join-token' }>): JoinCredential {
  return { kind: 'join-token', id };
}
