import t from 'tap';
import { parseSid } from '../../src/base/sid.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { PacContents } from '../../src/pac/contents.ts';
import { decodeContents } from '../../src/pac/contents.ts';
import type { FilteredPac, ForeignPacPolicy } from '../../src/pac/foreign.ts';
import { filterForeignPac, grantRight } from '../../src/pac/foreign.ts';
import type { LogonInfo } from '../../src/pac/logon-info.ts';
import { UserFlag, decodeLogonInfo, encodeLogonInfo, groupSids } from '../../src/pac/logon-info.ts';
import type { PacReason } from '../../src/pac/reason.ts';
import { issueServicePac, prepareServicePac } from '../../src/pac/template.ts';
import { verifyForeignPac, verifyOwnServicePac } from '../../src/pac/verify.ts';
import { RightRid } from '../../src/spec/right-rids.ts';
import { AD_SID, REALM, foreignContents } from './realm.ts';
import { issued } from './vectors.ts';

const contents = foreignContents();
const CHILD_SID = parseSid('S-1-5-21-1000000001-2000000002-3000000004');
const policy: ForeignPacPolicy = {
  ownSid: REALM.sid,
  domains: [
    { sid: AD_SID, netbios: 'ADEX' },
    { sid: CHILD_SID, netbios: undefined },
  ],
};

function filter(change: Partial<LogonInfo> = {}, by = policy): FilteredPac | PacReason {
  return filterForeignPac({ ...contents, logonInfo: { ...contents.logonInfo, ...change } }, by);
}

function kept(change: Partial<LogonInfo>, by = policy): FilteredPac {
  const result = filter(change, by);
  if (typeof result === 'string') throw new Error(`refused: ${result}`);
  return result;
}

const withSids = (...sids: string[]): Partial<LogonInfo> => ({
  extraSids: sids.map((sid) => ({ sid: parseSid(sid), attributes: 7 })),
  userFlags: UserFlag.EXTRA_SIDS,
});

await t.test('lets an honest PAC through as it is, but for what changes with each login', async (t) => {
  const result = kept({});
  t.strictSame(decodeLogonInfo(encodeLogonInfo(result.logonInfo)), {
    ...contents.logonInfo,
    logonTime: 0n,
    logonCount: 0,
    badPasswordCount: 0,
  });
  t.strictSame(result.dropped, []);
  t.strictSame(
    result.groups,
    [513, 1107, 1109, 1108, 1110].map((rid) => `${AD_SID}-${rid}`).concat('S-1-18-1'),
  );
});

await t.test('refuses an account of a domain that the trust does not name', async (t) => {
  t.equal(filter({ logonDomainId: parseSid('S-1-5-21-7-8-9') }), 'pac-domain-sid');
  t.equal(
    filter({ logonDomainId: parseSid('S-1-5-21-1000000001-2000000002') }),
    'pac-domain-sid',
    'a part of it',
  );
  t.equal(filter({ logonDomainId: parseSid(`${AD_SID}-1`) }), 'pac-domain-sid', 'something below it');
  t.equal(filter({}, { ...policy, domains: [] }), 'pac-domain-sid');
  t.type(filter({ logonDomainId: CHILD_SID, logonDomainName: 'CHILD' }), 'object', 'a child domain');
});

await t.test('refuses the domain under another NETBIOS name', async (t) => {
  t.equal(filter({ logonDomainName: 'OTHER' }), 'pac-domain-name');
  t.equal(filter({ logonDomainName: '' }), 'pac-domain-name');
  t.type(filter({ logonDomainName: 'adex' }), 'object', 'letter case aside');
});

await t.test('refuses an account, and resource groups, of our own realm', async (t) => {
  t.equal(filter({ logonDomainId: REALM.sid }), 'pac-own-domain');
  const pinnedByMistake = { ...policy, domains: [...policy.domains, { sid: REALM.sid, netbios: undefined }] };
  t.equal(filter({ logonDomainId: REALM.sid }, pinnedByMistake), 'pac-own-domain');
  const resources = {
    resourceGroupDomainSid: REALM.sid,
    resourceGroupIds: [{ rid: RightRid.Administrator, attributes: 7 }],
    userFlags: UserFlag.RESOURCE_GROUPS,
  };
  t.equal(filter(resources), 'pac-own-resource-groups');
  t.equal(filter(resources, pinnedByMistake), 'pac-own-resource-groups');
});

