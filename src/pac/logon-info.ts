import type { Sid } from '../base/sid.ts';
import { sidParts } from '../base/sid.ts';
import { MAX_SUB_AUTHORITIES } from './binary-sid.ts';
import { PacError } from './error.ts';
import type { Filetime } from './filetime.ts';
import { NdrReader, NdrWriter } from './ndr.ts';

/** A group by its RID; which domain it belongs to is said elsewhere (MS-PAC 2.2.2 GROUP_MEMBERSHIP). */
export interface GroupMembership {
  readonly rid: number;
  readonly attributes: number;
}

/** MS-PAC 2.2.1 KERB_SID_AND_ATTRIBUTES. */
export interface SidAndAttributes {
  readonly sid: Sid;
  readonly attributes: number;
}

/** MS-PAC 2.5 KERB_VALIDATION_INFO: who the account is, and the groups that it belongs to. Field names and meanings are those of the section. */
export interface LogonInfo {
  readonly logonTime: Filetime;
  readonly logoffTime: Filetime;
  readonly kickOffTime: Filetime;
  readonly passwordLastSet: Filetime;
  readonly passwordCanChange: Filetime;
  readonly passwordMustChange: Filetime;
  readonly effectiveName: string;
  readonly fullName: string;
  readonly logonScript: string;
  readonly profilePath: string;
  readonly homeDirectory: string;
  readonly homeDirectoryDrive: string;
  readonly logonCount: number;
  readonly badPasswordCount: number;
  readonly userId: number;
  readonly primaryGroupId: number;
  /** Groups of `logonDomainId`. */
  readonly groupIds: readonly GroupMembership[];
  /** See `UserFlag`; encoding adds those that the contents demand. */
  readonly userFlags: number;
  /** 16 bytes; zeros in Kerberos. */
  readonly userSessionKey: Uint8Array;
  readonly logonServer: string;
  readonly logonDomainName: string;
  readonly logonDomainId: Sid;
  readonly reserved1: readonly [number, number];
  readonly userAccountControl: number;
  readonly subAuthStatus: number;
  readonly lastSuccessfulILogon: Filetime;
  readonly lastFailedILogon: Filetime;
  readonly failedILogonCount: number;
  readonly reserved3: number;
  readonly extraSids: readonly SidAndAttributes[];
  /** Present where there are resource groups. */
  readonly resourceGroupDomainSid: Sid | undefined;
  /** Groups of `resourceGroupDomainSid`. */
  readonly resourceGroupIds: readonly GroupMembership[];
}

/** MS-PAC 2.5, UserFlags: what else the structure has. */
export const UserFlag = { EXTRA_SIDS: 0x20, RESOURCE_GROUPS: 0x200 } as const;

/** MS-PAC 2.2.1: those bits of a group's attributes that decide whether it counts. */
const GroupAttribute = { ENABLED: 4, USE_FOR_DENY_ONLY: 0x10 } as const;

/** What an ordinary group carries: mandatory, enabled by default, enabled. */
export const ORDINARY_GROUP = 7;

/** MS-SAMR 2.2.1.12 USER_NORMAL_ACCOUNT, in `userAccountControl`. */
export const NORMAL_ACCOUNT = 0x10;

const SESSION_KEY_LENGTH = 16;
const GROUP_LENGTH = 8;

/** SID of the account. */
export function accountSid(info: LogonInfo): Sid {
  return ridSid(info.logonDomainId, info.userId);
}

/**
 * SIDs of all groups that count: GroupIds, ExtraSids and resource groups, without those that are not enabled or only ever deny
 * (MS-PAC 2.2.1). The primary group counts where it is listed, as it always is.
 */
export function groupSids(info: LogonInfo): Sid[] {
  const sids: Sid[] = [];
  for (const { rid, attributes } of info.groupIds)
    if (counts(attributes)) sids.push(ridSid(info.logonDomainId, rid));
  for (const { sid, attributes } of info.extraSids) if (counts(attributes)) sids.push(sid);
  const domain = info.resourceGroupDomainSid;
  if (domain !== undefined)
    for (const { rid, attributes } of info.resourceGroupIds)
      if (counts(attributes)) sids.push(ridSid(domain, rid));
  return sids;
}

/** The SID of an account or group by its domain: decoding has seen to it that this is one, so it is not parsed again. */
export function ridSid(domain: Sid, rid: number): Sid {
  return `${domain}-${rid}` as Sid;
}

function counts(attributes: number): boolean {
  return (attributes & GroupAttribute.ENABLED) !== 0 && (attributes & GroupAttribute.USE_FOR_DENY_ONLY) === 0;
}

