import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { concat, fromHex, fromUtf8, toHex } from '../../src/base/bytes.ts';
import { RealmwardError } from '../../src/base/errors.ts';
import { Key } from '../../src/base/key.ts';
import {
  isCcache,
  isConfiguration,
  isRemoved,
  readCcache,
  timeOffset,
  timeOffsetTag,
  writeCcache,
} from '../../src/codec/ccache.ts';
import type { Ccache, Credential } from '../../src/codec/ccache.ts';
import { decode } from '../../src/codec/der/type.ts';
import { Ticket } from '../../src/codec/krb5/ticket.ts';
import { TicketFlag } from '../../src/spec/flags.ts';
import { parseKlist } from '../support/klist.ts';
import { requirePeer } from '../support/peers.ts';
import { CLEAN_ENV, runOk, temporaryFolder } from '../support/run.ts';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/krb5/${name}`, import.meta.url)));
const MIT = fixture('mit.ccache');
const HEIMDAL = fixture('heimdal.ccache');
const U2U = fixture('mit-u2u.ccache');

const alice = { realm: 'REALM1.EXAMPLE', name: { nameType: 1, nameString: ['alice'] } };
const [ticketOfMit] = readCcache(MIT).credentials.filter((one) => !isConfiguration(one));
const credential: Credential = {
  client: alice,
  server: { realm: 'REALM1.EXAMPLE', name: { nameType: 2, nameString: ['krbtgt', 'REALM1.EXAMPLE'] } },
  key: new Key(18, new Uint8Array(32).fill(7)),
  authtime: 1_900_000_000,
  starttime: 1_900_000_001,
  endtime: 4_000_000_000,
  renewTill: 4_100_000_000,
  isSkey: 1,
  flags: TicketFlag.FORWARDABLE | TicketFlag.INITIAL | TicketFlag.RENEWABLE,
  addresses: [{ addrType: 2, address: fromHex('7f000001') }],
  authorizationData: [{ adType: 1, adData: fromHex('3000') }],
  ticket: ticketOfMit?.ticket ?? fromHex(''),
  secondTicket: fromHex('6100'),
};
const cache: Ccache = { tags: [timeOffsetTag(-3, 250_000)], principal: alice, credentials: [credential] };

/** A cache as plain data: a `Key` hides its bytes from comparison. */
const plain = ({ credentials, ...rest }: Ccache) => ({
  ...rest,
  credentials: credentials.map(({ key, ...one }) => ({ ...one, etype: key.etype, key: toHex(key.bytes) })),
});

const refuses = (t: Test, bytes: Uint8Array, message: RegExp) =>
  t.throws(() => readCcache(bytes), { name: 'RealmwardError', code: 'bad-ccache', message, hint: String });

await t.test("reads and rewrites MIT's and Heimdal's caches byte for byte", async (t) => {
  for (const bytes of [MIT, U2U, HEIMDAL]) {
    t.ok(isCcache(bytes));
    t.equal(toHex(writeCcache(readCcache(bytes))), toHex(bytes));
  }
});

await t.test('tells tickets from configuration entries, and keeps both', async (t) => {
  const { principal, credentials } = readCcache(MIT);
  t.same(principal, { realm: 'REALM1.EXAMPLE', name: { nameType: 1, nameString: ['bob'] } });
  const names = (list: readonly Credential[]) => list.map(({ server }) => server.name.nameString.join('/'));
  t.same(names(credentials.filter((one) => !isConfiguration(one))), ['krbtgt/REALM1.EXAMPLE']);
  const settings = credentials.filter(isConfiguration);
  t.same(names(settings), [
    'krb5_ccache_conf_data/fast_avail/krbtgt/REALM1.EXAMPLE@REALM1.EXAMPLE',
    'krb5_ccache_conf_data/pa_type/krbtgt/REALM1.EXAMPLE@REALM1.EXAMPLE',
  ]);
  t.equal(fromUtf8(settings[1]?.ticket ?? fromHex('')), '2', 'the setting stands in the place of the ticket');
});

await t.test('finds a real ticket in a real cache', async (t) => {
  const [tgt] = readCcache(MIT).credentials.filter((one) => !isConfiguration(one));
  t.ok((tgt?.flags ?? 0) & TicketFlag.INITIAL, 'the flags are numbered as on the wire');
  t.notOk((tgt?.flags ?? 0) & TicketFlag.INVALID);
  t.equal(tgt?.key.bytes.length, 32);
  t.equal(decode(Ticket, tgt?.ticket ?? fromHex('')).realm, 'REALM1.EXAMPLE');
  t.equal((tgt?.endtime ?? 0) - (tgt?.starttime ?? 0), 36_000);
  const [, u2u] = readCcache(U2U).credentials;
  t.same(
    [u2u?.server.name.nameString, u2u?.isSkey],
    [['bob'], 8],
    'MIT writes an octet of its own for "yes"',
  );
  t.equal(decode(Ticket, u2u?.secondTicket ?? fromHex('')).sname.nameString[0], 'krbtgt');
});

await t.test('gives back every field it wrote', async (t) => {
  t.same(plain(readCcache(writeCcache(cache))), plain(cache));
  t.same(timeOffset(readCcache(writeCcache(cache))), { seconds: -3, microseconds: 250_000 });
  const bare = { ...cache, tags: [], credentials: [] };
  t.same(readCcache(writeCcache(bare)), bare);
  t.equal(timeOffset(bare), undefined);
});

await t.test('keeps header fields that it does not know', async (t) => {
  const odd = { ...cache, tags: [{ tag: 9, value: fromHex('0102') }, timeOffsetTag(1, 2)] };
  t.same(readCcache(writeCcache(odd)).tags, odd.tags);
  t.same(timeOffset(odd), { seconds: 1, microseconds: 2 });
});

await t.test('reads format 3: no header, and the enctype twice', async (t) => {
  const four = writeCcache({ ...cache, tags: [] });
  const at = toHex(four).indexOf('001200000020') / 2;
  const three = concat(fromHex('0503'), four.subarray(4, at), fromHex('0012'), four.subarray(at));
  t.same(plain(readCcache(three)), plain({ ...cache, tags: [] }));
});

await t.test('knows what MIT removed in place', async (t) => {
  t.ok(isRemoved({ ...credential, endtime: 0, authtime: 0xffff_ffff }));
  t.notOk(isRemoved(credential));
  t.notOk(isRemoved({ ...credential, endtime: 0, authtime: 0 }), 'a configuration entry has no times at all');
});

await t.test('refuses what is no cache, whatever its lengths say', async (t) => {
  refuses(t, fromHex(''), /version needs 2 bytes/);
  refuses(t, fromHex('0502 0000'), /begins with 0502/);
  refuses(t, fromHex('0501 0000'), /begins with 0501/);
  refuses(t, fromHex('0504 ffff'), /header of 65535 bytes reaches beyond/);
  refuses(t, fromHex('0504 0004 0001 0008 00000000'), /header field needs 8 bytes, 0 are left/);
  refuses(t, fromHex('0504 0000 00000001 ffffffff 00000001 52'), /name component needs 4 bytes/);
  refuses(t, fromHex('0504 0000 00000001 00000000 ffffffff'), /the realm needs 4294967295 bytes/);
  refuses(t, fromHex('0504 0000 00000001 00000000 00000001 ff'), /the realm is not UTF-8/);
  refuses(t, concat(MIT, fromHex('00')), /name type needs 4 bytes/);
  const head = writeCcache({ ...cache, credentials: [] });
  const whole = writeCcache(cache);
  for (let length = 0; length < whole.length; length++) {
    if (length === head.length) t.same(readCcache(whole.subarray(0, length)).credentials, []);
    else refuses(t, whole.subarray(0, length), /needs|reaches/);
  }
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const bytes = whole.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    try {
      readCcache(bytes);
    } catch (error) {
      if (!(error instanceof RealmwardError)) throw error;
    }
  }
});

await t.test('refuses to write what the format cannot hold', async (t) => {
  const write = (change: Partial<Credential>) => () =>
    writeCcache({ ...cache, credentials: [{ ...credential, ...change }] });
  t.throws(write({ endtime: 2 ** 32 }), RangeError);
  t.throws(write({ flags: -1 }), RangeError);
  t.throws(write({ addresses: [{ addrType: 70_000, address: fromHex('') }] }), RangeError);
});

await t.test("MIT's klist -c reads what we write", async (t) => {
  if (!requirePeer(t, 'mit-client')) return;
  const file = join(temporaryFolder(t), 'ccache');
  const renewable = {
    ...credential,
    isSkey: 0,
    secondTicket: fromHex(''),
    endtime: 1_900_036_000,
    renewTill: 1_900_604_800,
  };
  writeFileSync(file, writeCcache({ ...cache, credentials: [renewable] }));
  const { stdout } = await runOk('klist', ['-e', '-f', '-c', file], {
    env: { ...CLEAN_ENV, KRB5_CONFIG: '/dev/null' },
  });
  const { client, tickets } = parseKlist(stdout);
  t.equal(client, 'alice@REALM1.EXAMPLE');
  t.match(tickets, [
    {
      server: 'krbtgt/REALM1.EXAMPLE@REALM1.EXAMPLE',
      start: 1_900_000_001,
      end: 1_900_036_000,
      renewUntil: 1_900_604_800,
      flags: 'FRI',
      sessionEtype: 'aes256-cts-hmac-sha1-96',
    },
  ]);
});
