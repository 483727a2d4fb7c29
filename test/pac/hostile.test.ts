import t from 'tap';
import { concat, fromHex } from '../../src/base/bytes.ts';
import { parseSid } from '../../src/base/sid.ts';
import { checkPacConsistency } from '../../src/pac/consistency.ts';
import { decodeContents } from '../../src/pac/contents.ts';
import { decodeClientInfo } from '../../src/pac/client-info.ts';
import { decodeAttributesInfo } from '../../src/pac/attributes-info.ts';
import { decodeDelegationInfo, encodeDelegationInfo } from '../../src/pac/delegation-info.ts';
import { PacError } from '../../src/pac/error.ts';
import { filterForeignPac } from '../../src/pac/foreign.ts';
import { accountSid, decodeLogonInfo, encodeLogonInfo, groupSids } from '../../src/pac/logon-info.ts';
import { MAX_BUFFERS, decodePac, encodePac, findBuffer } from '../../src/pac/pac.ts';
import { decodeRequesterSid } from '../../src/pac/requester-sid.ts';
import { BUILT, ISSUED, issued } from './vectors.ts';

const POLICY = { ownSid: parseSid('S-1-5-21-7-8-9'), domains: [] };

/** Everything that a KDC does with a PAC before it believes it. Whatever comes, the only error is `PacError`. */
function survive(bytes: Uint8Array): 'read' | 'refused' {
  try {
    const contents = decodeContents(decodePac(bytes));
    const { logonInfo } = contents;
    if (logonInfo !== undefined) {
      const trusted = { ...POLICY, domains: [{ sid: logonInfo.logonDomainId, netbios: undefined }] };
      filterForeignPac(contents, POLICY);
      filterForeignPac(contents, trusted);
      groupSids(logonInfo);
      accountSid(logonInfo);
    }
    checkPacConsistency(contents, { cname: 'a', nameType: 1, crealm: 'R', authTime: 0, isTgt: true });
    return 'read';
  } catch (error) {
    if (error instanceof PacError) return 'refused';
    throw error;
  }
}

const ALL = [...ISSUED, ...BUILT];

await t.test('refuses every truncation of every PAC, up to the padding at its end', async (t) => {
  for (const { name, pac } of ALL) {
    const last = Math.max(...decodePac(pac).buffers.map(({ offset, data }) => offset + data.length));
    let read = 0;
    for (let length = 0; length < last; length++) if (survive(pac.slice(0, length)) === 'read') read++;
    t.equal(read, 0, name);
  }
});

await t.test('reads or refuses a PAC with any one byte changed', async (t) => {
  for (const { name, pac } of ALL) {
    const results = { read: 0, refused: 0 };
    const changed = pac.slice();
    for (let at = 0; at < pac.length; at++) {
      const byte = pac[at] as number;
      for (const other of [0, 0xff, 0x7f, 0x80, byte + 1, byte - 1, byte ^ 0x10, byte ^ 2]) {
        changed[at] = other;
        results[survive(changed)]++;
      }
      changed[at] = byte;
    }
    t.ok(
      results.read > 0 && results.refused > 0,
      `${name}: ${results.read} read, ${results.refused} refused`,
    );
  }
});

await t.test('reads or refuses LOGON_INFOs of random bytes behind a good beginning', async (t) => {
  const { pac } = issued('Windows Server 2022');
  const logon = findBuffer(decodePac(pac), 1)?.data as Uint8Array;
  let state = 88172645463325252n;
  const results = { read: 0, refused: 0 };
  for (let round = 0; round < 4000; round++) {
    const data = logon.slice();
    // xorshift, a few places at a time: deep enough to get past the counts now and then.
    for (let changes = 1 + (round % 6); changes > 0; changes--) {
      state ^= BigInt.asUintN(64, state << 13n);
      state ^= state >> 7n;
      state ^= BigInt.asUintN(64, state << 17n);
      data[Number(state % BigInt(data.length))] = Number((state >> 40n) & 0xffn);
    }
    results[survive(encodePac([{ type: 1, data }]).bytes)]++;
  }
  t.ok(results.read > 100 && results.refused > 100, `${results.read} read, ${results.refused} refused`);
});