await t.test('refuses a PAC without LOGON_INFO', async (t) => {
  t.equal(filterForeignPac({ ...contents, logonInfo: undefined }, policy), 'pac-no-logon-info');
});

await t.test('drops every extra SID that the other side has no say in, and says why', async (t) => {
  const cases: readonly [string, string | undefined][] = [
    // Stays: what the pinned domains say about their own groups, and how the client authenticated.
    [`${AD_SID}-1120`, undefined],
    [`${CHILD_SID}-1120`, undefined],
    ['S-1-18-1', undefined],
    ['S-1-18-2', undefined],
    // Our rights, and everything else of ours.
    [`${REALM.sid}-1001`, 'own-domain'],
    [`${REALM.sid}-2000`, 'own-domain'],
    [REALM.sid, 'own-domain'],
    // Other domains: third ones, SID history, what only looks like ours or theirs.
    ['S-1-5-21-7-8-9-512', 'other-domain'],
    [`${REALM.sid}-1001-1`, 'other-domain'],
    [`${AD_SID}-1-1001`, 'other-domain'],
    [AD_SID, 'other-domain'],
    ['S-1-5-21-1-2-3', 'other-domain'],
    // The machine's own groups.
    ['S-1-5-32-544', 'builtin'],
    ['S-1-5-32', 'builtin'],
    // Well-known ones of every authority.
    ['S-1-0-0', 'well-known'],
    ['S-1-1-0', 'well-known'],
    ['S-1-2-0', 'well-known'],
    ['S-1-3-0', 'well-known'],
    ['S-1-3-4', 'well-known'],
    ['S-1-5-2', 'well-known'],
    ['S-1-5-7', 'well-known'],
    ['S-1-5-9', 'well-known'],
    ['S-1-5-11', 'well-known'],
    ['S-1-5-15', 'well-known'],
    ['S-1-5-18', 'well-known'],
    ['S-1-5-20', 'well-known'],
    ['S-1-5-21-0-0-0-496', 'well-known'],
    ['S-1-5-21-0-0-0-497', 'well-known'],
    ['S-1-5-64-10', 'well-known'],
    ['S-1-5-80-1-2-3-4-5', 'well-known'],
    ['S-1-15-2-1', 'well-known'],
    ['S-1-16-12288', 'well-known'],
    ['S-1-18', 'well-known'],
    ['S-1-18-3', 'well-known'],
    ['S-1-18-1-1', 'well-known'],
    ['S-1-22-1-0', 'well-known'],
    ['S-1-5', 'well-known'],
  ];
  const result = kept(withSids(...cases.map(([sid]) => sid)));
  t.strictSame(
    result.logonInfo.extraSids.map(({ sid }) => sid),
    cases.filter(([, why]) => why === undefined).map(([sid]) => sid),
  );
  t.strictSame(
    result.dropped.map(({ sid, why }) => [sid, why]),
    cases.filter(([, why]) => why !== undefined),
  );
  for (const { sid } of result.dropped) t.notOk(result.groups.includes(sid), sid);
});

await t.test('a trust that pins our own SID by mistake does not let our rights in', async (t) => {
  const pinned = { ...policy, domains: [...policy.domains, { sid: REALM.sid, netbios: undefined }] };
  t.strictSame(kept(withSids(`${REALM.sid}-1001`), pinned).dropped, [
    { sid: `${REALM.sid}-1001`, why: 'own-domain' },
  ]);
});