/** Decodes the data of a LOGON_INFO buffer. Throws `PacError`. */
export function decodeLogonInfo(bytes: Uint8Array): LogonInfo {
  const r = new NdrReader(bytes, 'LOGON_INFO');
  const logonTime = r.filetime();
  const logoffTime = r.filetime();
  const kickOffTime = r.filetime();
  const passwordLastSet = r.filetime();
  const passwordCanChange = r.filetime();
  const passwordMustChange = r.filetime();
  const effectiveName = r.unicodeHeader();
  const fullName = r.unicodeHeader();
  const logonScript = r.unicodeHeader();
  const profilePath = r.unicodeHeader();
  const homeDirectory = r.unicodeHeader();
  const homeDirectoryDrive = r.unicodeHeader();
  const logonCount = r.u16();
  const badPasswordCount = r.u16();
  const userId = r.u32();
  const primaryGroupId = r.u32();
  const groupCount = r.u32();
  const hasGroups = r.pointer();
  const userFlags = r.u32();
  const userSessionKey = r.octets(SESSION_KEY_LENGTH);
  const logonServer = r.unicodeHeader();
  const logonDomainName = r.unicodeHeader();
  if (!r.pointer()) throw new PacError('LOGON_INFO has no LogonDomainId');
  const reserved1 = [r.u32(), r.u32()] as const;
  const userAccountControl = r.u32();
  const subAuthStatus = r.u32();
  const lastSuccessfulILogon = r.filetime();
  const lastFailedILogon = r.filetime();
  const failedILogonCount = r.u32();
  const reserved3 = r.u32();
  const sidCount = r.u32();
  const hasExtraSids = r.pointer();
  const hasResourceDomain = r.pointer();
  const resourceGroupCount = r.u32();
  const hasResourceGroups = r.pointer();
  // From here on what the pointers above point to, in their order.
  const info: LogonInfo = {
    logonTime,
    logoffTime,
    kickOffTime,
    passwordLastSet,
    passwordCanChange,
    passwordMustChange,
    effectiveName: r.unicode(effectiveName),
    fullName: r.unicode(fullName),
    logonScript: r.unicode(logonScript),
    profilePath: r.unicode(profilePath),
    homeDirectory: r.unicode(homeDirectory),
    homeDirectoryDrive: r.unicode(homeDirectoryDrive),
    logonCount,
    badPasswordCount,
    userId,
    primaryGroupId,
    groupIds: readGroups(r, hasGroups, groupCount),
    userFlags,
    userSessionKey,
    logonServer: r.unicode(logonServer),
    logonDomainName: r.unicode(logonDomainName),
    logonDomainId: r.sid(),
    reserved1,
    userAccountControl,
    subAuthStatus,
    lastSuccessfulILogon,
    lastFailedILogon,
    failedILogonCount,
    reserved3,
    extraSids: readExtraSids(r, hasExtraSids, sidCount),
    resourceGroupDomainSid: hasResourceDomain ? r.sid() : undefined,
    resourceGroupIds: readGroups(r, hasResourceGroups, resourceGroupCount),
  };
  r.close();
  checkFlags(info);
  checkDomain(info.logonDomainId);
  if (info.resourceGroupDomainSid !== undefined) checkDomain(info.resourceGroupDomainSid);
  return info;
}

/** RIDs are put behind it: see `accountSid` and `groupSids`. */
function checkDomain(sid: Sid): void {
  if (sidParts(sid).subAuthorities.length >= MAX_SUB_AUTHORITIES)
    throw new PacError(`the domain SID ${sid} leaves no room for a RID`);
}

/**
 * Some readers look at the flags and skip what they do not announce, others look at the counts: a PAC must not mean one thing to the one and
 * another to the other. The flag without contents is harmless, and Windows sends it.
 */
function checkFlags(info: LogonInfo): void {
  if (info.extraSids.length > 0 && (info.userFlags & UserFlag.EXTRA_SIDS) === 0)
    throw new PacError('LOGON_INFO has extra SIDs, but its flags say it has none');
  if (info.resourceGroupIds.length > 0 && (info.userFlags & UserFlag.RESOURCE_GROUPS) === 0)
    throw new PacError('LOGON_INFO has resource groups, but its flags say it has none');
  if (info.resourceGroupIds.length > 0 && info.resourceGroupDomainSid === undefined)
    throw new PacError('LOGON_INFO has resource groups of no domain');
}

