import t from 'tap';
import { fileURLToPath } from 'node:url';
import { toHex } from '../../../src/base/bytes.ts';
import type { Key } from '../../../src/base/key.ts';
import { parseSid } from '../../../src/base/sid.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { decodeContents } from '../../../src/pac/contents.ts';
import { encodeDelegationInfo } from '../../../src/pac/delegation-info.ts';
import { grantRight } from '../../../src/pac/foreign.ts';
import { encodeLogonInfo } from '../../../src/pac/logon-info.ts';
import { ownIdentity } from '../../../src/pac/own-account.ts';
import { decodePac, encodePac, findBuffer } from '../../../src/pac/pac.ts';
import type { PacIdentity } from '../../../src/pac/template.ts';
import { issueServicePac, issueTgtPac, prepareServicePac, prepareTgtPac } from '../../../src/pac/template.ts';
import { STRONG_ETYPES } from '../../../src/spec/etypes.ts';
import { ALICE, ALICE_IDENTITY, REALM, foreignContents } from '../../pac/realm.ts';
import { BUILT, asFixture } from '../../pac/vectors.ts';
import { requirePeer } from '../../support/peers.ts';
import { runOk } from '../../support/run.ts';

const SCRIPT = fileURLToPath(new URL('read.py', import.meta.url));
const AUTH_TIME = 1_795_368_177;

interface Case {
  readonly name: string;
  readonly pac: string;
  readonly client: string;
  readonly authTime: number;
  readonly serverKey: { readonly etype: number; readonly hex: string };
  readonly kdcKey: { readonly etype: number; readonly hex: string };
  readonly ticketBytes: string;
}

interface Reading {
  readonly expected: Record<string, unknown>;
  readonly mit: string;
  readonly impacket: boolean | null;
}

async function readings(cases: readonly Case[]): Promise<Reading[]> {
  const { stdout } = await runOk('/usr/bin/python3', [SCRIPT], { input: JSON.stringify(cases) });
  return JSON.parse(stdout) as Reading[];
}

const shown = (key: Key): Case['serverKey'] => ({ etype: key.etype, hex: toHex(key.bytes) });
const ticketBytes = Uint8Array.from({ length: 257 }, (_, i) => i);

/** A ticket-granting and a service ticket's PAC of this identity. */
function issueBoth(name: string, identity: PacIdentity, serverKey: Key, kdcKey: Key): Case[] {
  const etypes = { server: serverKey.etype, kdc: kdcKey.etype };
  const ticket = { authTime: AUTH_TIME, attributes: 1, ticketBytes, serverKey, kdcKey };
  const rest = {
    client: `${identity.clientName.replace(/@/, '\\@')}@${REALM.realm}`,
    authTime: AUTH_TIME,
    serverKey: shown(serverKey),
    kdcKey: shown(kdcKey),
    ticketBytes: toHex(ticketBytes),
  };
  return [
    {
      name: `${name}, TGT`,
      pac: toHex(issueTgtPac(nodeCrypto, prepareTgtPac(identity, etypes), ticket)),
      ...rest,
    },
    {
      name: `${name}, service`,
      pac: toHex(issueServicePac(nodeCrypto, prepareServicePac(identity, etypes), ticket)),
      ...rest,
    },
  ];
}

