/** The two realms of these tests: Samba's domain with its users and groups, and ours that trusts it. */
import type { KdcConfig, TestKdc, TrustConfig } from '../../support/kdc.ts';
import { startRealmwardKdc } from '../../support/realmward-kdc.ts';
import type { Scope } from '../../support/run.ts';
import type { AdTrustOptions, AdUserName, SambaAd } from '../../support/samba-ad.ts';
import type { Session } from '../../support/session.ts';

export const REALM = 'REALM1.EXAMPLE';
export const OWN_SID = 'S-1-5-21-1111111111-2222222222-3333333333';
export const DEVICE = 'host/device1.realm1.example';
export const BOB = { name: 'bob', password: 'Bob.pass1', right: 'Administrator' } as const;

/** What AD is told about our realm. */
export const AD_TRUST: AdTrustOptions = { realm: REALM, password: 'Shared.Trust.Secret-1', sid: OWN_SID };

/** What our realm is told about AD: operators are Administrators, viewers Viewers. */
function trustWith(ad: SambaAd, change: Partial<TrustConfig> = {}): TrustConfig {
  return {
    realm: ad.realm,
    netbios: ad.netbios,
    kind: 'ad',
    domainSid: ad.domainSid,
    direction: 'both',
    kdcs: [`${ad.address}:${ad.port}`],
    secret: AD_TRUST.password,
    mode: 'groups',
    rights: [
      { rid: ad.groups['fleet-operators'].rid, right: 'Administrator' },
      { sid: ad.groups['fleet-viewers'].sid, right: 'Viewer' },
    ],
    ...change,
  };
}

/** Our realm, with a device, the user bob and the trust. */
export function startOurs(
  t: Scope,
  ad: SambaAd,
  change: Partial<TrustConfig> = {},
  config: KdcConfig = {},
): Promise<TestKdc> {
  return startRealmwardKdc(t, {
    realm: REALM,
    sid: OWN_SID,
    users: [BOB],
    services: [{ name: DEVICE }],
    trusts: [trustWith(ad, change)],
    ...config,
  });
}

/** `kinit` of a user of AD at AD. Rejects when it fails. */
export async function loginAtAd(session: Session, ad: SambaAd, user: AdUserName): Promise<void> {
  const { code, output } = await session.kinit([`${user}@${ad.realm}`], ad.users[user].password);
  if (code !== 0) throw new Error(output);
}
