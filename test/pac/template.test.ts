import t from 'tap';
import { Key } from '../../src/base/key.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { checkPacConsistency } from '../../src/pac/consistency.ts';
import { decodeContents } from '../../src/pac/contents.ts';
import { NEVER, toFiletime } from '../../src/pac/filetime.ts';
import { ownIdentity } from '../../src/pac/own-account.ts';
import { statedAttributes } from '../../src/pac/attributes-info.ts';
import { decodePac, findBuffer } from '../../src/pac/pac.ts';
import { withZeroed } from '../../src/pac/signatures.ts';
import {
  issueServicePac,
  issueTgtPac,
  matchesTemplate,
  prepareServicePac,
  prepareTgtPac,
} from '../../src/pac/template.ts';
import { verifyOwnServicePac, verifyOwnTgtPac } from '../../src/pac/verify.ts';
import { STRONG_ETYPES } from '../../src/spec/etypes.ts';
import { ALICE, ALICE_IDENTITY, REALM, foreignContents } from './realm.ts';

const AUTH_TIME = 1_795_368_177;
const TICKET_BYTES = Uint8Array.from({ length: 300 }, (_, i) => i);

/** Keys of every etype, and an issued PAC of each kind for each pair of them. */
const keys = STRONG_ETYPES.map((etype) => nodeCrypto.randomKey(etype));
const pairs = keys.flatMap((serverKey) => keys.map((kdcKey) => ({ serverKey, kdcKey })));

function issueTgt(serverKey: Key, kdcKey: Key, authTime = AUTH_TIME, attributes = 2): Uint8Array {
  const template = prepareTgtPac(ALICE_IDENTITY, { server: serverKey.etype, kdc: kdcKey.etype });
  return issueTgtPac(nodeCrypto, template, { authTime, attributes, serverKey, kdcKey });
}

function issueService(serverKey: Key, kdcKey: Key): Uint8Array {
  const template = prepareServicePac(ALICE_IDENTITY, { server: serverKey.etype, kdc: kdcKey.etype });
  return issueServicePac(nodeCrypto, template, {
    authTime: AUTH_TIME,
    ticketBytes: TICKET_BYTES,
    serverKey,
    kdcKey,
  });
}

await t.test('a ticket-granting ticket gets seven buffers, a service ticket seven others', async (t) => {
  const [key] = keys as [Key];
  const types = (bytes: Uint8Array): number[] => decodePac(bytes).buffers.map(({ type }) => type);
  t.strictSame(types(issueTgt(key, key)), [1, 10, 12, 17, 18, 6, 7]);
  t.strictSame(types(issueService(key, key)), [1, 10, 12, 6, 7, 16, 19]);
});

await t.test('every signature verifies, for every pair of etypes', async (t) => {
  for (const { serverKey, kdcKey } of pairs) {
    const what = `${serverKey.etype}, ${kdcKey.etype}`;
    const kdcKeys = [kdcKey];
    t.type(verifyOwnTgtPac(nodeCrypto, issueTgt(serverKey, kdcKey), { serverKey, kdcKeys }), 'object', what);
    const service = verifyOwnServicePac(nodeCrypto, issueService(serverKey, kdcKey), {
      serverKey,
      kdcKeys,
      ticketBytes: TICKET_BYTES,
    });
    t.type(service, 'object', what);
  }
});

await t.test('signatures are made in the order of MS-PAC, each over what it covers', async (t) => {
  const [, kdcKey, serverKey] = keys as [Key, Key, Key];
  const pac = decodePac(issueService(serverKey, kdcKey));
  const value = (type: number): Uint8Array => (findBuffer(pac, type)?.data ?? new Uint8Array(4)).slice(4);
  t.strictSame(value(16), nodeCrypto.checksum(kdcKey, 17, TICKET_BYTES), 'ticket');
  t.strictSame(value(19), nodeCrypto.checksum(kdcKey, 17, withZeroed(pac, 6, 7, 19)), 'full');
  t.strictSame(value(6), nodeCrypto.checksum(serverKey, 17, withZeroed(pac, 6, 7)), 'server');
  t.strictSame(value(7), nodeCrypto.checksum(kdcKey, 17, value(6)), 'KDC');
});

await t.test('our own accounts: what the PAC says', async (t) => {
  const [key] = keys as [Key];
  const contents = decodeContents(decodePac(issueTgt(key, key)));
  const { logonInfo, clientInfo, upnDnsInfo, attributes, requesterSid } = contents;
  t.match(logonInfo, {
    logonTime: toFiletime(AUTH_TIME),
    kickOffTime: NEVER,
    passwordLastSet: toFiletime(1_700_000_000),
    passwordMustChange: NEVER,
    effectiveName: 'alice',
    userId: 2000,
    primaryGroupId: 513,
    userFlags: 0,
    logonDomainName: 'REALM1',
    logonDomainId: REALM.sid,
    userAccountControl: 0x10,
  });
  t.strictSame(logonInfo?.groupIds, [
    { rid: 513, attributes: 7 },
    { rid: 1001, attributes: 7 },
  ]);
  t.strictSame(clientInfo, { authTime: toFiletime(AUTH_TIME), name: 'alice' });
  t.strictSame(upnDnsInfo, {
    upn: 'alice@realm1.example',
    dnsDomainName: 'REALM1.EXAMPLE',
    flags: 3,
    account: { samName: 'alice', sid: `${REALM.sid}-2000` },
  });
  t.equal(attributes, 2);
  t.equal(requesterSid, `${REALM.sid}-2000`);
  const client = { cname: 'alice', nameType: 1, crealm: 'REALM1.EXAMPLE', authTime: AUTH_TIME, isTgt: true };
  t.equal(checkPacConsistency(contents, client), undefined, 'and it agrees with its ticket');
});

