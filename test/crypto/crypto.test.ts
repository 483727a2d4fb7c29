import { createCipheriv, createSecretKey } from 'node:crypto';
import { inspect } from 'node:util';
import t from 'tap';
import { equalBytes, toHex, utf8 } from '../../src/base/bytes.ts';
import { Key } from '../../src/base/key.ts';
import { aesCbcDecrypt, aesCbcEncrypt } from '../../src/crypto/aes.ts';
import { createCrypto } from '../../src/crypto/crypto.ts';
import { CryptoError } from '../../src/crypto/errors.ts';
import {
  checksumTypeOf,
  ETYPES,
  etypeByName,
  etypeName,
  iterationsOf,
  keyLengthOf,
} from '../../src/crypto/etypes.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { portableCrypto } from '../../src/crypto/portable.ts';
import { ALL_ETYPES, CRYPTOS, ROWS } from './rows.ts';

const USAGE = 7;
const [, CRYPTO] = CRYPTOS[0]!;

await t.test('the rows understand each other, whatever the etype and the length', async (t) => {
  const lengths = [...Array(201).keys(), 1023, 1024, 1025, 16_000, 16_384, 70_000];
  for (const etype of ALL_ETYPES) {
    const shared = CRYPTO.randomKey(etype);
    const problems: string[] = [];
    for (const length of lengths) {
      const data = CRYPTO.randomBytes(length);
      const checksums = new Set<string>();
      // One key that is new each time, and one that all use all the time.
      for (const key of [CRYPTO.randomKey(etype), shared]) {
        for (const [from, sender] of CRYPTOS) {
          const ciphertext = sender.encrypt(key, USAGE, data);
          for (const [to, receiver] of CRYPTOS) {
            const plaintext = receiver.decrypt(key, USAGE, ciphertext);
            if (!equalBytes(plaintext, data)) problems.push(`${length} bytes from ${from} to ${to}`);
          }
        }
      }
      for (const [, crypto] of CRYPTOS) checksums.add(toHex(crypto.checksum(shared, USAGE, data)));
      for (const [, crypto] of CRYPTOS) checksums.add(toHex(crypto.prf(shared, data)));
      if (checksums.size !== 2) problems.push(`checksum or prf of ${length} bytes`);
    }
    t.same(problems, [], etypeName(etype));
  }
});

await t.test('the rows derive the same keys from passwords, texts or bytes', async (t) => {
  for (const etype of ALL_ETYPES) {
    for (const password of ['', 'x', 'pässwörd \u{1d11e}', 'long '.repeat(40)]) {
      const keys = new Set<string>();
      const params = etype === 23 ? undefined : Uint8Array.of(0, 0, 0, 3);
      for (const [, crypto] of CRYPTOS) {
        for (const form of [password, utf8(password)]) {
          const key = await crypto.stringToKey(etype, form, 'REALM1.EXAMPLEalice', params);
          keys.add(toHex(key.bytes));
        }
      }
      t.equal(keys.size, 1, `${etypeName(etype)} of a password of ${password.length}`);
    }
  }
});

await t.test('wrong key, wrong usage, a flipped bit, bytes missing or added: the same error', async (t) => {
  for (const [name, crypto] of CRYPTOS) {
    for (const etype of ALL_ETYPES) {
      const key = crypto.randomKey(etype);
      const ciphertext = crypto.encrypt(key, USAGE, utf8('a short message, two blocks'));
      const messages = new Set<string>();
      let failures = 0;
      let attempts = 0;
      const refuses = (key: Key, usage: number, ciphertext: Uint8Array): void => {
        attempts++;
        try {
          crypto.decrypt(key, usage, ciphertext);
        } catch (error) {
          if (error instanceof CryptoError && error.code === 'integrity') failures++;
          messages.add(String(error));
        }
      };
      refuses(crypto.randomKey(etype), USAGE, ciphertext);
      refuses(key, USAGE + 1, ciphertext);
      for (let bit = 0; bit < 8 * ciphertext.length; bit++) {
        const changed = ciphertext.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        refuses(key, USAGE, changed);
      }
      for (let length = 0; length < ciphertext.length; length++) {
        refuses(key, USAGE, ciphertext.subarray(0, length));
        refuses(key, USAGE, ciphertext.subarray(ciphertext.length - length));
      }
      refuses(key, USAGE, Uint8Array.of(...ciphertext, 0));
      t.equal(failures, attempts, `${name}, ${etypeName(etype)}: all ${attempts} are refused`);
      t.equal(messages.size, 1, 'and look alike');
      t.equal(
        new TextDecoder().decode(crypto.decrypt(key, USAGE, ciphertext)),
        'a short message, two blocks',
        'and do no harm to the key',
      );
    }
  }
});

