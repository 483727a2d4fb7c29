/**
 * `node bench/crypto.ts`: microseconds of CPU time per operation (best round), both rows of primitives side by side. "New key" is what a session
 * key costs: nothing was derived from it yet.
 */
import { Key } from '../src/base/key.ts';
import type { Crypto } from '../src/crypto/crypto.ts';
import { nodeCrypto } from '../src/crypto/node.ts';
import { portableCrypto } from '../src/crypto/portable.ts';
import { etypeName } from '../src/crypto/etypes.ts';

const ROUNDS = 12;
const CALLS = 4000;
const USAGE = 2;
const CRYPTOS = { node: nodeCrypto, portable: portableCrypto };

const table: Record<string, Record<string, string>> = {};
for (const etype of [18, 20]) {
  for (const [row, crypto] of Object.entries(CRYPTOS)) {
    for (const [name, operation] of operations(crypto, etype)) {
      (table[`${etypeName(etype)} ${name}`] ??= {})[row] = best(operation).toFixed(2);
    }
  }
}
for (const [row, crypto] of Object.entries(CRYPTOS)) {
  await crypto.stringToKey(18, 'warm', 'up');
  const before = process.cpuUsage();
  await crypto.stringToKey(18, 'password', 'REALM.EXAMPLEalice');
  (table['string-to-key, 4096 iterations of SHA-1'] ??= {})[row] = microsecondsSince(before).toFixed(0);
}
console.table(table);

function operations(crypto: Crypto, etype: number): [string, () => unknown][] {
  const key = crypto.randomKey(etype);
  const list: [string, () => unknown][] = [];
  for (const length of [48, 300, 1024, 4096]) {
    const data = crypto.randomBytes(length);
    const ciphertext = crypto.encrypt(key, USAGE, data);
    list.push(
      [`encrypt ${length}`, () => crypto.encrypt(key, USAGE, data)],
      [`decrypt ${length}`, () => crypto.decrypt(key, USAGE, ciphertext)],
      [`checksum ${length}`, () => crypto.checksum(key, USAGE, data)],
    );
  }
  const data = crypto.randomBytes(150);
  const ciphertext = crypto.encrypt(key, USAGE, data);
  list.push(
    ['random key', () => crypto.randomKey(etype)],
    ['new key: encrypt 150', () => crypto.encrypt(new Key(etype, key.bytes.slice()), USAGE, data)],
    ['new key: decrypt 150', () => crypto.decrypt(new Key(etype, key.bytes.slice()), USAGE, ciphertext)],
    ['new key: checksum 150', () => crypto.checksum(new Key(etype, key.bytes.slice()), USAGE, data)],
  );
  return list;
}

function best(operation: () => unknown): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS; i++) operation();
    least = Math.min(least, microsecondsSince(before) / CALLS);
  }
  return least;
}

function microsecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
