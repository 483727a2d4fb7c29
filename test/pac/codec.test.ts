import t from 'tap';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { parseSid } from '../../src/base/sid.ts';
import { decodeAttributesInfo, encodeAttributesInfo } from '../../src/pac/attributes-info.ts';
import { encodeSid, readSid } from '../../src/pac/binary-sid.ts';
import { decodeClientInfo, encodeClientInfo } from '../../src/pac/client-info.ts';
import { decodeContents } from '../../src/pac/contents.ts';
import { decodeDelegationInfo, encodeDelegationInfo } from '../../src/pac/delegation-info.ts';
import { PacError } from '../../src/pac/error.ts';
import { NEVER, fromFiletime, toFiletime, writeFiletime } from '../../src/pac/filetime.ts';
import type { LogonInfo } from '../../src/pac/logon-info.ts';
import {
  UserFlag,
  accountSid,
  decodeLogonInfo,
  encodeLogonInfo,
  groupSids,
} from '../../src/pac/logon-info.ts';
import { decodePac, encodePac, findBuffer } from '../../src/pac/pac.ts';
import { netbiosName, ownIdentity } from '../../src/pac/own-account.ts';
import { decodeRequesterSid, encodeRequesterSid } from '../../src/pac/requester-sid.ts';
import { UpnFlag, decodeUpnDnsInfo, encodeUpnDnsInfo } from '../../src/pac/upn-dns-info.ts';
import { BUILT, ISSUED, asFixture } from './vectors.ts';

const SID = parseSid('S-1-5-21-1111111111-2222222222-3333333333');

/** Offset of UserFlags in an encoded LOGON_INFO. */
const USER_FLAGS = 20 + 48 + 48 + 4 + 16;

const plain: LogonInfo = ownIdentity(
  { realm: 'REALM1.EXAMPLE', netbios: 'REALM1', sid: SID },
  {
    name: 'alice',
    rid: 2000,
    rightRid: 1001,
    passwordChanged: 1_700_000_000,
    passwordExpires: undefined,
    expires: undefined,
  },
).logonInfo;

await t.test('reads from PACs of Windows and Samba what Samba reads from them', async (t) => {
  t.ok(ISSUED.length >= 8);
  for (const { name, pac, expected } of [...ISSUED, ...BUILT]) {
    const { types, ...contents } = expected;
    const decoded = decodePac(pac);
    t.same(
      decoded.buffers.map(({ type }) => type),
      types,
      `${name}: buffers in their order`,
    );
    t.strictSame(onlyKeysOf(asFixture(decodeContents(decoded)), contents), contents, name);
  }
});

await t.test('writes what it reads back unchanged, for every kind of buffer', async (t) => {
  for (const { name, pac } of [...ISSUED, ...BUILT]) {
    const contents = decodeContents(decodePac(pac));
    const { logonInfo, clientInfo, upnDnsInfo, attributes, requesterSid, delegationInfo } = contents;
    if (logonInfo)
      t.strictSame(decodeLogonInfo(encodeLogonInfo(logonInfo)), logonInfo, `${name}: LOGON_INFO`);
    if (clientInfo)
      t.strictSame(decodeClientInfo(encodeClientInfo(clientInfo)), clientInfo, `${name}: CLIENT_INFO`);
    if (upnDnsInfo)
      t.strictSame(decodeUpnDnsInfo(encodeUpnDnsInfo(upnDnsInfo)), upnDnsInfo, `${name}: UPN_DNS_INFO`);
    if (attributes !== undefined) t.equal(decodeAttributesInfo(encodeAttributesInfo(attributes)), attributes);
    if (requesterSid) t.equal(decodeRequesterSid(encodeRequesterSid(requesterSid)), requesterSid);
    if (delegationInfo)
      t.strictSame(decodeDelegationInfo(encodeDelegationInfo(delegationInfo)), delegationInfo);
  }
});

await t.test(
  'writes the same bytes as the Windows and Samba servers where there is one way only',
  async (t) => {
    for (const { name, pac } of ISSUED) {
      const decoded = decodePac(pac);
      const { clientInfo, upnDnsInfo, attributes, requesterSid } = decodeContents(decoded);
      const bytesOf = (type: number): string => toHex(findBuffer(decoded, type)?.data ?? new Uint8Array(0));
      if (clientInfo) t.equal(toHex(encodeClientInfo(clientInfo)), bytesOf(10), `${name}: CLIENT_INFO`);
      if (attributes !== undefined) t.equal(toHex(encodeAttributesInfo(attributes)), bytesOf(17));
      if (requesterSid) t.equal(toHex(encodeRequesterSid(requesterSid)), bytesOf(18));
      if (upnDnsInfo && name.startsWith('Windows'))
        // Windows Server 2022 counts the padding behind it.
        t.match(
          bytesOf(12),
          new RegExp(`^${toHex(encodeUpnDnsInfo(upnDnsInfo))}(00){0,7}$`),
          `${name}: UPN_DNS_INFO`,
        );
      // Samba and old Windows servers differ in the order of the data, not in the space they take.
      t.equal(encodePac(decoded.buffers).bytes.length, pac.length, `${name}: same length`);
    }
  },
);

