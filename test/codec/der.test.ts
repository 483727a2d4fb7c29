import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Test } from 'tap';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { DerError } from '../../src/codec/der/error.ts';
import {
  boolean,
  flags32,
  integer,
  kerberosTime,
  octetString,
  textString,
  wrappingUint32,
} from '../../src/codec/der/primitives.ts';
import { MAX_INPUT } from '../../src/codec/der/reader.ts';
import {
  application,
  choice,
  field,
  optional,
  sequence,
  sequenceOf,
  sequenceWithRaw,
} from '../../src/codec/der/schema.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import type { Type } from '../../src/codec/der/type.ts';
import { TYPES } from './messages.ts';

const Int32 = integer('Int32', -0x8000_0000, 0x7fff_ffff);
const Text = textString('KerberosString', 0x1b);
const Pair = sequence('Pair', {
  first: field(0, Int32),
  second: optional(2, Text),
  third: optional(3, Int32),
});

const refuses = (t: Test, type: Type<unknown>, hex: string, message: RegExp) =>
  t.throws(() => decode(type, fromHex(hex)), { name: 'DerError', code: 'bad-der', message }, hex);
const agrees = <T>(t: Test, type: Type<T>, value: T, hex: string) => {
  t.equal(toHex(encode(type, value)), hex.replaceAll(' ', ''));
  t.same(decode(type, fromHex(hex)), value);
};

/** Whether this run has to do without functions made of text (see the last test). */
const LOOPING = process.execArgv.includes('--disallow-code-generation-from-strings');

await t.test('lengths are definite, minimal and inside what holds them', async (t) => {
  agrees(t, octetString(), fromHex('aa'), '04 01 aa');
  refuses(t, octetString(), '0480 aa 0000', /indefinite/);
  refuses(t, octetString(), '048101 aa', /not in its shortest form/);
  refuses(t, octetString(), '04820001 aa', /not in its shortest form/);
  refuses(t, octetString(), '0483000080' + 'aa'.repeat(128), /not in its shortest form/);
  refuses(t, octetString(), '048400000001 aa', /more than three octets/);
  refuses(t, octetString(), '04ff', /more than three octets/);
  refuses(t, octetString(), '0402 aa', /OCTET STRING reaches 1 bytes beyond/);
  refuses(t, octetString(), '0483ffffff aa', /beyond its container/);
  refuses(t, octetString(), '0482 01', /cut off/);
  refuses(t, octetString(), '04', /found the end/);
  refuses(t, octetString(), '', /found the end/);
  refuses(t, Pair, '3005 a0 04 020101', /\[0\] reaches 1 bytes beyond/);
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1_000_000]) {
    const bytes = encode(octetString(), new Uint8Array(length).fill(1));
    t.equal(decode(octetString(), bytes).length, length);
    t.equal(bytes.length, length + (length < 128 ? 2 : length < 256 ? 3 : length < 65_536 ? 4 : 5));
  }
});

await t.test(
  'CVE-2020-28196: indefinite lengths are refused at the first, however many follow',
  async (t) => {
    for (const [name, type] of Object.entries(TYPES)) {
      const nested = new Uint8Array(100_000).map((_, at) =>
        at % 2 === 1 ? 0x80 : at === 0 ? type.tag : 0x30,
      );
      t.throws(() => decode(type, nested), { name: 'DerError', message: /indefinite.*at byte 1\)/ }, name);
    }
  },
);

await t.test('nothing follows a message, a field or a tagged value', async (t) => {
  refuses(t, octetString(), '0401 aa 00', /1 bytes follow the OCTET STRING/);
  refuses(t, application(10, Int32), '6a05 020101 0500', /2 bytes follow inside \[APPLICATION 10\]/);
  refuses(t, Pair, '3007 a005 020101 0500', /2 bytes follow inside \[0\]/);
  refuses(t, Pair, '3007 a003 020101 0500', /unknown, repeated or misplaced/);
});