await t.test('a checksum is verified only as the one that was made', async (t) => {
  const data = utf8('KDC-REQ-BODY');
  for (const [name, crypto] of CRYPTOS) {
    for (const etype of ALL_ETYPES) {
      const key = crypto.randomKey(etype);
      const type = checksumTypeOf(etype);
      const mac = crypto.checksum(key, USAGE, data);
      const changed = mac.slice();
      changed[mac.length - 1]! ^= 1;
      const results = [
        crypto.verifyChecksum(key, USAGE, type, data, mac),
        crypto.verifyChecksum(key, USAGE + 1, type, data, mac),
        crypto.verifyChecksum(crypto.randomKey(etype), USAGE, type, data, mac),
        crypto.verifyChecksum(key, USAGE, type + 1, data, mac),
        crypto.verifyChecksum(key, USAGE, type, utf8('KDC-REQ-BODZ'), mac),
        crypto.verifyChecksum(key, USAGE, type, data, changed),
        crypto.verifyChecksum(key, USAGE, type, data, mac.subarray(1)),
        crypto.verifyChecksum(key, USAGE, type, data, new Uint8Array()),
      ];
      t.same(results, [true, ...Array<boolean>(7).fill(false)], `${name}, ${etypeName(etype)}`);
    }
  }
});

await t.test('RC4 is refused like an unknown etype by a Crypto that was not told to allow it', async (t) => {
  const key = new Key(23, new Uint8Array(16));
  const refused = { name: 'CryptoError', code: 'unsupported-etype' };
  for (const crypto of [nodeCrypto, portableCrypto, createCrypto(ROWS['node']!, { rc4: false })]) {
    t.throws(() => crypto.randomKey(23), refused);
    await t.rejects(crypto.stringToKey(23, 'password', ''), refused);
    t.throws(() => crypto.encrypt(key, USAGE, new Uint8Array()), refused);
    t.throws(() => crypto.decrypt(key, USAGE, new Uint8Array(40)), refused);
    t.throws(() => crypto.checksum(key, USAGE, new Uint8Array()), refused);
    t.throws(() => crypto.verifyChecksum(key, USAGE, -138, new Uint8Array(), new Uint8Array(16)), refused);
    t.throws(() => crypto.prf(key, new Uint8Array()), refused);
  }
});

await t.test('etypes outside the table and keys of the wrong length are refused', async (t) => {
  for (const [, crypto] of CRYPTOS) {
    for (const etype of [0, 1, 3, 16, 24, -133, 2 ** 31]) {
      t.throws(() => crypto.randomKey(etype), { code: 'unsupported-etype' });
      t.throws(() => crypto.encrypt(new Key(etype, new Uint8Array(16)), USAGE, new Uint8Array()), {
        code: 'unsupported-etype',
      });
    }
    for (const etype of ALL_ETYPES) {
      for (const length of [0, 5, keyLengthOf(etype) - 1, keyLengthOf(etype) + 1]) {
        const key = new Key(etype, new Uint8Array(length));
        t.throws(() => crypto.decrypt(key, USAGE, new Uint8Array(64)), { code: 'bad-key' });
        t.throws(() => crypto.checksum(key, USAGE, new Uint8Array(64)), { code: 'bad-key' });
      }
    }
  }
});