await t.test('Samba, MIT and impacket accept what we issue', async (t) => {
  if (!requirePeer(t, 'samba-python', 'impacket', 'mit-client')) return;
  const [aes20, aes19, aes18, aes17] = STRONG_ETYPES.map((etype) => nodeCrypto.randomKey(etype)) as [
    Key,
    Key,
    Key,
    Key,
  ];
  const { logonInfo, upnDnsInfo } = foreignContents();
  const foreign: PacIdentity = {
    logonInfo: {
      ...grantRight(logonInfo, REALM.sid, 1001),
      resourceGroupDomainSid: parseSid('S-1-5-21-7-8-9'),
      resourceGroupIds: [{ rid: 1110, attributes: 0x2000_0007 }],
    },
    clientName: 'alice',
    upnDnsInfo,
    timedByTicket: false,
  };
  const cases = [
    ...[aes20, aes19, aes18, aes17].flatMap((key) =>
      issueBoth(`etype ${key.etype}`, ALICE_IDENTITY, key, key),
    ),
    ...issueBoth('two etypes', ALICE_IDENTITY, aes17, aes20),
    ...issueBoth('two others', ALICE_IDENTITY, aes20, aes18),
    ...issueBoth('no right', ownIdentity(REALM, { ...ALICE, rightRid: undefined }), aes18, aes18),
    ...issueBoth(
      'a device',
      ownIdentity(REALM, { ...ALICE, name: 'host/device1.realm1.example' }),
      aes18,
      aes18,
    ),
    ...issueBoth('Unicode', ownIdentity(REALM, { ...ALICE, name: 'Åsa😀' }), aes18, aes18),
    ...issueBoth(
      'an enterprise name',
      { ...ALICE_IDENTITY, clientName: 'alice@realm1.example' },
      aes18,
      aes18,
    ),
    ...issueBoth('a foreign account', foreign, aes18, aes18),
  ];
  const results = await readings(cases);
  cases.forEach(({ name, pac, kdcKey }, i) => {
    const { expected, mit, impacket } = results[i] as Reading;
    const bytes = Uint8Array.from(Buffer.from(pac, 'hex'));
    t.equal(mit, 'ok', `${name}: MIT's libkrb5 verifies server and KDC signature, name and time`);
    const isService = findBuffer(decodePac(bytes), 16) !== undefined;
    t.equal(
      impacket,
      isService && kdcKey.etype < 19 ? true : null,
      `${name}: impacket verifies ticket and full signature`,
    );
    const { types, ...contents } = expected;
    t.strictSame(
      decodePac(bytes).buffers.map(({ type }) => type),
      types,
    );
    t.strictSame(asFixture(decodeContents(decodePac(bytes))), contents, `${name}: Samba reads what we wrote`);
  });
});

await t.test('MIT and impacket see the difference when it is not right', async (t) => {
  if (!requirePeer(t, 'samba-python', 'impacket', 'mit-client')) return;
  const key = nodeCrypto.randomKey(18);
  const [tgt, service] = issueBoth('', ALICE_IDENTITY, key, key) as [Case, Case];
  const [wrongTime, wrongName, wrongTicket] = (await readings([
    { ...tgt, authTime: AUTH_TIME + 1 },
    { ...tgt, client: 'bob@REALM1.EXAMPLE' },
    { ...service, ticketBytes: '00' },
  ])) as [Reading, Reading, Reading];
  t.not(wrongTime.mit, 'ok');
  t.not(wrongName.mit, 'ok');
  t.equal(wrongTicket.impacket, false);
});

await t.test('Samba reads every field that we can write', async (t) => {
  if (!requirePeer(t, 'samba-python', 'impacket', 'mit-client')) return;
  const original = BUILT[0] as (typeof BUILT)[number];
  const decoded = decodePac(original.pac);
  const { logonInfo, delegationInfo } = decodeContents(decoded);
  if (logonInfo === undefined || delegationInfo === undefined) throw new Error('the fixture lacks a buffer');
  const buffers = decoded.buffers.map(({ type, data }) => {
    if (type === 1) return { type, data: encodeLogonInfo(logonInfo) };
    return type === 11 ? { type, data: encodeDelegationInfo(delegationInfo) } : { type, data };
  });
  const key = shown(nodeCrypto.randomKey(18));
  const [reading] = await readings([
    {
      name: 'every field',
      pac: toHex(encodePac(buffers).bytes),
      client: 'x@R',
      authTime: 0,
      serverKey: key,
      kdcKey: key,
      ticketBytes: '',
    },
  ]);
  t.strictSame(reading?.expected, original.expected);
});
