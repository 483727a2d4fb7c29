import { randomBytes, randomInt } from 'node:crypto';
import t from 'tap';
import { digestOf, Lookaside } from '../../src/transport/lookaside.ts';

/** `remember` and `find` with their digest. */
function lookaside(bytes: number, milliseconds = 3000) {
  const memory = new Lookaside(bytes, milliseconds);
  return {
    remember: (request: Uint8Array, address: string, port: number, reply: Uint8Array, now: number) =>
      memory.remember(digestOf(request, port), request, address, port, reply, now),
    find: (request: Uint8Array, address: string, port: number, now: number) =>
      memory.find(digestOf(request, port), request, address, port, now),
  };
}

await t.test('gives the reply to the same bytes from the same source, and to nothing else', async (t) => {
  const memory = lookaside(1 << 16);
  const request = randomBytes(301);
  const reply = randomBytes(700);
  memory.remember(request, '192.0.2.1', 1000, reply, 5);
  t.same(memory.find(Buffer.from(request), '192.0.2.1', 1000, 6), reply);
  t.equal(memory.find(request, '192.0.2.2', 1000, 6), undefined, 'another address');
  t.equal(memory.find(request, '192.0.2.1', 1001, 6), undefined, 'another port');
  t.equal(memory.find(request.subarray(0, 300), '192.0.2.1', 1000, 6), undefined, 'fewer bytes');
  for (let i = 0; i < request.length; i++) {
    const other = Buffer.from(request);
    other[i] = (other[i] as number) ^ (1 << randomInt(8));
    if (memory.find(other, '192.0.2.1', 1000, 6) !== undefined)
      t.fail(`byte ${i} changed, and nobody noticed`);
  }
});

await t.test('compares the bytes where two requests share a digest', async (t) => {
  const memory = new Lookaside(1 << 16, 3000);
  memory.remember(7, Buffer.from('first'), 'a', 1, Buffer.from('1'), 0);
  t.equal(memory.find(7, Buffer.from('other'), 'a', 1, 0), undefined);
  memory.remember(7, Buffer.from('other'), 'a', 1, Buffer.from('2'), 0);
  t.equal(memory.find(7, Buffer.from('other'), 'a', 1, 0)?.toString(), '2');
  t.equal(memory.find(7, Buffer.from('first'), 'a', 1, 0), undefined);
});

await t.test('forgets when the time is over', async (t) => {
  const memory = lookaside(1 << 16, 3000);
  const request = randomBytes(100);
  memory.remember(request, 'a', 1, Buffer.from('reply'), 1000);
  t.ok(memory.find(request, 'a', 1, 4000));
  t.equal(memory.find(request, 'a', 1, 4001), undefined);
});

await t.test('what it hands out stays as it is while the ring goes on', async (t) => {
  const memory = lookaside(4096);
  const request = randomBytes(100);
  memory.remember(request, 'a', 1, Buffer.from('the first reply'), 0);
  const found = memory.find(request, 'a', 1, 0);
  for (let i = 0; i < 100; i++) memory.remember(randomBytes(100), 'a', 1, randomBytes(500), 0);
  t.equal(found?.toString(), 'the first reply');
});

await t.test('never gives a wrong reply, however full the ring is', async (t) => {
  const memory = lookaside(10_000);
  const asked: { request: Buffer; port: number; reply: Buffer }[] = [];
  let found = 0;
  for (let i = 0; i < 5000; i++) {
    const request = randomBytes(randomInt(1, 400));
    const entry = { request, port: randomInt(1, 5), reply: randomBytes(randomInt(0, 900)) };
    asked.push(entry);
    memory.remember(request, 'a', entry.port, entry.reply, i);
    if (!memory.find(request, 'a', entry.port, i)?.equals(entry.reply)) t.fail('the newest reply is lost');
    const earlier = asked[Math.max(0, asked.length - 1 - randomInt(12))];
    if (earlier === undefined) continue;
    const answer = memory.find(earlier.request, 'a', earlier.port, i);
    if (answer === undefined) continue;
    found++;
    if (!answer.equals(earlier.reply)) t.fail('bytes of another reply');
  }
  t.ok(found > 1000, `${found} of 5000 were still there`);
});

await t.test('leaves out what is larger than itself', async (t) => {
  const memory = lookaside(4096);
  const request = randomBytes(2000);
  memory.remember(request, 'a', 1, randomBytes(3000), 0);
  t.equal(memory.find(request, 'a', 1, 0), undefined);
});