await t.test('fields come once, in order, and none is unknown', async (t) => {
  agrees(t, Pair, { first: 1, second: 'x', third: 2 }, '300f a003020101 a2031b0178 a303020102');
  agrees(t, Pair, { first: 1, second: undefined, third: undefined }, '3005 a003020101');
  t.same(Object.keys(decode(Pair, fromHex('3005a003020101'))), ['first', 'second', 'third']);
  refuses(t, Pair, '3000', /Pair lacks first/);
  refuses(t, Pair, '3005 a2031b0178', /Pair lacks first/);
  refuses(t, Pair, '300f a003020101 a303020102 a2031b0178', /unknown, repeated or misplaced/);
  refuses(t, Pair, '300a a003020101 a003020101', /unknown, repeated or misplaced/);
  refuses(t, Pair, '300a a003020101 a103020101', /unknown, repeated or misplaced/);
  refuses(t, Pair, '300a a003020101 a403020101', /unknown, repeated or misplaced/);
  refuses(t, Pair, '3105 a003020101', /expected SEQUENCE, found SET/);
  refuses(t, Pair, '3005 8003020101', /lacks first/);
});

await t.test('a field at the end of its SEQUENCE does not read on into what follows', async (t) => {
  const Two = sequence('Two', { one: field(0, Pair), two: optional(2, Text) });
  agrees(
    t,
    Two,
    { one: { first: 1, second: undefined, third: undefined }, two: 'x' },
    '300e a0073005a003020101 a2031b0178',
  );
});

await t.test('INTEGER in its shortest form, in range, and exact', async (t) => {
  const Wide = integer('Wide', -(2 ** 47), 2 ** 47 - 1);
  for (const [value, hex] of [
    [0, '00'],
    [127, '7f'],
    [128, '0080'],
    [255, '00ff'],
    [256, '0100'],
    [32_767, '7fff'],
    [32_768, '008000'],
    [0x7fff_ffff, '7fffffff'],
    [0x8000_0000, '0080000000'],
    [0xdead_beef, '00deadbeef'],
    [2 ** 40, '010000000000'],
    [2 ** 47 - 1, '7fffffffffff'],
    [-1, 'ff'],
    [-128, '80'],
    [-129, 'ff7f'],
    [-32_768, '8000'],
    [-32_769, 'ff7fff'],
    [-0x8000_0000, '80000000'],
    [-0x8000_0001, 'ff7fffffff'],
    [-(2 ** 40), 'ff0000000000'],
    [-(2 ** 47), '800000000000'],
  ] as const) {
    agrees(t, Wide, value, `02 ${(hex.length / 2).toString(16).padStart(2, '0')} ${hex}`);
  }
  refuses(t, Int32, '0200', /no octets/);
  refuses(t, Int32, '0202 007f', /shortest form/);
  refuses(t, Int32, '0202 ff80', /shortest form/);
  refuses(t, Int32, '0207 01000000000000', /too many/);
  refuses(t, Int32, '0205 0080000000', /2147483648 is out of range for Int32/);
  refuses(t, integer('pvno', 5, 5), '020104', /4 is out of range for pvno/);
  t.throws(() => encode(Int32, 2 ** 31), RangeError);
  t.throws(() => encode(Int32, 0.5), RangeError);
  t.throws(() => encode(Int32, Number.NaN), RangeError);
});

await t.test('UInt32 may have wrapped to a negative number of 32 bits, and no more', async (t) => {
  agrees(t, wrappingUint32, 0xffff_ffff, '02 05 00ffffffff');
  t.equal(decode(wrappingUint32, fromHex('0201ff')), 0xffff_ffff);
  t.equal(decode(wrappingUint32, fromHex('020480000000')), 0x8000_0000);
  refuses(t, wrappingUint32, '0205 0100000000', /more than 32 bits/);
  refuses(t, wrappingUint32, '0205 ff7fffffff', /more than 32 bits/);
  for (const value of [-1, 2 ** 32, 0.5]) t.throws(() => encode(wrappingUint32, value), RangeError);
});

