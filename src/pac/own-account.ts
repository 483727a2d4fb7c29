import type { Seconds } from '../base/ports.ts';
import type { Sid } from '../base/sid.ts';
import { withRid } from '../base/sid.ts';
import { NEVER, toFiletime } from './filetime.ts';
import { NORMAL_ACCOUNT, ORDINARY_GROUP } from './logon-info.ts';
import type { PacIdentity } from './template.ts';
import { UpnFlag } from './upn-dns-info.ts';

/** Our realm as PACs name it. */
export interface OwnRealm {
  readonly realm: string;
  /** See `netbiosName`. */
  readonly netbios: string;
  readonly sid: Sid;
}

/** An account of our realm. */
export interface OwnAccount {
  /** Components of its name joined by `/`. */
  readonly name: string;
  readonly rid: number;
  /** RID of its right (`RightRid`), which stands among its groups. */
  readonly rightRid: number | undefined;
  readonly passwordChanged: Seconds;
  /** From when on the password must be changed; `undefined`: never. */
  readonly passwordExpires: Seconds | undefined;
  /** When the account ends; `undefined`: never. */
  readonly expires: Seconds | undefined;
}

/** Domain Users: the primary group of every account. */
const DOMAIN_USERS = 513;

const MAX_NETBIOS_NAME = 15;

/** What the PAC of one of our own accounts says. Small on purpose: an AS-REP should fit into one UDP datagram of 1,465 bytes. */
export function ownIdentity({ realm, netbios, sid }: OwnRealm, account: OwnAccount): PacIdentity {
  const { name, rid, rightRid } = account;
  const passwordLastSet = toFiletime(account.passwordChanged);
  const groupIds = [{ rid: DOMAIN_USERS, attributes: ORDINARY_GROUP }];
  if (rightRid !== undefined) groupIds.push({ rid: rightRid, attributes: ORDINARY_GROUP });
  return {
    clientName: name,
    timedByTicket: true,
    upnDnsInfo: {
      // The letter case that Windows has.
      upn: `${name}@${realm.toLowerCase()}`,
      dnsDomainName: realm,
      flags: UpnFlag.CONSTRUCTED | UpnFlag.EXTENDED,
      account: { samName: name, sid: withRid(sid, rid) },
    },
    logonInfo: {
      logonTime: 0n,
      logoffTime: NEVER,
      kickOffTime: account.expires === undefined ? NEVER : toFiletime(account.expires),
      passwordLastSet,
      passwordCanChange: passwordLastSet,
      passwordMustChange: account.passwordExpires === undefined ? NEVER : toFiletime(account.passwordExpires),
      effectiveName: name,
      fullName: '',
      logonScript: '',
      profilePath: '',
      homeDirectory: '',
      homeDirectoryDrive: '',
      logonCount: 0,
      badPasswordCount: 0,
      userId: rid,
      primaryGroupId: DOMAIN_USERS,
      groupIds,
      userFlags: 0,
      userSessionKey: new Uint8Array(16),
      logonServer: '',
      logonDomainName: netbios,
      logonDomainId: sid,
      reserved1: [0, 0],
      userAccountControl: NORMAL_ACCOUNT,
      subAuthStatus: 0,
      lastSuccessfulILogon: 0n,
      lastFailedILogon: 0n,
      failedILogonCount: 0,
      reserved3: 0,
      extraSids: [],
      resourceGroupDomainSid: undefined,
      resourceGroupIds: [],
    },
  };
}

/** A NETBIOS-like name for a realm: the first label, upper case, 15 characters at most. */
export function netbiosName(realm: string): string {
  return (realm.split('.', 1)[0] ?? '').slice(0, MAX_NETBIOS_NAME).toUpperCase();
}
