import { networkInterfaces } from 'node:os';
import t from 'tap';
import { isAnswerable } from '../../src/transport/answerable.ts';
import { formatEndpoint } from '../../src/transport/endpoint.ts';
import type { MessageHandler, Peer } from '../../src/transport/handler.ts';
import type { TransportLimits } from '../../src/transport/limits.ts';
import { startTransports } from '../../src/transport/listen.ts';
import { capturedLog } from '../support/captured-log.ts';
import { LOOPBACK } from '../support/loopback.ts';
import type { Scope } from '../support/run.ts';
import { udpClient } from '../support/udp-client.ts';

async function serve(
  scope: Scope,
  handler: MessageHandler,
  limits: Partial<TransportLimits> = {},
  address = '127.0.0.1:0',
) {
  const log = capturedLog();
  const running = await startTransports({ listen: [address], handler, log, limits, udpReplyLimit: 1234 });
  scope.teardown(() => running.close());
  return { running, log, port: running.addresses[0]?.port as number, counts: running.counts().udp };
}

/** A handler whose answers the test gives when it likes, by the request's text. */
function slowHandler() {
  const pending = new Map<string, (reply: Uint8Array | undefined) => void>();
  let calls = 0;
  const handler: MessageHandler = (request) => {
    calls++;
    const text = Buffer.from(request).toString();
    if (text.startsWith('fast')) return Buffer.from(`re ${text}`);
    return new Promise((resolve) => pending.set(text, resolve));
  };
  return {
    handler,
    calls: () => calls,
    pending,
    answer: (text: string) => pending.get(text)?.(Buffer.from(`re ${text}`)),
  };
}

await t.test('answers every packet of a burst of 500', async (t) => {
  const { port, counts } = await serve(t, (request) => Buffer.concat([request, Buffer.from('!')]));
  const client = await udpClient(t);
  const sent = Array.from({ length: 500 }, (_, i) => `request ${i} ${'x'.repeat(280)}`);
  for (const request of sent) client.send(request, port);
  const got = await client.until(500);
  t.same(
    got.map(String),
    sent.map((request) => `${request}!`),
  );
  t.equal(counts.answered, 500);
});

await t.test('tells the handler who asks, where, and how much a reply may be', async (t) => {
  let peer: Peer | undefined;
  const { port } = await serve(t, (request, from) => {
    peer = from;
    return request;
  });
  const client = await udpClient(t);
  client.send('hello', port);
  await client.until(1);
  t.same(peer, {
    transport: 'udp',
    address: '127.0.0.1',
    port: client.port,
    localAddress: '127.0.0.1',
    maxReply: 1234,
  });
});

await t.test('what must wait holds up nobody else', async (t) => {
  const slow = slowHandler();
  const { port, counts } = await serve(t, slow.handler);
  const client = await udpClient(t);
  client.send('slow 1', port);
  client.send('slow 2', port);
  for (let i = 0; i < 100; i++) client.send(`fast ${i}`, port);
  const first = await client.until(100);
  t.ok(first.every((reply) => String(reply).startsWith('re fast')));
  slow.answer('slow 2');
  await client.until(101);
  slow.answer('slow 1');
  t.same((await client.until(102)).slice(100).map(String), ['re slow 2', 're slow 1']);
  t.equal(counts.answered, 102);
});

await t.test('a repeated request gets the same bytes again, and is worked on once', async (t) => {
  let calls = 0;
  const { port, counts } = await serve(t, () => Buffer.from(`answer ${++calls}`));
  const [client, other] = [await udpClient(t), await udpClient(t)];
  client.send('the same', port);
  client.send('the same', port);
  client.send('another', port);
  client.send('the same', port);
  t.same((await client.until(4)).map(String), ['answer 1', 'answer 1', 'answer 2', 'answer 1']);
  other.send('the same', port);
  t.same((await other.until(1)).map(String), ['answer 3'], 'another source is another request');
  t.equal(counts.repeated, 2);
});

await t.test('a request is worked on each time where the memory of replies is switched off', async (t) => {
  let calls = 0;
  const { port } = await serve(t, () => Buffer.from(`answer ${++calls}`), { lookasideBytes: 0 });
  const client = await udpClient(t);
  client.send('the same', port);
  client.send('the same', port);
  t.same((await client.until(2)).map(String), ['answer 1', 'answer 2']);
});

await t.test('a request that comes again while it is in work is dropped', async (t) => {
  const slow = slowHandler();
  const { port, counts } = await serve(t, slow.handler);
  const client = await udpClient(t);
  for (const text of ['slow', 'slow', 'slow', 'fast']) client.send(text, port);
  await client.until(1);
  t.equal(slow.calls(), 2);
  t.equal(counts.duplicate, 2);
  slow.answer('slow');
  await client.until(2);
  client.send('slow', port);
  t.same((await client.until(3)).map(String), ['re fast', 're slow', 're slow']);
  t.equal(slow.calls(), 2, 'and once it is answered the memory of replies has it');
});