await t.test('KerberosFlags have 32 bits or more', async (t) => {
  agrees(t, flags32, 0x5080_0010, '03 05 00 50800010');
  agrees(t, flags32, 0xffff_ffff, '03 05 00 ffffffff');
  t.equal(decode(flags32, fromHex('0306 00 5080001001')), 0x5080_0010, 'more bits mean nothing to us');
  t.equal(decode(flags32, fromHex('0306 07 5080001080')), 0x5080_0010);
  refuses(t, flags32, '0304 00 508000', /fewer than 32 bits/);
  refuses(t, flags32, '0305 04 50800010', /fewer than 32 bits/);
  refuses(t, flags32, '0301 00', /fewer than 32 bits/);
  refuses(t, flags32, '0300', /fewer than 32 bits/);
  refuses(t, flags32, '0306 07 5080001001', /unused bits that are set/);
  refuses(t, flags32, '0306 08 5080001000', /unused bits/);
  for (const value of [-1, 2 ** 32, 0.5, Number.NaN]) t.throws(() => encode(flags32, value), RangeError);
});

await t.test('KerberosTime is YYYYMMDDHHMMSSZ and a date that exists', async (t) => {
  const time = (text: string) => `180f${toHex(new TextEncoder().encode(text))}`;
  const at = (text: string) =>
    Date.parse(text.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')) / 1000;
  for (const text of [
    '19700101000000Z',
    '19691231235959Z',
    '20261122170733Z',
    '20000229000000Z',
    '20240229235959Z',
    '20380119031408Z',
    '21060207062816Z',
    '00000101000000Z',
    '00000229120000Z',
    '99991231235959Z',
  ]) {
    agrees(t, kerberosTime, at(text), time(text));
  }
  for (let i = 0, seconds = -62_167_219_200; i < 1990; i++, seconds += 158_321_357) {
    const text = `${new Date(seconds * 1000).toISOString().replace(/[-:T]|\..*/g, '')}Z`;
    if (toHex(encode(kerberosTime, seconds)) !== time(text)) t.fail(`${text} is written differently`);
    if (decode(kerberosTime, fromHex(time(text))) !== seconds) t.fail(`${text} is read differently`);
  }
  refuses(t, kerberosTime, `1811${time('20261122170733.0Z').slice(4)}`, /not YYYYMMDDHHMMSSZ/);
  refuses(t, kerberosTime, `180d${time('202611221707Z').slice(4)}`, /not YYYYMMDDHHMMSSZ/);
  for (const text of ['202611221707330', '2026112217073aZ', '2026112 170733Z', '20261122170:33Z']) {
    refuses(t, kerberosTime, time(text), /not YYYYMMDDHHMMSSZ/);
  }
  for (const text of [
    '20261301000000Z',
    '20260001000000Z',
    '20261100000000Z',
    '20261131000000Z',
    '20230229000000Z',
    '19000229000000Z',
    '20261122240000Z',
    '20261122006000Z',
    '20261122000060Z',
  ]) {
    refuses(t, kerberosTime, time(text), /no date and time/);
  }
  t.throws(() => encode(kerberosTime, 0.5), RangeError);
  t.throws(() => encode(kerberosTime, 253_402_300_800), RangeError);
  t.throws(() => encode(kerberosTime, -62_167_219_201), RangeError);
});

await t.test('a date that was refused is refused again', async (t) => {
  const bad = '180f3230323631333031303030303030 5a';
  refuses(t, kerberosTime, bad, /no date and time/);
  refuses(t, kerberosTime, bad, /no date and time/);
});

await t.test('BOOLEAN is 00 or FF', async (t) => {
  agrees(t, boolean, true, '01 01 ff');
  agrees(t, boolean, false, '01 01 00');
  refuses(t, boolean, '0101 01', /neither 00 nor FF/);
  refuses(t, boolean, '0100', /neither 00 nor FF/);
  refuses(t, boolean, '0102 ffff', /neither 00 nor FF/);
});

await t.test('strings are UTF-8, long or short, seen before or not', async (t) => {
  for (const text of [
    '',
    'alice',
    'zoë',
    '漢字',
    '🔑',
    'x'.repeat(64),
    'x'.repeat(65),
    'ü'.repeat(300),
    '\ufeffbom',
    'a\u0000b',
  ]) {
    for (let twice = 0; twice < 2; twice++) t.equal(decode(Text, encode(Text, text)), text);
  }
  for (let i = 0; i < 5000; i++) {
    const text = `host-${i % 2500}`;
    if (decode(Text, encode(Text, text)) !== text) t.fail(`${text} is read as another string`);
  }
  refuses(t, Text, '1b01 ff', /not UTF-8/);
  refuses(t, Text, '1b02 c080', /not UTF-8/);
  refuses(t, Text, '1b03 eda080', /not UTF-8/);
  refuses(t, Text, '0c01 61', /expected GeneralString, found UTF8String/);
  t.throws(() => encode(Text, 'half \ud83d of a pair'), RangeError);
});

await t.test('byte strings and lists are bounded, read or written', async (t) => {
  const Short = octetString('key', 2);
  const List = sequenceOf('list', Int32, { min: 1, max: 2 });
  agrees(t, List, [1, 2], '3006 020101 020102');
  refuses(t, Short, '0403 010203', /key has more than 2 bytes/);
  refuses(t, List, '3009 020101 020102 020103', /list has more than 2 elements/);
  refuses(t, List, '3000', /list has fewer than 1 elements/);
  t.throws(() => encode(Short, new Uint8Array(3)), RangeError);
  t.throws(() => encode(List, []), RangeError);
  t.throws(() => encode(List, [1, 2, 3]), RangeError);
});

await t.test('CVE-2022-44640: a CHOICE has one of its alternatives', async (t) => {
  const Either = choice('Either', { number: field(0, Int32), text: field(1, Text) });
  agrees(t, Either, { number: 5 }, 'a003 020105');
  agrees(t, Either, { text: 'x' }, 'a103 1b0178');
  refuses(t, Either, 'a203 020105', /no alternative of Either/);
  refuses(t, Either, 'a005 020105 0500', /2 bytes follow inside \[0\]/);
  refuses(t, sequence('S', { either: field(0, Either) }), '3002 a000', /no alternative/);
  t.throws(() => encode(Either, {} as never), RangeError);
  t.throws(() => encode(Either, { number: 1, text: 'x' }), RangeError);
});

await t.test('a message of more than a mebibyte is not even looked at', async (t) => {
  t.throws(() => decode(octetString(), new Uint8Array(MAX_INPUT + 1)), DerError);
});

await t.test(
  'CVE-2020-28196: no declared type contains itself, so the depth of a message is bounded',
  async (t) => {
    const depth = (type: Type<unknown>, path: readonly unknown[]): number => {
      if (path.includes(type)) throw new Error(`${type.name} contains itself`);
      const { shape } = type;
      const inner = [...path, type];
      switch (shape.kind) {
        case 'sequence':
          return 1 + Math.max(...shape.fields.map((one) => 1 + depth(one.type, inner)));
        case 'choice':
          return Math.max(...shape.alternatives.map((one) => 1 + depth(one.type, inner)));
        case 'list':
          return 1 + depth(shape.element, inner);
        case 'tagged':
          return 1 + depth(shape.type, inner);
        default:
          return 1;
      }
    };
    const deepest = Math.max(...Object.values(TYPES).map((type) => depth(type, [])));
    t.equal(deepest, 13, 'TGS-REQ: a name of an additional ticket');
  },
);

await t.test('decoded byte strings are views of the input, and plain ones even of a Buffer', async (t) => {
  const Body = sequenceWithRaw('Body', { data: field(0, octetString()) });
  const bytes = Buffer.from(encode(Body, { data: fromHex('0102') }));
  const { data, raw } = decode(Body, bytes);
  t.equal(data.constructor, Uint8Array);
  t.equal(toHex(raw ?? fromHex('')), bytes.toString('hex'));
  bytes.fill(0xee);
  t.equal(toHex(data), 'eeee');
  t.equal(toHex(raw ?? fromHex('')), 'ee'.repeat(bytes.length));
});

await t.test('raw is ignored when a value is encoded', async (t) => {
  const Body = sequenceWithRaw('Body', { data: field(0, Int32) });
  t.equal(toHex(encode(Body, { data: 1, raw: fromHex('ffff') })), '3005a003020101');
});

await t.test('encodings share memory but no byte', async (t) => {
  const values = Array.from({ length: 3000 }, (_, i) => ({ first: i, second: 'x'.repeat(i % 50) }));
  const encodings = values.map((value) => encode(Pair, value));
  encodings.forEach((bytes, i) => {
    const { first, second } = decode(Pair, bytes);
    if (first !== i || second !== values[i]?.second) t.fail(`encoding ${i} was overwritten`);
  });
  const [one, two] = [encode(Int32, 1), encode(Int32, 2)];
  one.fill(0);
  t.equal(toHex(two), '020102', 'whoever wipes one leaves the others alone');
});

await t.test('what is encoded outgrows its memory and comes out whole', async (t) => {
  const Big = sequence('Big', { first: field(0, octetString()), second: field(1, octetString()) });
  for (const size of [10_000, 33_000, 100_000]) {
    const value = { first: new Uint8Array(size).fill(1), second: new Uint8Array(size / 2).fill(2) };
    t.same(decode(Big, encode(Big, value)), value);
  }
});

await t.test('memory that was begun and left is wiped: it may hold a key', async (t) => {
  const Secret = sequence('Secret', { first: field(0, octetString()), key: field(1, octetString()) });
  const key = fromHex('5ec2e75ec2e75ec2e7');
  const chunk = () => toHex(new Uint8Array(encode(Int32, 1).buffer));

  const before = encode(Int32, 1);
  t.throws(() => encode(Secret, { first: undefined as never, key }), RangeError);
  t.equal(encode(Int32, 1).buffer, before.buffer);
  t.notMatch(chunk(), toHex(key), 'after a refused value');

  const old = encode(Int32, 1);
  const grown = encode(Secret, { first: new Uint8Array(100_000), key });
  t.not(grown.buffer, old.buffer);
  t.match(toHex(grown), toHex(key));
  t.notMatch(toHex(new Uint8Array(old.buffer)), toHex(key), 'after it was outgrown');
});

await t.test('a declaration that makes no sense is refused at once', async (t) => {
  t.throws(() => sequence('X', { b: field(1, Int32), a: field(0, Int32) }), /X: a is out of order/);
  t.throws(() => sequence('X', { a: field(0, Int32), b: field(0, Int32) }), /out of order/);
  t.throws(() => sequence('X', { 'a; evil()': field(0, Int32) }), /is no name for a field/);
});

await t.test('a value that lacks a field is refused', async (t) => {
  t.throws(() => encode(Pair, {} as never), { name: 'RangeError', message: 'Pair needs first' });
});

if (LOOPING) {
  await t.test('this run makes no functions of text', async (t) => {
    // oxlint-disable-next-line typescript/no-implied-eval -- asks whether it is refused
    t.throws(() => new Function('return 1'), EvalError);
  });
} else {
  await t.test(
    'all of this, and the messages, hold where functions of text are forbidden, too',
    async (t) => {
      for (const file of ['der.test.ts', 'messages.test.ts']) {
        const path = fileURLToPath(new URL(file, import.meta.url));
        const output = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', path], {
          encoding: 'utf8',
          env: {},
          maxBuffer: 1 << 26,
        });
        t.match(output, /^# \{ total: \d+, pass: \d+ \}$/m, file);
      }
    },
  );
}
