import { parseSid } from '../../src/base/sid.ts';
import type { PacContents } from '../../src/pac/contents.ts';
import { decodeContents } from '../../src/pac/contents.ts';
import { ownIdentity } from '../../src/pac/own-account.ts';
import type { OwnAccount, OwnRealm } from '../../src/pac/own-account.ts';
import { decodePac } from '../../src/pac/pac.ts';
import { RightRid } from '../../src/spec/right-rids.ts';
import { issued } from './vectors.ts';

/** Our realm in these tests. */
export const REALM: OwnRealm = {
  realm: 'REALM1.EXAMPLE',
  netbios: 'REALM1',
  sid: parseSid('S-1-5-21-1111111111-2222222222-3333333333'),
};

export const ALICE: OwnAccount = {
  name: 'alice',
  rid: 2000,
  rightRid: RightRid.Administrator,
  passwordChanged: 1_700_000_000,
  passwordExpires: undefined,
  expires: undefined,
};

export const ALICE_IDENTITY = ownIdentity(REALM, ALICE);

/** What the cross-realm ticket of the Samba domain's alice says. */
export function foreignContents(): PacContents & { logonInfo: NonNullable<PacContents['logonInfo']> } {
  const contents = decodeContents(decodePac(issued('Samba: cross-realm ticket-granting ticket').pac));
  if (contents.logonInfo === undefined) throw new Error('no LOGON_INFO');
  return { ...contents, logonInfo: contents.logonInfo };
}

/** Its domain. */
export const AD_SID = parseSid('S-1-5-21-1000000001-2000000002-3000000003');