await t.test(
  'an account without a right has no right’s RID, and its times are those of the account',
  async (t) => {
    const { logonInfo } = ownIdentity(REALM, {
      ...ALICE,
      rightRid: undefined,
      passwordExpires: 1_800_000_000,
      expires: 1_900_000_000,
    });
    t.strictSame(logonInfo.groupIds, [{ rid: 513, attributes: 7 }]);
    t.equal(logonInfo.passwordMustChange, toFiletime(1_800_000_000));
    t.equal(logonInfo.kickOffTime, toFiletime(1_900_000_000));
  },
);

await t.test('is small enough for a reply in one UDP datagram', async (t) => {
  const [etype20, , etype18] = keys as [Key, Key, Key];
  t.ok(issueTgt(etype18, etype18).length <= 700, `${issueTgt(etype18, etype18).length} bytes`);
  t.ok(issueTgt(etype20, etype20).length <= 730, `${issueTgt(etype20, etype20).length} bytes`);
  t.ok(issueService(etype20, etype20).length <= 760, `${issueService(etype20, etype20).length} bytes`);
});

await t.test('issuing leaves the template as it was', async (t) => {
  const [key] = keys as [Key];
  const etypes = { server: key.etype, kdc: key.etype };
  const template = prepareServicePac(ALICE_IDENTITY, etypes);
  const before = template.bytes.slice();
  const ticket = { authTime: AUTH_TIME, ticketBytes: TICKET_BYTES, serverKey: key, kdcKey: key };
  t.strictSame(issueServicePac(nodeCrypto, template, ticket), issueServicePac(nodeCrypto, template, ticket));
  t.strictSame(template.bytes, before);
});

await t.test('refuses keys of another etype than the template was laid out for', async (t) => {
  const [twenty, nineteen] = keys as [Key, Key];
  const tgt = prepareTgtPac(ALICE_IDENTITY, { server: 20, kdc: 20 });
  const service = prepareServicePac(ALICE_IDENTITY, { server: 20, kdc: 20 });
  for (const [serverKey, kdcKey] of [
    [nineteen, twenty],
    [twenty, nineteen],
  ] as const) {
    const ticket = { authTime: AUTH_TIME, attributes: 2, ticketBytes: TICKET_BYTES, serverKey, kdcKey };
    t.throws(() => issueTgtPac(nodeCrypto, tgt, ticket), { code: 'bad-pac' });
    t.throws(() => issueServicePac(nodeCrypto, service, ticket), { code: 'bad-pac' });
  }
});

await t.test('recognizes what it issued, and nothing that differs in a byte', async (t) => {
  for (const { serverKey, kdcKey } of pairs) {
    const etypes = { server: serverKey.etype, kdc: kdcKey.etype };
    const template = prepareTgtPac(ALICE_IDENTITY, etypes);
    const pac = issueTgt(serverKey, kdcKey, AUTH_TIME, 1);
    t.ok(matchesTemplate(template, pac, AUTH_TIME));
    t.equal(statedAttributes(decodePac(pac)), 1);
    t.notOk(matchesTemplate(template, pac, AUTH_TIME + 1), 'another authtime');
    t.notOk(matchesTemplate(template, pac.subarray(1), AUTH_TIME), 'another length');
    t.ok(matchesTemplate(template, new Uint8Array([7, ...pac]).subarray(1), AUTH_TIME), 'a view');
    let unnoticed = 0;
    for (let at = 0; at < pac.length; at++) {
      const changed = pac.slice();
      changed[at] = (changed[at] as number) ^ 1;
      if (matchesTemplate(template, changed, AUTH_TIME)) unnoticed++;
    }
    // The checksums, which are verified instead, and the flags of ATTRIBUTES_INFO.
    const checksums = { 17: 12, 18: 12, 19: 16, 20: 24 } as Record<number, number>;
    t.equal(unnoticed, (checksums[serverKey.etype] ?? 0) + (checksums[kdcKey.etype] ?? 0) + 1);
  }
});

await t.test('an account that changed no longer matches its earlier PACs', async (t) => {
  const [key] = keys as [Key];
  const pac = issueTgt(key, key);
  const etypes = { server: key.etype, kdc: key.etype };
  const matches = (account: Partial<typeof ALICE>): boolean =>
    matchesTemplate(prepareTgtPac(ownIdentity(REALM, { ...ALICE, ...account }), etypes), pac, AUTH_TIME);
  t.ok(matches({}));
  t.notOk(matches({ rightRid: 1002 }), 'another right');
  t.notOk(matches({ rightRid: undefined }), 'no right');
  t.notOk(matches({ rid: 2001 }), 'another account of that name');
  t.notOk(matches({ passwordChanged: ALICE.passwordChanged + 1 }), 'another password');
});

await t.test('a foreign account keeps its own LogonTime', async (t) => {
  const [key] = keys as [Key];
  const { logonInfo, upnDnsInfo } = foreignContents();
  const identity = { logonInfo, clientName: 'alice', upnDnsInfo, timedByTicket: false };
  const template = prepareServicePac(identity, { server: key.etype, kdc: key.etype });
  const ticket = { authTime: 5, ticketBytes: TICKET_BYTES, serverKey: key, kdcKey: key };
  const contents = decodeContents(decodePac(issueServicePac(nodeCrypto, template, ticket)));
  t.strictSame(contents.logonInfo, logonInfo);
  t.equal(contents.clientInfo?.authTime, toFiletime(5));
});