await t.test(
  'CVE-2026-47288: refuses counts of arrays that are larger than what is there, before anything is made of them',
  async (t) => {
    const { pac } = issued('Windows Server 2022');
    const logon = findBuffer(decodePac(pac), 1)?.data as Uint8Array;
    const groupCount = 20 + 48 + 48 + 4 + 8;
    const sidCount = groupCount + 12 + 16 + 16 + 4 + 8 + 8 + 16 + 8;
    t.equal(logon[groupCount], 5);
    t.equal(logon[sidCount], 1);
    const groupMaximum = findCount(logon, [5, 513, 7, 512, 7]);
    const sidMaximum = findCount(logon, [1, 0x0002_0030, 7]);
    for (const huge of [0xffff_ffff, 0x8000_0000, 0x2000_0000, 0x1fff_ffff, 100_000, 200]) {
      for (const [field, maximum] of [
        [groupCount, groupMaximum],
        [sidCount, sidMaximum],
      ] as const) {
        const bytes = logon.slice();
        const view = new DataView(bytes.buffer);
        view.setUint32(field, huge, true);
        t.throws(
          () => decodeLogonInfo(bytes),
          { code: 'bad-pac', message: /elements/ },
          'only one count says so',
        );
        view.setUint32(maximum, huge, true);
        t.throws(
          () => decodeLogonInfo(bytes),
          { code: 'bad-pac', message: /bytes are expected/ },
          'both say so',
        );
      }
    }
  },
);

await t.test('refuses headers of NDR that are not those of a PAC', async (t) => {
  const { pac } = issued('Windows Server 2022');
  const logon = findBuffer(decodePac(pac), 1)?.data as Uint8Array;
  const refuse = (at: number, value: number, message: RegExp): void => {
    const bytes = logon.slice();
    new DataView(bytes.buffer).setUint8(at, value);
    t.throws(() => decodeLogonInfo(bytes), { code: 'bad-pac', message });
  };
  refuse(0, 2, /version 2/);
  refuse(1, 0, /little-endian/);
  refuse(2, 9, /common header/);
  refuse(11, 1, /claims \d+ bytes/);
  refuse(16 + 2, 0, /null pointer/);
  t.throws(() => decodeLogonInfo(concat(logon, new Uint8Array(8))), /followed by other bytes/);
  const longer = concat(logon, new Uint8Array(8));
  new DataView(longer.buffer).setUint32(8, logon.length - 16 + 8, true);
  t.throws(() => decodeLogonInfo(longer), /left over/);
  t.throws(() => decodeLogonInfo(new Uint8Array(0)), PacError);
});

await t.test('refuses strings whose counts contradict each other', async (t) => {
  const { pac } = issued('Windows Server 2022');
  const logon = findBuffer(decodePac(pac), 1)?.data as Uint8Array;
  const nameHeader = 20 + 48;
  t.equal(logon[nameHeader], 26);
  const counts = findCount(logon, [13, 0, 13]);
  for (const [at, value] of [
    [nameHeader, 24],
    [nameHeader + 2, 24],
    [counts, 12],
    [counts + 4, 1],
    [counts + 8, 12],
    [counts + 8, 14],
    [counts + 11, 0x80],
  ] as const) {
    const bytes = logon.slice();
    bytes[at] = value;
    t.throws(() => decodeLogonInfo(bytes), { code: 'bad-pac' }, `byte ${at} is ${value}`);
  }
  const nowhere = logon.slice();
  nowhere.fill(0, nameHeader + 4, nameHeader + 8);
  t.throws(() => decodeLogonInfo(nowhere), /null pointer/, 'a length and no characters');
});

await t.test('refuses a domain SID that leaves no room for a RID', async (t) => {
  const info = decodeLogonInfo(
    findBuffer(decodePac(issued('Windows Server 2022').pac), 1)?.data as Uint8Array,
  );
  const full = parseSid('S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15');
  t.throws(() => decodeLogonInfo(encodeLogonInfo({ ...info, logonDomainId: full })), /no room/);
  t.throws(() => decodeLogonInfo(encodeLogonInfo({ ...info, resourceGroupDomainSid: full })), /no room/);
});

