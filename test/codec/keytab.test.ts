import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { concat, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { RealmwardError } from '../../src/base/errors.ts';
import { Key } from '../../src/base/key.ts';
import { appendToKeytab, isKeytab, readKeytab, writeKeytab } from '../../src/codec/keytab.ts';
import type { KeytabEntry } from '../../src/codec/keytab.ts';
import { requirePeer } from '../support/peers.ts';
import { CLEAN_ENV, runOk, temporaryFolder } from '../support/run.ts';

const FIXTURE = new Uint8Array(readFileSync(new URL('../../fixtures/krb5/mit.keytab', import.meta.url)));

const device: KeytabEntry = {
  realm: 'REALM1.EXAMPLE',
  name: { nameType: 3, nameString: ['host', 'device1.realm1.example'] },
  timestamp: 1_900_000_000,
  kvno: 300,
  key: new Key(18, fromHex('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff')),
};
const user: KeytabEntry = {
  realm: 'REALM1.EXAMPLE',
  name: { nameType: 1, nameString: ['zoë'] },
  timestamp: 0,
  kvno: 1,
  key: new Key(17, fromHex('000102030405060708090a0b0c0d0e0f')),
};

/** Entries as plain data: a `Key` hides its bytes from comparison. */
const plain = (entries: readonly KeytabEntry[]) =>
  entries.map(({ key, ...rest }) => ({ ...rest, etype: key.etype, key: toHex(key.bytes) }));

const refuses = (t: Test, bytes: Uint8Array, message: RegExp) => {
  try {
    readKeytab(bytes);
    t.fail(`accepted ${toHex(bytes)}`);
  } catch (error) {
    t.type(error, RealmwardError);
    t.match(error, { code: 'bad-keytab', message, hint: String });
  }
};

await t.test("reads and rewrites MIT's keytab byte for byte", async (t) => {
  const entries = readKeytab(FIXTURE);
  t.same(toHex(writeKeytab(entries)), toHex(FIXTURE));
  t.ok(isKeytab(FIXTURE));
  const names = new Set(entries.map(({ name, realm }) => `${name.nameString.join('/')}@${realm}`));
  t.same(
    [...names],
    [
      'host/device1.realm1.example@REALM1.EXAMPLE',
      'krbtgt/REALM1.EXAMPLE@REALM1.EXAMPLE',
      'alice@REALM1.EXAMPLE',
    ],
  );
  t.same(
    entries.slice(0, 4).map(({ key }) => [key.etype, key.bytes.length]),
    [
      [18, 32],
      [17, 16],
      [20, 32],
      [19, 16],
    ],
  );
});

await t.test('gives back every field it wrote', async (t) => {
  t.same(plain(readKeytab(writeKeytab([device, user]))), plain([device, user]));
  t.same(readKeytab(writeKeytab([])), []);
});

await t.test('reads the layout that the format document gives', async (t) => {
  const file = fromHex(
    '0502 00000024 0001 0001 52 0001 75 00000001 00000007 05 0011 0004 01020304 ffffffff 0000'.replace(
      '24',
      '1f',
    ),
  );
  const [entry] = readKeytab(file);
  t.match(entry, {
    realm: 'R',
    name: { nameType: 1, nameString: ['u'] },
    timestamp: 7,
    kvno: 0xffff_ffff,
  });
  t.same(toHex(entry?.key.bytes ?? utf8('')), '01020304');
});

await t.test('takes the 8-bit kvno where the 32-bit one is missing or zero', async (t) => {
  const head = '0001 0001 52 0001 75 00000001 00000007 05 0011 0000';
  t.equal(readKeytab(fromHex(`0502 00000015 ${head}`))[0]?.kvno, 5);
  t.equal(readKeytab(fromHex(`0502 00000017 ${head} 0000`))[0]?.kvno, 5);
  t.equal(readKeytab(fromHex(`0502 00000019 ${head} 00000000`))[0]?.kvno, 5);
  t.equal(readKeytab(fromHex(`0502 00000019 ${head} 00000105`))[0]?.kvno, 261);
});

await t.test('skips holes and stops at a size of zero', async (t) => {
  const one = writeKeytab([device]).subarray(2);
  const hole = fromHex('fffffffc deadbeef');
  const file = concat(fromHex('0502'), hole, one, hole);
  t.same(plain(readKeytab(file)), plain([device]));
  t.same(plain(readKeytab(concat(file, fromHex('00000000 0102')))), plain([device]));
});

await t.test('appends behind what a file holds, whose bytes stay', async (t) => {
  const before = concat(fromHex('0502 fffffffc deadbeef'), writeKeytab([device]).subarray(2));
  const after = appendToKeytab(before, [user, device]);
  t.same(toHex(after.subarray(0, before.length)), toHex(before));
  t.same(plain(readKeytab(after)), plain([device, user, device]));
  t.same(toHex(appendToKeytab(new Uint8Array(0), [user])), toHex(writeKeytab([user])));
  const ended = concat(before, fromHex('00000000 0000'));
  t.same(plain(readKeytab(appendToKeytab(ended, [user]))), plain([device, user]), 'not behind the end mark');
  t.throws(() => appendToKeytab(fromHex('0501'), [user]), { code: 'bad-keytab' });
});

await t.test('refuses what is no keytab, whatever its lengths say', async (t) => {
  refuses(t, new Uint8Array(0), /version needs 2 bytes/);
  refuses(t, fromHex('0501'), /begins with 0501/);
  refuses(t, fromHex('0504000c'), /begins with 0504/);
  refuses(t, fromHex('0502 000000'), /size of an entry needs 4 bytes/);
  refuses(t, fromHex('0502 7fffffff 00'), /reaches beyond the end/);
  refuses(t, fromHex('0502 80000000 00'), /reaches beyond the end/);
  refuses(t, fromHex('0502 00000002 ffff'), /realm needs 2 bytes/);
  refuses(t, fromHex('0502 00000004 0001 ffff 00000000'), /the realm needs 65535 bytes, 0 are left/);
  refuses(t, fromHex('0502 00000006 0001 0002 ff fe'), /realm is not UTF-8/);
  for (let length = 0; length < FIXTURE.length; length++) {
    try {
      readKeytab(FIXTURE.subarray(0, length));
    } catch (error) {
      if (!(error instanceof RealmwardError)) throw error;
    }
  }
  for (let bit = 0; bit < 8 * FIXTURE.length; bit++) {
    const bytes = FIXTURE.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    try {
      readKeytab(bytes);
    } catch (error) {
      if (!(error instanceof RealmwardError)) throw error;
    }
  }
});

await t.test('refuses to write what the format cannot hold', async (t) => {
  t.throws(() => writeKeytab([{ ...device, kvno: 2 ** 32 }]), RangeError);
  t.throws(() => writeKeytab([{ ...device, kvno: -1 }]), RangeError);
  t.throws(() => writeKeytab([{ ...device, timestamp: -1 }]), RangeError);
  t.throws(() => writeKeytab([{ ...device, realm: 'x'.repeat(65_536) }]), RangeError);
});

await t.test('never shows a key in an error or a listing', async (t) => {
  const [entry] = readKeytab(writeKeytab([device]));
  t.notMatch(JSON.stringify(entry), /00112233|34,51/);
});

await t.test("MIT's klist -k reads what we write, and we read what ktutil writes", async (t) => {
  if (!requirePeer(t, 'mit-client')) return;
  const dir = temporaryFolder(t);
  const env = { ...CLEAN_ENV, KRB5_CONFIG: '/dev/null' };
  const file = join(dir, 'ours.keytab');
  writeFileSync(
    file,
    appendToKeytab(writeKeytab([device]), [{ ...user, name: { nameType: 1, nameString: ['alice'] } }]),
  );
  const { stdout } = await runOk('klist', ['-k', '-e', '-K', '-t', file], { env });
  t.match(
    stdout,
    /^ 300 03\/17\/30 17:46:40 host\/device1\.realm1\.example@REALM1\.EXAMPLE \(aes256-cts-hmac-sha1-96\) +\(0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\)/m,
  );
  t.match(
    stdout,
    /^ {3}1 01\/01\/70 00:00:00 alice@REALM1\.EXAMPLE \(aes128-cts-hmac-sha1-96\) +\(0x000102030405060708090a0b0c0d0e0f\)/m,
  );

  const copy = join(dir, 'copy.keytab');
  const input = `rkt ${file}\ndelent 1\nwkt ${copy}\nwkt ${copy}\nq\n`;
  await runOk('ktutil', [], { env, input });
  const copied = readKeytab(new Uint8Array(readFileSync(copy)));
  const alice = ['alice', 1, 17, '000102030405060708090a0b0c0d0e0f'];
  t.same(
    copied.map(({ name, kvno, key }) => [name.nameString.join('/'), kvno, key.etype, toHex(key.bytes)]),
    [alice, alice],
    'and appends, as appendToKeytab does',
  );
});