await t.test('string-to-key parameters are four bytes with a count between 1 and two million', async (t) => {
  const count = (iterations: number): Uint8Array => {
    const params = new Uint8Array(4);
    new DataView(params.buffer).setUint32(0, iterations);
    return params;
  };
  t.equal(iterationsOf(18), 4096);
  t.equal(iterationsOf(20), 32_768);
  t.equal(iterationsOf(23), 0);
  t.equal(iterationsOf(18, count(1)), 1);
  t.equal(iterationsOf(18, count(2_000_000)), 2_000_000);
  const malformed = [0, 2_000_001, 2 ** 31, 2 ** 32 - 1].map(count);
  for (const params of [...malformed, new Uint8Array(), new Uint8Array(3), new Uint8Array(5)]) {
    for (const [, crypto] of CRYPTOS) {
      await t.rejects(crypto.stringToKey(18, 'password', 'salt', params), {
        name: 'CryptoError',
        code: 'bad-s2kparams',
      });
    }
  }
  t.throws(() => iterationsOf(18, count(0)), { message: /4294967296 iterations/, hint: /iteration count/ });
  t.throws(() => iterationsOf(23, count(1)), { code: 'bad-s2kparams' });
  t.equal(iterationsOf(23, new Uint8Array()), 0);
});

await t.test('AES in JavaScript is AES in OpenSSL', async (t) => {
  for (const keyLength of [16, 32]) {
    const problems: number[] = [];
    for (let blocks = 1; blocks <= 100; blocks++) {
      const key = CRYPTO.randomBytes(keyLength);
      const data = CRYPTO.randomBytes(16 * blocks + 32);
      const end = data.length - 16;
      const cipher = createCipheriv(`aes-${8 * keyLength}-cbc`, createSecretKey(key), new Uint8Array(16));
      const expected = toHex(cipher.update(data.subarray(16, end)));
      const encrypted = aesCbcEncrypt(key, data, 16, end);
      const decrypted = aesCbcDecrypt(key, encrypted, 0, encrypted.length);
      if (toHex(encrypted) !== expected || toHex(decrypted) !== toHex(data.subarray(16, end))) {
        problems.push(blocks);
      }
    }
    t.same(problems, [], `${keyLength} bytes of key`);
  }
});

await t.test('a key goes on working after more keys were in use than are kept open', async (t) => {
  const data = CRYPTO.randomBytes(1500);
  const keys = Array.from({ length: 1100 }, () => CRYPTO.randomKey(18));
  const problems: number[] = [];
  for (let round = 0; round < 3; round++) {
    keys.forEach((key, i) => {
      const ciphertext = nodeCrypto.encrypt(key, USAGE, data);
      const reader = round === 2 && i % 50 === 0 ? portableCrypto : nodeCrypto;
      if (toHex(reader.decrypt(key, USAGE, ciphertext)) !== toHex(data)) problems.push(i);
    });
  }
  t.same(problems, []);
});

await t.test('what is derived from a key is derived once, for each row of its own', async (t) => {
  for (const etype of [17, 18, 19, 20]) {
    const key = nodeCrypto.randomKey(etype);
    const ciphertext = nodeCrypto.encrypt(key, USAGE, utf8('message'));
    let ciphers = 0;
    const counting = createCrypto({
      ...ROWS['portable']!,
      aesCbc(bytes) {
        ciphers++;
        return ROWS['portable']!.aesCbc(bytes);
      },
    });
    counting.decrypt(key, USAGE, ciphertext);
    const first = ciphers;
    t.ok(first > 0, `${etypeName(etype)}: not with the other row's cipher`);
    for (let i = 0; i < 5; i++) counting.decrypt(key, USAGE, ciphertext);
    t.equal(ciphers, first, 'and with the same one from then on');
    counting.decrypt(key, USAGE + 1, counting.encrypt(key, USAGE + 1, utf8('message')));
    t.ok(ciphers > first, 'but not for another usage');
  }
});

await t.test('what decrypt returns belongs to the caller alone', async (t) => {
  for (const [name, crypto] of CRYPTOS) {
    for (const etype of ALL_ETYPES) {
      const key = crypto.randomKey(etype);
      const ciphertext = crypto.encrypt(key, USAGE, utf8('first'));
      const kept = ciphertext.slice();
      const first = crypto.decrypt(key, USAGE, ciphertext);
      const other = crypto.decrypt(key, USAGE, crypto.encrypt(key, USAGE, utf8('other')));
      other.fill(0);
      t.equal(new TextDecoder().decode(first), 'first', `${name}, ${etypeName(etype)}`);
      t.same(ciphertext, kept, 'and the ciphertext stays as it was');
      t.equal(Object.getPrototypeOf(first), Uint8Array.prototype, 'and is no Buffer');
      t.ok(first.buffer.byteLength < 256, 'nor a view of a larger memory');
    }
  }
});

