import { equalConstantTime } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import { type Clock, nowSeconds, type Seconds } from '../base/ports.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { defaultSalt } from '../realm/name.ts';
import type { TrustRepository } from '../realm/ports.ts';
import type { PrincipalKey } from '../realm/principal.ts';
import type { TrustKeys, TrustRecord, TrustSettings } from '../realm/trust-settings.ts';
import { STRONG_ETYPES } from '../spec/etypes.ts';
import { checkPassword } from './password.ts';

/** What the functions of this file work on. */
export interface TrustAccounts {
  readonly realm: string;
  readonly trusts: TrustRepository;
  readonly crypto: Crypto;
  readonly clock: Clock;
}

/** Makes a trust with these settings and this shared secret. Throws `RealmwardError` `exists`, `bad-password`. */
export async function createTrust(
  accounts: TrustAccounts,
  settings: TrustSettings,
  secret: string,
): Promise<TrustRecord> {
  checkPassword(secret);
  const record = { ...settings, keys: await trustKeys(accounts, settings.realm, secret, 1) };
  await accounts.trusts.add(record);
  return record;
}

/**
 * Gives a trust a new secret. The one before it stays, so that tickets of either are taken while the other side still has the old one; what was
 * before that goes. Throws `RealmwardError` `not-found`, `bad-password`, and `same-secret` for the secret that it has.
 */
export async function rotateTrust(
  accounts: TrustAccounts,
  realm: string,
  secret: string,
): Promise<TrustRecord> {
  checkPassword(secret);
  const next = await trustKeys(accounts, realm, secret, 0);
  return accounts.trusts.change(realm, ({ keys }) => {
    const [newest] = keys.inbound;
    const same = next.inbound.find(({ key }) => key.etype === newest?.key.etype);
    if (newest !== undefined && same !== undefined && equalConstantTime(newest.key.bytes, same.key.bytes)) {
      throw new RealmwardError('same-secret', `the trust with ${realm} has this secret already`, {
        hint: 'Nothing was changed. Choose a new secret.',
      });
    }
    return {
      keys: {
        inbound: inFrontOf(keys.inbound, next.inbound),
        outbound: inFrontOf(keys.outbound, next.outbound),
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
 * secret is not kept, and the trust may be given other etypes.
 */
async function trustKeys(
  { realm: us, crypto, clock }: TrustAccounts,
  them: string,
  secret: string,
  kvno: number,
): Promise<TrustKeys> {
  const created = nowSeconds(clock);
  const keysOf = (salt: string): Promise<PrincipalKey[]> =>
    Promise.all(
      STRONG_ETYPES.map(async (etype) => ({
        kvno,
        key: await crypto.stringToKey(etype, secret, salt),
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
