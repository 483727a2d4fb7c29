import { fromHex } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import { Key } from '../base/key.ts';
import { nowSeconds, type Seconds } from '../base/ports.ts';
import { etypeByName, etypeName, keyLengthOf } from '../crypto/etypes.ts';
import { defaultSalt, parseName } from '../realm/name.ts';
import type { Principal, PrincipalKey } from '../realm/principal.ts';
import type { Accounts } from './accounts.ts';

/** A key before it has a kvno. */
export type NewKey = Omit<PrincipalKey, 'kvno'>;

/** Keys of a password for the principal of that canonical name, with the default salt and iteration counts; made side by side, off the event loop. */
export async function passwordKeys(accounts: Accounts, name: string, password: string): Promise<NewKey[]> {
  const { crypto, etypes, realm } = accounts;
  const salt = defaultSalt(realm, parseName(name));
  const created = nowSeconds(accounts.clock);
  const keys = await Promise.all(etypes.map((etype) => crypto.stringToKey(etype, password, salt)));
  return keys.map((key) => ({ key, salt, s2kparams: undefined, created }));
}

/** Random keys, one for each of `etypes`; left out: the realm's. */
export function randomKeys(
  { crypto, clock, ...realm }: Accounts,
  etypes: readonly number[] = realm.etypes,
): NewKey[] {
  const created = nowSeconds(clock);
  return etypes.map((etype) => ({
    key: crypto.randomKey(etype),
    salt: undefined,
    s2kparams: undefined,
    created,
  }));
}

/**
 * Keys written as `etype:hex`, apart by blanks; the etype is a number or a name. Throws `RealmwardError` `bad-keys`, which shows no key.
 */
export function parseKeys(accounts: Accounts, text: string): NewKey[] {
  const created = nowSeconds(accounts.clock);
  const keys = text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => ({ key: parseKey(accounts, word), salt: undefined, s2kparams: undefined, created }));
  if (keys.length === 0) throw badKeys('there is none');
  const twice = keys.find(
    ({ key }, index) => keys.findIndex((other) => other.key.etype === key.etype) !== index,
  );
  if (twice !== undefined) throw badKeys(`there are two of ${etypeName(twice.key.etype)}`);
  return keys;
}

/** The keys with this kvno. */
export function withKvno(keys: readonly NewKey[], kvno: number): PrincipalKey[] {
  return keys.map((key) => ({ ...key, kvno }));
}

/** The kvno of a principal's next keys. */
export function nextKvno(current: Principal): number {
  return (current.keys[0]?.kvno ?? 0) + 1;
}

/**
 * `keys` (highest kvno first) without those that no ticket can need any more at `now`: from the moment that a newer kvno was there nothing
 * was encrypted with the older one, so tickets under it have ended `keepFor` seconds later.
 */
export function withoutUnneeded(
  keys: readonly PrincipalKey[],
  now: Seconds,
  keepFor: number,
): PrincipalKey[] {
  const kvnos = [...new Set(keys.map((key) => key.kvno))];
  const needed = new Set(
    kvnos.filter((_, index) => {
      const successor = keys.find((key) => key.kvno === kvnos[index - 1]);
      return successor?.created === undefined || successor.created + keepFor >= now;
    }),
  );
  return keys.filter((key) => needed.has(key.kvno));
}

function parseKey({ etypes }: Accounts, word: string): Key {
  const at = word.lastIndexOf(':');
  const label = word.slice(0, Math.max(at, 0));
  const etype = /^\d+$/.test(label) ? Number(label) : etypeByName(label);
  if (etype === undefined)
    throw badKeys(at > 0 ? `"${label}" is no etype` : 'one has no etype in front of it');
  if (!etypes.includes(etype)) throw badKeys(`this realm does not use the etype ${etypeName(etype)}`);
  const bytes = bytesOf(word.slice(at + 1));
  if (bytes?.length !== keyLengthOf(etype)) {
    throw badKeys(`the one of ${etypeName(etype)} is not ${keyLengthOf(etype)} bytes in hexadecimal`);
  }
  return new Key(etype, bytes);
}

function bytesOf(hex: string): Uint8Array | undefined {
  try {
    return fromHex(hex);
  } catch {
    return undefined;
  }
}

function badKeys(why: string): RealmwardError {
  return new RealmwardError('bad-keys', `the keys cannot be used: ${why}`, {
    hint: 'Keys look like 18:<64 hexadecimal digits> 17:<32 hexadecimal digits>.',
  });
}
