import { equalConstantTime } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import { type Clock, nowSeconds, type Seconds } from '../base/ports.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { defaultSalt } from '../realm/name.ts';
import type { TrustRepository } from '../realm/ports.ts';
import type { PrincipalKey } from '../realm/principal.ts';
import {
  lackingEtypes,
  type TrustKeys,
  type TrustRecord,
  type TrustSettings,
} from '../realm/trust-settings.ts';
import { Etype, STRONG_ETYPES } from '../spec/etypes.ts';
import { checkPassword } from './password.ts';

/** What the functions of this file work on. */
export interface TrustAccounts {
  readonly realm: string;
  readonly trusts: TrustRepository;
  /** For the keys of trusts: it makes RC4's, too. */
  readonly trustCrypto: Crypto;
  readonly clock: Clock;
}

/** Makes a trust with these settings and this shared secret. Throws `RealmwardError` `exists`, `bad-password`. */
export async function createTrust(
  accounts: TrustAccounts,
  settings: TrustSettings,
  secret: string,
): Promise<TrustRecord> {
  checkPassword(secret);
  const record = { ...settings, keys: await trustKeys(accounts, settings, secret, 1) };
  await accounts.trusts.add(record);
  return record;
}

/**
 * Changes everything about a trust but its secret. What it no longer names of RC4 is forgotten; a key of RC4 that it names now is made when the
 * secret is typed the next time (`rotateTrust`). Throws `RealmwardError` `not-found`.
 */
export function changeTrust(
  { trusts }: Pick<TrustAccounts, 'trusts'>,
  settings: TrustSettings,
  look: (current: TrustRecord) => void = () => {},
): Promise<TrustRecord> {
  const named = ({ key }: PrincipalKey): boolean =>
    key.etype !== Etype.RC4_HMAC || settings.etypes.includes(key.etype);
  return trusts.change(settings.realm, (current) => {
    look(current);
    const { inbound, outbound } = current.keys;
    if (inbound.every(named) && outbound.every(named)) return settings;
    return { ...settings, keys: { inbound: inbound.filter(named), outbound: outbound.filter(named) } };
  });
}

/**
 * Gives a trust a new secret. The one before it stays, so that tickets of either are taken while the other side still has the old one; what was
 * before that goes. `since`: for how long the other side has had it, in seconds; towards AD it is an hour after that moment that tickets
 * begin to be made with it (`outboundSwitch`). The secret that it has gives it keys that it lacks. Throws `RealmwardError` `not-found`, `bad-password`, and `same-secret`
 * where it lacks none.
 */
export async function rotateTrust(
  accounts: TrustAccounts,
  realm: string,
  secret: string,
  since: Seconds = 0,
): Promise<TrustRecord> {
  checkPassword(secret);
  const { etypes = [] } = (await accounts.trusts.find(realm)) ?? {};
  const next = await trustKeys(accounts, { realm, etypes }, secret, 0);
  return accounts.trusts.change(realm, (current) => {
    const { keys } = current;
    const [newest] = keys.inbound;
    const same = next.inbound.find(({ key }) => key.etype === newest?.key.etype);
    if (newest !== undefined && same !== undefined && equalConstantTime(newest.key.bytes, same.key.bytes)) {
      const lacking = lackingEtypes(current);
      if (lacking.length > 0) {
        const added = (list: readonly PrincipalKey[]): PrincipalKey[] =>
          list
            .filter(({ key }) => lacking.includes(key.etype))
            .map((key) => ({ ...key, kvno: newest.kvno, created: newest.created }));
        return {
          keys: {
            inbound: [...keys.inbound, ...added(next.inbound)],
            outbound: [...keys.outbound, ...added(next.outbound)],
          },
        };
      }
      throw new RealmwardError('same-secret', `the trust with ${realm} has this secret already`, {
        hint: 'Nothing was changed. Choose a new secret.',
      });
    }
    return {
      keys: {
        inbound: inFrontOf(keys.inbound, next.inbound),
        outbound: inFrontOf(
          keys.outbound,
          next.outbound.map((key) => ({ ...key, created: (key.created ?? 0) - since })),
        ),
      },
    };
  });
}

/** The secrets of a trust, the current one first: their numbers, and when they were set here. */
export function trustSecrets({
  keys,
}: Pick<TrustRecord, 'keys'>): { readonly kvno: number; readonly created: Seconds | undefined }[] {
  const secrets = new Map(keys.inbound.map(({ kvno, created }) => [kvno, { kvno, created }]));
  return [...secrets.values()];
}

/**
 * Keys of a shared secret. Both directions are krbtgt principals, each of the realm that issues its tickets, so their default salts differ (RFC
 * 4120 section 4): `THEMkrbtgtUS` for tickets that come in, `USkrbtgtTHEM` for those that go out. There are keys of every etype, as the
 * secret is not kept, and the trust may be given other etypes; but one of RC4, which is unsalted MD4 of the secret, is made where it is named alone.
 */
async function trustKeys(
  { realm: us, trustCrypto, clock }: TrustAccounts,
  { realm: them, etypes }: Pick<TrustSettings, 'realm' | 'etypes'>,
  secret: string,
  kvno: number,
): Promise<TrustKeys> {
  const created = nowSeconds(clock);
  const wanted = [...STRONG_ETYPES, ...etypes.filter((etype) => etype === Etype.RC4_HMAC)];
  const keysOf = (salt: string): Promise<PrincipalKey[]> =>
    Promise.all(
      wanted.map(async (etype) => ({
        kvno,
        key: await trustCrypto.stringToKey(etype, secret, salt),
        salt,
        s2kparams: undefined,
        created,
      })),
    );
  const [inbound, outbound] = await Promise.all([
    keysOf(defaultSalt(them, ['krbtgt', us])),
    keysOf(defaultSalt(us, ['krbtgt', them])),
  ]);
  return { inbound, outbound };
}

/** `next` as the current keys, and those that were current behind them. */
function inFrontOf(keys: readonly PrincipalKey[], next: readonly PrincipalKey[]): PrincipalKey[] {
  const newest = keys[0]?.kvno ?? 0;
  return [
    ...next.map((key) => ({ ...key, kvno: newest + 1 })),
    ...keys.filter(({ kvno }) => kvno === newest),
  ];
}