await t.test('random LOGON_INFOs survive a round trip', async (t) => {
  const random = generator(20260917);
  for (let round = 0; round < 300; round++) {
    const info = randomLogonInfo(random);
    const bytes = encodeLogonInfo(info);
    t.equal(bytes.length % 8, 0);
    t.strictSame(decodeLogonInfo(bytes), info);
  }
});

await t.test('encoding announces extra SIDs and resource groups in the flags', async (t) => {
  const info = decodeLogonInfo(
    encodeLogonInfo({
      ...plain,
      extraSids: [{ sid: parseSid('S-1-18-1'), attributes: 7 }],
      resourceGroupDomainSid: SID,
      resourceGroupIds: [{ rid: 1110, attributes: 7 }],
    }),
  );
  t.equal(info.userFlags, UserFlag.EXTRA_SIDS | UserFlag.RESOURCE_GROUPS);
  t.equal(decodeLogonInfo(encodeLogonInfo(plain)).userFlags, 0);
  t.equal(decodeLogonInfo(encodeLogonInfo({ ...plain, userFlags: 0x20 })).userFlags, 0x20, 'others stay');
});

await t.test('refuses extra SIDs and resource groups that the flags do not announce', async (t) => {
  const withBoth = encodeLogonInfo({
    ...plain,
    extraSids: [{ sid: parseSid('S-1-18-1'), attributes: 7 }],
    resourceGroupDomainSid: SID,
    resourceGroupIds: [{ rid: 1110, attributes: 7 }],
  });
  const at = USER_FLAGS;
  t.equal(withBoth[at], 0x20);
  t.equal(withBoth[at + 1], 0x02);
  for (const [offset, message] of [
    [at, /extra SIDs, but its flags/],
    [at + 1, /resource groups, but its flags/],
  ] as const) {
    const bytes = withBoth.slice();
    bytes[offset] = 0;
    t.throws(() => decodeLogonInfo(bytes), { code: 'bad-pac', message });
  }
});

await t.test('refuses values that do not fit into a PAC', async (t) => {
  t.throws(() => encodeLogonInfo({ ...plain, effectiveName: 'x'.repeat(40_000) }), PacError);
  t.throws(() => encodeLogonInfo({ ...plain, effectiveName: '\ud800' }), PacError, 'a lone surrogate');
  t.throws(() => encodeLogonInfo({ ...plain, userSessionKey: new Uint8Array(8) }), PacError);
  t.throws(() => encodeLogonInfo({ ...plain, resourceGroupIds: [{ rid: 1, attributes: 7 }] }), PacError);
  t.throws(() => encodeClientInfo({ authTime: 0n, name: 'x'.repeat(40_000) }), PacError);
  t.throws(
    () =>
      encodeUpnDnsInfo({
        upn: 'x'.repeat(20_000),
        dnsDomainName: 'y'.repeat(20_000),
        flags: 0,
        account: undefined,
      }),
    PacError,
  );
  t.throws(() => encodePac([{ type: 1, data: new Uint8Array(70_000) }]), PacError);
});

await t.test('lists the groups that count, and no others', async (t) => {
  const built = decodeContents(decodePac(BUILT[0]?.pac ?? new Uint8Array(0))).logonInfo as LogonInfo;
  t.strictSame(groupSids(built), [
    'S-1-5-21-1000000001-2000000002-3000000003-513',
    'S-1-5-21-1000000001-2000000002-3000000003-1107',
    // 1108 is for deny only, the fifteen-part SID has no attributes at all.
    'S-1-5-21-1000000001-2000000002-3000000003-4294967294',
    'S-1-18-1',
    'S-1-5-21-7-8-9-1001',
    'S-1-5-21-4-5-6-1110',
  ]);
  t.equal(accountSid(built), 'S-1-5-21-1000000001-2000000002-3000000003-4294967295');
});

await t.test('UPN_DNS_INFO comes in both forms', async (t) => {
  const short = { upn: 'w2k8u@abc', dnsDomainName: 'ACME.COM', flags: 0, account: undefined };
  t.strictSame(
    decodeUpnDnsInfo(encodeUpnDnsInfo({ ...short, flags: 2 })),
    short,
    'the flag says what is there',
  );
  const extended = { ...short, flags: 3, account: { samName: 'w2k8u', sid: SID } };
  t.strictSame(decodeUpnDnsInfo(encodeUpnDnsInfo({ ...extended, flags: UpnFlag.CONSTRUCTED })), extended);
  const empty = { upn: '', dnsDomainName: '', flags: 0, account: undefined };
  t.strictSame(decodeUpnDnsInfo(encodeUpnDnsInfo(empty)), empty);
  t.throws(
    () => decodeUpnDnsInfo(fromHex('0400 0800 0000 0000 00000000 61006200')),
    /outside/,
    'within the header',
  );
  t.throws(
    () => decodeUpnDnsInfo(fromHex('0400 0e00 0000 0000 00000000 61006200')),
    /outside/,
    'beyond the end',
  );
  t.throws(
    () => decodeUpnDnsInfo(fromHex('0300 0c00 0000 0000 00000000 61006200')),
    /UTF-16/,
    'an odd length',
  );
});

