import t from 'tap';
import { equalBytes, toHex } from '../../src/base/bytes.ts';
import { decode, encode } from '../../src/codec/der/type.ts';
import { build, difference, parse } from './asn1js.ts';
import { TYPES, messages } from './messages.ts';
import { generator, randomValue } from './random.ts';

const ROUNDS = 40;

await t.test(
  'asn1js reads every message of the fixtures as we do, and writes it byte for byte',
  async (t) => {
    for (const { name, type, bytes } of messages()) {
      const value = decode(type, bytes);
      t.equal(difference(type, value, parse(bytes)), undefined, name);
      t.equal(toHex(build(type, value)), toHex(bytes), `${name}, built by asn1js`);
    }
  },
);

await t.test('asn1js and we read and write random values of every type alike', async (t) => {
  const random = generator(20_261_122);
  for (const [name, type] of Object.entries(TYPES)) {
    for (let round = 0; round < ROUNDS; round++) {
      const value = randomValue(type, random);
      const ours = encode(type, value);
      const found = difference(type, value, parse(ours));
      if (found !== undefined) t.fail(`${name}: asn1js reads ${found} in ${toHex(ours)}`);
      const theirs = build(type, value);
      if (!equalBytes(ours, theirs)) t.fail(`${name}: we write ${toHex(ours)}, asn1js ${toHex(theirs)}`);
      const back = difference(type, decode(type, theirs), parse(theirs));
      if (back !== undefined) t.fail(`${name}: we read ${back} in ${toHex(theirs)}`);
    }
  }
  t.ok(Object.keys(TYPES).length > 40);
});

await t.test('the oracle tells a difference where there is one', async (t) => {
  const random = generator(7);
  for (const [name, type] of Object.entries(TYPES)) {
    // Some types have few values: two that differ are soon found.
    let differs = false;
    for (let round = 0; round < 50 && !differs; round++) {
      const [one, two] = [randomValue(type, random), randomValue(type, random)];
      differs = difference(type, one, parse(encode(type, two))) !== undefined;
    }
    t.ok(differs, name);
  }
});
