import { RealmwardError } from '../base/errors.ts';
import { etypeName, keyLengthOf } from '../crypto/etypes.ts';
import { currentKeys, type Principal } from '../realm/principal.ts';
import type { Accounts } from './accounts.ts';
import { type NewKey, randomKeys } from './keys.ts';

/**
 * What makes the keys of a device's principals: those that the device has sent are the same for each, random ones are not. `current`: the
 * principal that gets new keys. Throws `RealmwardError` `unsupported-etype`, `bad-keys`.
 */
export function deviceKeys(
  accounts: Accounts,
  request: { readonly etypes?: readonly number[] | undefined; readonly keys?: readonly NewKey[] | undefined },
  current: Principal | undefined,
): () => readonly NewKey[] {
  const { keys } = request;
  if (keys !== undefined) {
    checkKeys(accounts, keys);
    return () => keys;
  }
  const etypes = request.etypes ?? etypesOf(accounts, current);
  for (const etype of etypes) checkEtype(accounts, etype);
  if (etypes.length === 0) throw unsupported('no encryption type is named', accounts);
  return () => randomKeys(accounts, [...new Set(etypes)]);
}

function etypesOf({ etypes }: Accounts, current: Principal | undefined): readonly number[] {
  const has = current === undefined ? [] : currentKeys(current).map(({ key }) => key.etype);
  const kept = etypes.filter((etype) => has.includes(etype));
  return kept.length === 0 ? etypes : kept;
}

function checkEtype(accounts: Accounts, etype: number): void {
  if (!accounts.etypes.includes(etype))
    throw unsupported(`this realm does not use ${etypeName(etype)}`, accounts);
}

function checkKeys(accounts: Accounts, keys: readonly NewKey[]): void {
  if (keys.length === 0) throw badKeys('there is none');
  const seen = new Set<number>();
  for (const { key } of keys) {
    checkEtype(accounts, key.etype);
    if (seen.has(key.etype)) throw badKeys(`there are two of ${etypeName(key.etype)}`);
    seen.add(key.etype);
    const length = keyLengthOf(key.etype);
    if (key.bytes.length !== length)
      throw badKeys(`the one of ${etypeName(key.etype)} has ${key.bytes.length} bytes instead of ${length}`);
    // A random generator that was never started gives such; nothing else can be told from looking.
    if (key.bytes.every((byte) => byte === key.bytes[0])) throw badKeys('one of them is not random');
  }
}

function badKeys(why: string): RealmwardError {
  return new RealmwardError('bad-keys', `the keys of the device cannot be used: ${why}`, {
    hint: 'Send one random key for each encryption type, or none: then the realm makes them.',
  });
}

function unsupported(why: string, { etypes }: Accounts): RealmwardError {
  return new RealmwardError('unsupported-etype', why, {
    hint: `It uses ${etypes.map(etypeName).join(', ')}.`,
  });
}