await t.test('SIDs go to their bytes and back', async (t) => {
  for (const text of [
    'S-1-0',
    'S-1-5-21-1-2-3-4294967295',
    'S-1-281474976710655-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15',
  ]) {
    const bytes = encodeSid(parseSid(text));
    t.equal(readSid(new DataView(bytes.buffer), 0, bytes.length), text);
    t.throws(() => readSid(new DataView(bytes.buffer), 0, bytes.length - 1), PacError);
  }
  t.equal(toHex(encodeSid(parseSid('S-1-5-32-544'))), '01020000000000052000000020020000');
});

await t.test('times go to FILETIMEs and back', async (t) => {
  const view = new DataView(new ArrayBuffer(8));
  for (const time of [0, 1, 1_538_430_362, 1_795_368_177, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 253_402_300_799]) {
    t.equal(fromFiletime(toFiletime(time)), time);
    writeFiletime(view, 0, time);
    t.equal(view.getBigUint64(0, true), toFiletime(time));
  }
  t.equal(toFiletime(1_538_430_362), 0x01d459d025a18900n, 'CLIENT_INFO of a Windows ticket');
  t.equal(fromFiletime(toFiletime(5) + 9_999_999n), 5, 'rounded down');
  t.equal(NEVER, 0x7fffffffffffffffn);
});

await t.test('a realm has a name that fits NETBIOS', async (t) => {
  t.equal(netbiosName('REALM1.EXAMPLE'), 'REALM1');
  t.equal(netbiosName('averyveryverylongrealm.example'), 'AVERYVERYVERYLO');
  t.equal(netbiosName('R'), 'R');
});

/** The parts of `value` that `like` has: Samba's names do not cover everything. */
function onlyKeysOf(value: Record<string, unknown>, like: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(value).map((key) => [key, pick(value[key], like[key])]));
}

function pick(value: unknown, like: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if (typeof like !== 'object' || like === null) return value;
  return { ...Object.fromEntries(Object.keys(like).map((key) => [key, null])), ...value };
}

/** A small deterministic generator (mulberry32): failures repeat. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function randomLogonInfo(random: (below: number) => number): LogonInfo {
  const text = (): string =>
    Array.from(
      { length: random(3) === 0 ? 0 : random(20) },
      () => ['a', 'Z', '$', 'é', '漢', '😀', '\0'][random(7)],
    ).join('');
  const time = (): bigint => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  const sid = (subs: number): LogonInfo['logonDomainId'] =>
    parseSid(['S-1', random(2 ** 40), ...Array.from({ length: subs }, () => random(2 ** 32))].join('-'));
  const groups = (): { rid: number; attributes: number }[] =>
    Array.from({ length: random(6) }, () => ({ rid: random(2 ** 32), attributes: random(2 ** 32) }));
  const extraSids = Array.from({ length: random(5) }, () => ({
    sid: sid(random(16)),
    attributes: random(8),
  }));
  const hasResources = random(2) === 1;
  const resourceGroupIds = hasResources ? groups() : [];
  return {
    logonTime: time(),
    logoffTime: time(),
    kickOffTime: time(),
    passwordLastSet: time(),
    passwordCanChange: time(),
    passwordMustChange: time(),
    effectiveName: text(),
    fullName: text(),
    logonScript: text(),
    profilePath: text(),
    homeDirectory: text(),
    homeDirectoryDrive: text(),
    logonCount: random(2 ** 16),
    badPasswordCount: random(2 ** 16),
    userId: random(2 ** 32),
    primaryGroupId: random(2 ** 32),
    groupIds: groups(),
    userFlags:
      (extraSids.length > 0 ? UserFlag.EXTRA_SIDS : 0) |
      (resourceGroupIds.length > 0 ? UserFlag.RESOURCE_GROUPS : 0),
    userSessionKey: Uint8Array.from({ length: 16 }, () => random(256)),
    logonServer: text(),
    logonDomainName: text(),
    logonDomainId: sid(random(15)),
    reserved1: [random(2 ** 32), random(2 ** 32)],
    userAccountControl: random(2 ** 32),
    subAuthStatus: random(2 ** 32),
    lastSuccessfulILogon: time(),
    lastFailedILogon: time(),
    failedILogonCount: random(2 ** 32),
    reserved3: random(2 ** 32),
    extraSids,
    resourceGroupDomainSid: hasResources ? sid(random(15)) : undefined,
    resourceGroupIds,
  };
}