function readGroups(r: NdrReader, present: boolean, count: number): GroupMembership[] {
  if (!present) {
    if (count !== 0) throw new PacError(`LOGON_INFO says ${count} groups and lists none`);
    return [];
  }
  r.arrayOf(count, GROUP_LENGTH);
  const groups: GroupMembership[] = [];
  for (let i = 0; i < count; i++) groups.push({ rid: r.u32(), attributes: r.u32() });
  return groups;
}

function readExtraSids(r: NdrReader, present: boolean, count: number): SidAndAttributes[] {
  if (!present) {
    if (count !== 0) throw new PacError(`LOGON_INFO says ${count} extra SIDs and lists none`);
    return [];
  }
  r.arrayOf(count, GROUP_LENGTH);
  const attributes: number[] = [];
  for (let i = 0; i < count; i++) {
    if (!r.pointer()) throw new PacError('an extra SID is a null pointer');
    attributes.push(r.u32());
  }
  return attributes.map((bits) => ({ sid: r.sid(), attributes: bits }));
}

/** Encodes the data of a LOGON_INFO buffer. Throws `PacError` on values that do not fit into their fields. */
export function encodeLogonInfo(info: LogonInfo): Uint8Array {
  if (info.userSessionKey.length !== SESSION_KEY_LENGTH)
    throw new PacError('UserSessionKey must have 16 bytes');
  if (info.resourceGroupIds.length > 0 && info.resourceGroupDomainSid === undefined)
    throw new PacError('resource groups need a ResourceGroupDomainSid');
  const w = new NdrWriter();
  w.filetime(info.logonTime);
  w.filetime(info.logoffTime);
  w.filetime(info.kickOffTime);
  w.filetime(info.passwordLastSet);
  w.filetime(info.passwordCanChange);
  w.filetime(info.passwordMustChange);
  w.unicodeHeader(info.effectiveName);
  w.unicodeHeader(info.fullName);
  w.unicodeHeader(info.logonScript);
  w.unicodeHeader(info.profilePath);
  w.unicodeHeader(info.homeDirectory);
  w.unicodeHeader(info.homeDirectoryDrive);
  w.u16(info.logonCount);
  w.u16(info.badPasswordCount);
  w.u32(info.userId);
  w.u32(info.primaryGroupId);
  w.u32(info.groupIds.length);
  w.pointer(info.groupIds.length > 0);
  w.u32(impliedFlags(info));
  w.octets(info.userSessionKey);
  w.unicodeHeader(info.logonServer);
  w.unicodeHeader(info.logonDomainName);
  w.pointer(true);
  w.u32(info.reserved1[0]);
  w.u32(info.reserved1[1]);
  w.u32(info.userAccountControl);
  w.u32(info.subAuthStatus);
  w.filetime(info.lastSuccessfulILogon);
  w.filetime(info.lastFailedILogon);
  w.u32(info.failedILogonCount);
  w.u32(info.reserved3);
  w.u32(info.extraSids.length);
  w.pointer(info.extraSids.length > 0);
  w.pointer(info.resourceGroupDomainSid !== undefined);
  w.u32(info.resourceGroupIds.length);
  w.pointer(info.resourceGroupIds.length > 0);
  w.unicode(info.effectiveName);
  w.unicode(info.fullName);
  w.unicode(info.logonScript);
  w.unicode(info.profilePath);
  w.unicode(info.homeDirectory);
  w.unicode(info.homeDirectoryDrive);
  writeGroups(w, info.groupIds);
  w.unicode(info.logonServer);
  w.unicode(info.logonDomainName);
  w.sid(info.logonDomainId);
  writeExtraSids(w, info.extraSids);
  if (info.resourceGroupDomainSid !== undefined) w.sid(info.resourceGroupDomainSid);
  writeGroups(w, info.resourceGroupIds);
  return w.finish();
}

function impliedFlags(info: LogonInfo): number {
  return (
    (info.userFlags |
      (info.extraSids.length > 0 ? UserFlag.EXTRA_SIDS : 0) |
      (info.resourceGroupIds.length > 0 ? UserFlag.RESOURCE_GROUPS : 0)) >>>
    0
  );
}

function writeGroups(w: NdrWriter, groups: readonly GroupMembership[]): void {
  if (groups.length === 0) return;
  w.arrayOf(groups.length);
  for (const { rid, attributes } of groups) {
    w.u32(rid);
    w.u32(attributes);
  }
}

function writeExtraSids(w: NdrWriter, sids: readonly SidAndAttributes[]): void {
  if (sids.length === 0) return;
  w.arrayOf(sids.length);
  for (const { attributes } of sids) {
    w.pointer(true);
    w.u32(attributes);
  }
  for (const { sid } of sids) w.sid(sid);
}