await t.test('refuses containers that are wrong in one thing (CVE-2022-42898)', async (t) => {
  const good = encodePac([
    { type: 1, data: fromHex('0102030405060708') },
    { type: 99, data: fromHex('0a') },
  ]).bytes;
  const refuse = (message: RegExp, change: (view: DataView) => void): void => {
    const bytes = good.slice();
    change(new DataView(bytes.buffer));
    t.throws(() => decodePac(bytes), { code: 'bad-pac', message });
  };
  t.equal(decodePac(good).buffers.length, 2);
  const [first, second] = [8, 24];
  refuse(/version 1/, (v) => v.setUint32(4, 1, true));
  refuse(/0 buffers/, (v) => v.setUint32(0, 0, true));
  refuse(/4294967295 buffers/, (v) => v.setUint32(0, 0xffff_ffff, true));
  refuse(new RegExp(`${MAX_BUFFERS + 1} buffers`), (v) => v.setUint32(0, MAX_BUFFERS + 1, true));
  refuse(/cut off/, (v) => v.setUint32(0, 4, true));
  refuse(/twice/, (v) => v.setUint32(second, 1, true));
  refuse(/overlap/, (v) => v.setUint32(second + 8, 40, true));
  refuse(/overlap/, (v) => v.setUint32(first + 4, 9, true));
  refuse(/aligned/, (v) => v.setUint32(second + 8, 44, true));
  refuse(/outside/, (v) => v.setUint32(second + 8, 56, true));
  refuse(/outside/, (v) => v.setUint32(second + 4, 9, true));
  refuse(/outside/, (v) => v.setUint32(second + 4, 0xffff_ffff, true));
  refuse(/outside/, (v) => v.setUint32(first + 8, 32, true));
  refuse(/outside/, (v) => v.setUint32(second + 12, 1, true));
  refuse(/outside/, (v) => v.setUint32(second + 8, 0xffff_fff8, true));
  t.throws(() => decodePac(new Uint8Array(0x1_0001)), /too large/);
  t.throws(() => decodePac(new Uint8Array(7)), /cut off/);
});

await t.test('keeps buffers of types that it does not know, and those that it only passes on', async (t) => {
  const buffers = [1, 2, 13, 14, 15, 0xffff_ffff].map((type) => ({ type, data: Uint8Array.of(type, 1, 2) }));
  const { bytes } = encodePac(buffers);
  t.strictSame(
    decodePac(bytes).buffers.map(({ type, data }) => ({ type, data: data.slice() })),
    buffers,
  );
  t.equal(
    decodePac(concat(Uint8Array.of(9), bytes).subarray(1)).buffers.length,
    6,
    'a view of a larger array',
  );
});

await t.test('refuses small buffers that are too short, too long or contradict themselves', async (t) => {
  for (const [decode, ...bad] of [
    [
      decodeClientInfo,
      '',
      '00',
      '0000000000000000 0200 6100 00',
      '0000000000000000 0200 61',
      '0000000000000000 0100 61',
    ],
    [decodeClientInfo, '0000000000000000 0200 00d8'],
    [
      decodeAttributesInfo,
      '',
      '02000000',
      '00000000 00000000',
      '02000000 01000000 00',
      '21000000 01000000',
      'ffffffff 01000000',
    ],
    [
      decodeRequesterSid,
      '',
      '0101000000000005',
      '010100000000000509000000 00',
      '020100000000000509000000',
      '01ff000000000005',
    ],
    [decodeDelegationInfo, '', '01'],
  ] as const) {
    for (const hex of bad) t.throws(() => decode(fromHex(hex)), { code: 'bad-pac' }, `${decode.name} ${hex}`);
  }
  t.equal(decodeAttributesInfo(fromHex('21000000 01000000 00000000')), 1, 'more flags than 32');
});

await t.test('refuses services of a DELEGATION_INFO that are not there', async (t) => {
  const bytes = encodeDelegationInfo({ proxyTarget: '', transitedServices: ['a', 'b'] });
  const count = 20 + 8;
  t.equal(bytes[count], 2);
  for (const [at, value] of [
    [count, 3],
    [count + 3, 0xff],
    [count + 8 + 3, 0xff],
  ] as const) {
    const changed = bytes.slice();
    changed[at] = value;
    t.throws(() => decodeDelegationInfo(changed), { code: 'bad-pac' });
  }
  const nowhere = bytes.slice();
  nowhere.fill(0, count + 4, count + 8);
  t.throws(() => decodeDelegationInfo(nowhere), /lists none/);
});

/** Where these 32-bit numbers stand one after the other. */
function findCount(bytes: Uint8Array, numbers: readonly number[]): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 4 * numbers.length <= bytes.length; at += 4)
    if (numbers.every((number, i) => view.getUint32(at + 4 * i, true) === number)) return at;
  throw new Error(`no ${numbers.join(', ')} there`);
}
