import { showPrincipal, type Principal, samePrincipal } from '../ap/principal.ts';
import { equalBytes } from '../base/bytes.ts';
import type { Key } from '../base/key.ts';
import type { KeytabEntry } from '../codec/keytab.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { CryptoError } from '../crypto/errors.ts';
import { iterationsOf } from '../crypto/etypes.ts';
import { ClientError, fail } from './client-error.ts';

/**
 * What a client proves itself with: a password, as text or as UTF-8 bytes that the caller wipes; or a keytab, which may hold keys of
 * others, too.
 */
export type Proof =
  | { readonly password: string | Uint8Array }
  | { readonly keytab: readonly Pick<KeytabEntry, 'realm' | 'name' | 'kvno' | 'key'>[] };

/** How a KDC wants the key of an etype to be made of a password (RFC 4120 section 5.2.7.5). */
export interface KeyInfo {
  readonly etype: number;
  /** Left out: the default salt. */
  readonly salt?: string | undefined;
  readonly s2kparams?: Uint8Array | undefined;
}

/** Where the client's keys come from during one login. */
export interface KeySource {
  /** Etypes to offer, in order of preference. */
  readonly etypes: readonly number[];
  /** Whether there can be a key of this etype. */
  has(etype: number): boolean;
  /** Throws `ClientError` `iterations-refused` or `no-key`. */
  key(info: KeyInfo): Promise<Key>;
  /** The salt that `key` uses with this; `undefined` where it uses none. */
  salt(info: KeyInfo): string | undefined;
}

/** Keys of `client` by `proof`. Throws `ClientError` `no-key` when a keytab has none for it of the allowed etypes. */
export function keySource(
  crypto: Crypto,
  client: Principal,
  proof: Proof,
  allowed: { readonly etypes: readonly number[]; readonly minIterations: number },
): KeySource {
  return 'password' in proof
    ? passwordKeys(crypto, client, proof.password, allowed.etypes, allowed.minIterations)
    : keytabKeys(client, proof.keytab, allowed.etypes);
}

function passwordKeys(
  crypto: Crypto,
  client: Principal,
  password: string | Uint8Array,
  etypes: readonly number[],
  minIterations: number,
): KeySource {
  // "the concatenation of the principal's realm and name components, in order, with no separators" (RFC 4120 section 4).
  const defaultSalt = client.realm + client.name.nameString.join('');
  const salt = (info: KeyInfo): string => info.salt ?? defaultSalt;
  let last: { info: KeyInfo; key: Key } | undefined;
  return {
    etypes,
    has: (etype) => etypes.includes(etype),
    salt,
    async key(info) {
      // A login asks for the same key twice: to preauthenticate and to open the reply. Making one takes milliseconds.
      if (last !== undefined && sameInfo(last.info, info)) return last.key;
      checkIterations(info, minIterations);
      const key = await crypto.stringToKey(info.etype, password, salt(info), info.s2kparams);
      last = { info, key };
      return key;
    },
  };
}

/** Both bounds: too many keep us busy (crypto/etypes.ts knows how many that is), too few make guessing cheap. */
function checkIterations({ etype, s2kparams }: KeyInfo, minIterations: number): void {
  let iterations: number;
  try {
    iterations = iterationsOf(etype, s2kparams);
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'bad-s2kparams')
      throw new ClientError('iterations-refused', `${error.message}.`);
    throw error;
  }
  // RC4 has no iterations, and is not offered unless somebody wants it.
  if (iterations !== 0 && iterations < minIterations)
    fail('iterations-refused', `It asks for ${iterations}; at least ${minIterations} are wanted here.`);
}

function keytabKeys(
  client: Principal,
  entries: readonly Pick<KeytabEntry, 'realm' | 'name' | 'kvno' | 'key'>[],
  allowed: readonly number[],
): KeySource {
  const newest = new Map<number, { kvno: number; key: Key }>();
  for (const entry of entries) {
    const { etype } = entry.key;
    if (!samePrincipal(entry, client) || !allowed.includes(etype)) continue;
    if (entry.kvno >= (newest.get(etype)?.kvno ?? 0)) newest.set(etype, entry);
  }
  if (newest.size === 0) fail('no-key', `The keytab has none for ${showPrincipal(client)}.`);
  return {
    // A KDC may take the first etype for its reply: what there is a key for comes first. The others are for the session key.
    etypes: [
      ...allowed.filter((etype) => newest.has(etype)),
      ...allowed.filter((etype) => !newest.has(etype)),
    ],
    has: (etype) => newest.has(etype),
    salt: () => undefined,
    async key({ etype }) {
      return newest.get(etype)?.key ?? fail('no-key', `The keytab has none of encryption type ${etype}.`);
    },
  };
}

function sameInfo(a: KeyInfo, b: KeyInfo): boolean {
  if (a.etype !== b.etype || a.salt !== b.salt) return false;
  if (a.s2kparams === undefined || b.s2kparams === undefined) return a.s2kparams === b.s2kparams;
  return equalBytes(a.s2kparams, b.s2kparams);
}