await t.test('drops resource groups of domains that the trust does not name', async (t) => {
  const resourceGroupIds = [
    { rid: 1110, attributes: 7 },
    { rid: 1111, attributes: 7 },
  ];
  const userFlags = UserFlag.RESOURCE_GROUPS;
  const stays = kept({ resourceGroupDomainSid: AD_SID, resourceGroupIds, userFlags });
  t.strictSame(stays.dropped, []);
  t.ok(stays.groups.includes(parseSid(`${AD_SID}-1111`)));
  const goes = kept({ resourceGroupDomainSid: parseSid('S-1-5-21-7-8-9'), resourceGroupIds, userFlags });
  t.strictSame(goes.dropped, [
    { sid: 'S-1-5-21-7-8-9-1110', why: 'other-domain' },
    { sid: 'S-1-5-21-7-8-9-1111', why: 'other-domain' },
  ]);
  t.match(goes.logonInfo, { resourceGroupDomainSid: undefined, resourceGroupIds: [], userFlags: 0 });
  const builtin = kept({
    resourceGroupDomainSid: parseSid('S-1-5-32'),
    resourceGroupIds: [{ rid: 544, attributes: 7 }],
    userFlags,
  });
  t.strictSame(builtin.dropped, [{ sid: 'S-1-5-32-544', why: 'builtin' }]);
  const asserted = kept({
    resourceGroupDomainSid: parseSid('S-1-18'),
    resourceGroupIds: [{ rid: 1, attributes: 7 }],
    userFlags,
  });
  t.strictSame(asserted.dropped, [{ sid: 'S-1-18-1', why: 'other-domain' }]);
});

await t.test('never passes a session key on', async (t) => {
  t.strictSame(
    kept({ userSessionKey: new Uint8Array(16).fill(7) }).logonInfo.userSessionKey,
    new Uint8Array(16),
  );
});

await t.test('a group that is for deny only gives no right', async (t) => {
  const { groups } = kept({
    groupIds: [
      { rid: 1107, attributes: 0x10 | 7 },
      { rid: 1108, attributes: 3 },
      { rid: 1109, attributes: 4 },
    ],
  });
  t.strictSame(groups, [`${AD_SID}-1109`, 'S-1-18-1']);
});

await t.test(
  'from the trust’s ticket to our service ticket: verified, filtered, with our right, signed anew',
  async (t) => {
    const { pac, serverKey } = issued('Samba: cross-realm ticket-granting ticket');
    const verified = verifyForeignPac(nodeCrypto, pac, serverKey);
    if (typeof verified === 'string') throw new Error(verified);
    const received: PacContents = decodeContents(verified);
    const result = filterForeignPac(received, policy);
    if (typeof result === 'string') throw new Error(result);
    t.ok(result.groups.includes(parseSid(`${AD_SID}-1107`)), 'alice is an operator');

    const logonInfo = grantRight(result.logonInfo, REALM.sid, RightRid.Administrator);
    const kdcKey = nodeCrypto.randomKey(20);
    const deviceKey = nodeCrypto.randomKey(18);
    const identity = {
      logonInfo,
      clientName: 'alice',
      upnDnsInfo: received.upnDnsInfo,
      timedByTicket: false,
    };
    const template = prepareServicePac(identity, { server: 18, kdc: 20 });
    const ticketBytes = Uint8Array.of(1, 2, 3);
    const authTime = 1_795_368_177;
    const bytes = issueServicePac(nodeCrypto, template, {
      authTime,
      ticketBytes,
      serverKey: deviceKey,
      kdcKey,
    });
    const ours = verifyOwnServicePac(nodeCrypto, bytes, {
      serverKey: deviceKey,
      kdcKeys: [kdcKey],
      ticketBytes,
    });
    if (typeof ours === 'string') throw new Error(ours);
    const { logonInfo: seen, ...others } = decodeContents(ours);
    if (seen === undefined) throw new Error('no LOGON_INFO');
    t.strictSame(seen.extraSids, [
      { sid: 'S-1-18-1', attributes: 7 },
      { sid: `${REALM.sid}-1001`, attributes: 7 },
    ]);
    t.equal(seen.userFlags, UserFlag.EXTRA_SIDS);
    t.ok(groupSids(seen).includes(parseSid(`${REALM.sid}-1001`)));
    t.strictSame(seen.groupIds, contents.logonInfo.groupIds, 'its own groups stay');
    t.strictSame([others.attributes, others.requesterSid], [undefined, undefined]);
  },
);
