import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { Key } from '../../src/base/key.ts';
import { createCrypto } from '../../src/crypto/crypto.ts';
import { ctsDecrypt, ctsEncrypt } from '../../src/crypto/cts.ts';
import { checksumTypeOf, ETYPES } from '../../src/crypto/etypes.ts';
import { HEADROOM, workspace, type Primitives } from '../../src/crypto/primitives.ts';
import { makeConstant, nFold } from '../../src/crypto/rfc3961.ts';
import { derive as derive3962, rfc3962 } from '../../src/crypto/rfc3962.ts';
import { md4, rc4 } from '../../src/crypto/rfc4757.ts';
import { derive as derive8009 } from '../../src/crypto/rfc8009.ts';
import { ROWS } from './rows.ts';

/** A known answer; byte strings are hexadecimal. */
type Vector =
  | { op: 'n-fold'; input: string; length: number; output: string }
  | { op: 'string-to-key'; etype: number; password: string; salt: string; params?: string; key: string }
  | { op: 'derive'; etype: number; key: string; constant: string; output: string }
  | { op: 'cts'; key: string; plaintext: string; ciphertext: string }
  | {
      op: 'encrypt';
      etype: number;
      usage: number;
      key: string;
      confounder?: string;
      plaintext: string;
      ciphertext: string;
    }
  | { op: 'checksum'; etype: number; usage: number; key: string; data: string; checksum: string }
  | { op: 'prf'; etype: number; key: string; input: string; output: string }
  | { op: 'md4'; input: string; output: string }
  | { op: 'rc4'; key: string; offset: number; keystream: string };

for (const file of ['rfc3961', 'rfc3962', 'rfc8009', 'rfc4757']) {
  const path = new URL(`../../fixtures/crypto/${file}.json`, import.meta.url);
  const groups = JSON.parse(readFileSync(path, 'utf8')) as { source: string; vectors: Vector[] }[];
  for (const [name, primitives] of Object.entries(ROWS)) {
    for (const { source, vectors } of groups) {
      await t.test(`${name} computes the known answers of ${source}`, async (t) => {
        t.ok(vectors.length > 0);
        for (const vector of vectors) await check(t, primitives, vector);
      });
    }
  }
}

async function check(t: Test, primitives: Primitives, vector: Vector): Promise<void> {
  const crypto = createCrypto(primitives, { rc4: true });
  const title = JSON.stringify(vector);
  const same = (found: Uint8Array, expected: string): void => {
    t.equal(toHex(found), expected, title);
  };
  switch (vector.op) {
    case 'n-fold':
      same(nFold(fromHex(vector.input), vector.length), vector.output);
      break;
    case 'string-to-key': {
      const { etype, password, salt, params } = vector;
      const key = await crypto.stringToKey(
        etype,
        password,
        salt,
        params === undefined ? undefined : fromHex(params),
      );
      t.equal(key.etype, etype);
      same(key.bytes, vector.key);
      break;
    }
    case 'derive': {
      const row = ETYPES.find((row) => row.etype === vector.etype)!;
      const derive = row.scheme === rfc3962 ? derive3962 : derive8009;
      const constant = makeConstant(fromHex(vector.constant));
      same(derive(primitives, row, fromHex(vector.key), constant, vector.output.length / 2), vector.output);
      break;
    }
    case 'cts': {
      const aes = primitives.aesCbc(fromHex(vector.key));
      const plaintext = fromHex(vector.plaintext);
      const { length } = plaintext;
      const work = workspace(length);
      work.set(plaintext, HEADROOM);
      const ciphertext = ctsEncrypt(aes, work, HEADROOM, length, 0).subarray(0, length);
      same(ciphertext, vector.ciphertext);
      work.set(ciphertext, HEADROOM);
      same(ctsDecrypt(aes, work, HEADROOM, length).subarray(0, length), vector.plaintext);
      break;
    }
    case 'encrypt': {
      const key = new Key(vector.etype, fromHex(vector.key));
      same(crypto.decrypt(key, vector.usage, fromHex(vector.ciphertext)), vector.plaintext);
      if (vector.confounder === undefined) break;
      const confounder = fromHex(vector.confounder);
      const fixed = createCrypto({
        ...primitives,
        randomFill: (target, start, end) => {
          t.equal(end - start, confounder.length);
          target.set(confounder, start);
        },
      });
      same(fixed.encrypt(key, vector.usage, fromHex(vector.plaintext)), vector.ciphertext);
      break;
    }
    case 'checksum': {
      const key = new Key(vector.etype, fromHex(vector.key));
      const data = fromHex(vector.data);
      same(crypto.checksum(key, vector.usage, data), vector.checksum);
      const type = checksumTypeOf(vector.etype);
      t.ok(crypto.verifyChecksum(key, vector.usage, type, data, fromHex(vector.checksum)));
      break;
    }
    case 'prf':
      same(crypto.prf(new Key(vector.etype, fromHex(vector.key)), fromHex(vector.input)), vector.output);
      break;
    case 'md4':
      same(md4(fromHex(vector.input)), vector.output);
      break;
    case 'rc4': {
      const data = new Uint8Array(vector.offset + 16);
      rc4(fromHex(vector.key), data);
      same(data.subarray(vector.offset), vector.keystream);
      break;
    }
    default:
      t.fail(`nobody checks ${title}`);
  }
}
