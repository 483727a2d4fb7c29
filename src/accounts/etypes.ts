import { RealmwardError } from '../base/errors.ts';
import { etypeByName } from '../crypto/etypes.ts';

/** Etypes by their names or aliases. Throws `RealmwardError` `unknown-etype`. */
export function etypesByName(names: readonly string[]): number[] {
  return names.map((name) => {
    const etype = etypeByName(name);
    if (etype !== undefined) return etype;
    throw new RealmwardError('unknown-etype', `"${name}" is no encryption type`, {
      hint: 'Write for instance aes256-cts-hmac-sha384-192 or aes256-cts-hmac-sha1-96, or for short aes256-sha2 or aes256-sha1.',
    });
  });
}