await t.test('random bytes come in any quantity and do not repeat', async (t) => {
  for (const [name, crypto] of CRYPTOS) {
    const seen = new Set<string>();
    for (let i = 0; i < 3000; i++) seen.add(toHex(crypto.randomBytes(16)));
    t.equal(seen.size, 3000, name);
    for (const length of [0, 1, 255, 256, 257, 4095, 4096, 4097, 65_537]) {
      const bytes = crypto.randomBytes(length);
      t.equal(bytes.length, length);
      // A run of 16 zero bytes would be a part that nobody filled.
      t.notMatch(toHex(bytes), /(?:00){16}/);
    }
    const key = crypto.randomKey(18);
    const twice = [0, 1].map(() => toHex(crypto.encrypt(key, USAGE, utf8('same'))));
    t.not(twice[0], twice[1], 'and a message is never encrypted the same way twice');
  }
});

await t.test('nobody sees a key or a password by printing things', async (t) => {
  for (const [, crypto] of CRYPTOS) {
    for (const etype of ALL_ETYPES) {
      const key = await crypto.stringToKey(etype, 'correct horse', 'salt');
      const ciphertext = crypto.encrypt(key, USAGE, new Uint8Array());
      crypto.checksum(key, USAGE, new Uint8Array());
      const thrown = [
        () => crypto.decrypt(key, USAGE, ciphertext.fill(1)),
        () => crypto.encrypt(new Key(etype, key.bytes.subarray(1)), USAGE, new Uint8Array()),
        () => nodeCrypto.encrypt(new Key(99, key.bytes), USAGE, new Uint8Array()),
      ].map(caught);
      thrown.push(
        await crypto.stringToKey(etype, 'correct horse', 'salt', new Uint8Array(3)).then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
      t.ok(
        thrown.every((error) => error instanceof CryptoError),
        'each of these throws',
      );
      const text = [key, key.derived, { nested: { key } }, ...thrown]
        .flatMap((value) => [
          String(value),
          JSON.stringify(value),
          inspect(value, { depth: null, showHidden: true }),
          value instanceof Error ? `${value.stack}` : '',
        ])
        .concat(inspect(key, { depth: null, showHidden: true, customInspect: false }))
        .join('\n')
        .replace(/\s+/g, ' ');
      const bytes = [...key.bytes.subarray(0, 6)];
      for (const secret of [
        'correct horse',
        toHex(key.bytes.subarray(0, 4)),
        bytes.join(','),
        bytes.join(', '),
        inspect(Buffer.from(bytes)).slice(8, 25),
        Buffer.from(bytes).toString('base64'),
      ]) {
        t.notOk(text.toLowerCase().includes(secret.toLowerCase()), etypeName(etype));
      }
      t.match(text, `Key(etype ${etype})`);
    }
  }
});

await t.test('etypes have the names that MIT writes, and are found by usual ones', async (t) => {
  t.same(
    ETYPES.map(({ etype, name }) => [etype, name]),
    [
      [20, 'aes256-cts-hmac-sha384-192'],
      [19, 'aes128-cts-hmac-sha256-128'],
      [18, 'aes256-cts-hmac-sha1-96'],
      [17, 'aes128-cts-hmac-sha1-96'],
      [23, 'arcfour-hmac'],
    ],
  );
  for (const { etype, name } of ETYPES) {
    t.equal(etypeName(etype), name);
    t.equal(etypeByName(name), etype);
  }
  t.equal(etypeByName('AES256-SHA1'), 18);
  t.equal(etypeByName('aes128-cts'), 17);
  t.equal(etypeByName('rc4-hmac'), 23);
  t.equal(etypeByName('des-cbc-crc'), undefined);
  t.equal(etypeByName('constructor'), undefined);
  t.equal(etypeName(3), 'etype-3');
  t.same(
    ALL_ETYPES.map((etype) => [keyLengthOf(etype), checksumTypeOf(etype)]),
    [
      [16, 15],
      [32, 16],
      [16, 19],
      [32, 20],
      [16, -138],
    ],
  );
  t.throws(() => keyLengthOf(1), { code: 'unsupported-etype' });
  t.throws(() => checksumTypeOf(1), { code: 'unsupported-etype' });
});

function caught(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}