await t.test('CVE-2002-2443: never answers a reply, an empty packet, or a port that echoes', async (t) => {
  let calls = 0;
  const { port, counts } = await serve(t, (request) => (calls++, request));
  const client = await udpClient(t);
  for (const first of [0x6b, 0x6d, 0x7e]) client.send(Buffer.from([first, 0x03, 1, 2, 3]), port);
  client.send('', port);
  client.send('a request', port);
  t.same((await client.until(1)).map(String), ['a request']);
  t.equal(calls, 1);
  t.equal(counts.unanswerable, 4);
  for (const source of [0, 7, 19]) t.notOk(isAnswerable(Buffer.from('a request'), source));
  t.ok(isAnswerable(Buffer.from('a request'), 88));
});

await t.test('bounds what is in work by number and by bytes, and recovers', async (t) => {
  for (const limits of [{ waiting: 3 }, { waitingBytes: 3 * 6 + 5 }]) {
    const slow = slowHandler();
    const { port, counts, log } = await serve(t, slow.handler, limits);
    const client = await udpClient(t);
    client.send('fast 1', port);
    for (let i = 0; i < 8; i++) client.send(`slow ${i}`, port);
    await client.until(1);
    while (counts.received < 9) await new Promise(setImmediate);
    t.equal(slow.pending.size, 3);
    t.equal(counts.overload, 5);
    t.equal(log.lines.length, 1, 'a flood is one line in the log');
    for (let i = 0; i < 3; i++) slow.answer(`slow ${i}`);
    await client.until(4);
    client.send('slow 9', port);
    client.send('fast 2', port);
    await client.until(5);
    slow.answer('slow 9');
    t.equal(String((await client.until(6)).at(-1)), 're slow 9');
  }
});

await t.test('gives up on answers that never come, and has their places again', async (t) => {
  const slow = slowHandler();
  const { port, counts } = await serve(t, slow.handler, { waiting: 2, workTime: 0 });
  const client = await udpClient(t);
  for (const text of ['lost 1', 'lost 2', 'fast']) client.send(text, port);
  t.equal(String((await client.until(1)).at(-1)), 're fast');
  t.equal(counts.failed, 2);
  slow.answer('lost 1');
  client.send('fast again', port);
  t.equal(String((await client.until(2)).at(-1)), 're fast again', 'and what comes too late is not sent');
});

await t.test(
  'a handler that throws, rejects, stays silent or answers nonsense costs one answer',
  async (t) => {
    const { port, counts, log } = await serve(t, (request) => {
      switch (String(Buffer.from(request).subarray(0, 5))) {
        case 'throw':
          throw new Error('a handler is broken');
        case 'rejec':
          return Promise.reject(new Error('a promise is broken'));
        case 'slow-':
          return Promise.resolve(undefined);
        case 'quiet':
          return undefined;
        case 'large':
          return new Uint8Array(70_000);
        default:
          return request;
      }
    });
    const client = await udpClient(t);
    for (let i = 0; i < 20; i++) {
      for (const text of ['throw', 'reject', 'slow-quiet', 'quiet', 'large', 'fine'])
        client.send(`${text} ${i}`, port);
    }
    const got = await client.until(20);
    t.ok(got.every((reply) => String(reply).startsWith('fine')));
    t.equal(counts.failed, 40);
    t.equal(counts.unsent, 20);
    t.equal(log.lines.length, 2, 'each kind of trouble is logged once');
    t.match(log.lines[0]?.fields['error'], /a handler is broken/);
  },
);

await t.test('closing answers what is in work, and takes nothing new', async (t) => {
  const slow = slowHandler();
  const { port, running } = await serve(t, slow.handler);
  const client = await udpClient(t);
  client.send('slow', port);
  client.send('fast', port);
  await client.until(1);
  const closed = running.close();
  client.send('too late', port);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(slow.calls(), 2);
  slow.answer('slow');
  await closed;
  t.equal(String((await client.until(2)).at(-1)), 're slow');
  await running.close();
});

await t.test('closing does not wait for an answer that never comes', async (t) => {
  const slow = slowHandler();
  const { port, running } = await serve(t, slow.handler, { closeTime: 50 });
  const client = await udpClient(t);
  client.send('slow', port);
  client.send('fast', port);
  await client.until(1);
  await running.close();
  slow.answer('slow');
  t.equal(client.replies.length, 1);
});

await t.test('serves IPv6, and link-local addresses with their zone', async (t) => {
  const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, infos = []]) =>
    infos.filter(({ address }) => address.startsWith('fe80:')).map(({ address }) => `${address}%${name}`),
  );
  for (const address of [...LOOPBACK, ...linkLocal.slice(0, 1)]) {
    let peer: Peer | undefined;
    const { port } = await serve(
      t,
      (request, from) => ((peer = from), request),
      {},
      formatEndpoint({ host: address, port: 0 }),
    );
    const client = await udpClient(t, address);
    client.send('over six', port);
    t.equal(String((await client.until(1))[0]), 'over six');
    t.equal(peer?.address, address);
    t.equal(peer?.localAddress, address);
  }
});
