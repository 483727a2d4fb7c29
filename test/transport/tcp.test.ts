import { randomBytes, randomInt } from 'node:crypto';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { FrameReader, TOO_LONG } from '../../src/transport/frame.ts';
import type { MessageHandler, Peer } from '../../src/transport/handler.ts';
import { DEFAULT_LIMITS, type TransportLimits } from '../../src/transport/limits.ts';
import { createQuietLog } from '../../src/transport/quiet-log.ts';
import { createTcpServer } from '../../src/transport/tcp.ts';
import { capturedLog } from '../support/captured-log.ts';
import { LOOPBACK } from '../support/loopback.ts';
import type { Scope } from '../support/run.ts';
import { framed, tcpClient } from '../support/tcp-client.ts';

async function serve(
  scope: Scope,
  handler: MessageHandler,
  limits: Partial<TransportLimits> = {},
  host = '127.0.0.1',
) {
  const log = capturedLog();
  const server = createTcpServer({
    handler,
    fieldTooLong: () => Buffer.from('too long'),
    limits: { ...DEFAULT_LIMITS, closeTime: 100, ...limits },
    quiet: createQuietLog(log),
  });
  const port = await server.listen({ host, port: 0 });
  scope.teardown(() => server.close());
  return { server, port, log, counts: server.counts };
}

const echo: MessageHandler = (request) => request;

await t.test('cuts the stream into requests, whatever pieces it comes in, and holds little', async (t) => {
  const max = 3000;
  let requestsRead = 0;
  for (let round = 0; round < 300; round++) {
    const requests = Array.from({ length: randomInt(1, 12) }, () => randomBytes(randomInt(0, max + 1)));
    const stream = Buffer.concat(requests.map(framed));
    const reader = new FrameReader(max);
    const got: Uint8Array[] = [];
    const largest = round % 3 === 0 ? 4 : round % 3 === 1 ? 100 : 9000;
    for (let at = 0; at < stream.length;) {
      const piece = stream.subarray(at, (at += randomInt(1, largest + 1)));
      reader.push(Buffer.from(piece));
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        if (next === TOO_LONG) throw new Error('a request that was not too long');
        got.push(next);
        requestsRead++;
      }
      if (reader.held > max + 4) t.fail(`${reader.held} bytes held`);
    }
    if (!Buffer.concat(got.map(framed)).equals(stream)) t.fail('not the requests that were sent');
    if (reader.held > 0) t.fail(`${reader.held} bytes held after the last request`);
  }
  t.ok(requestsRead >= 300);
});

await t.test('a declared length costs no memory before the bytes are there', async (t) => {
  const reader = new FrameReader(64 << 10);
  reader.push(Buffer.from([0, 0, 0xff, 0xff]));
  t.equal(reader.next(), undefined);
  t.ok(reader.held <= 512);
  reader.push(Buffer.alloc(100));
  t.ok(reader.held <= 512);
});

await t.test(
  'a length above the limit, or with the high bit set, is told before its bytes come',
  async (t) => {
    for (const length of [65_537, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff]) {
      const reader = new FrameReader(65_536);
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32BE(length);
      reader.push(prefix);
      t.equal(reader.next(), TOO_LONG);
    }
  },
);

await t.test('answers many requests of a connection in order, in any chunking', async (t) => {
  const { port } = await serve(t, (request) =>
    (request[0] as number) % 3 === 0 ? turn().then(() => request) : request,
  );
  for (let round = 0; round < 20; round++) {
    const client = await tcpClient(t, port);
    const requests = Array.from({ length: 60 }, () => randomBytes(randomInt(1, 2000)));
    const stream = Buffer.concat(requests.map(framed));
    for (let at = 0; at < stream.length;) {
      client.socket.write(stream.subarray(at, (at += randomInt(1, 4000))));
      if (randomInt(4) === 0) await turn();
    }
    t.same(await client.until(60), requests);
  }
});

await t.test('tells the handler who asks, and that a reply may be long', async (t) => {
  for (const host of LOOPBACK) {
    let peer: Peer | undefined;
    const { port } = await serve(t, (request, from) => ((peer = from), request), {}, host);
    const client = await tcpClient(t, port, { host });
    client.socket.write(framed('hello'));
    await client.until(1);
    t.same(peer, {
      transport: 'tcp',
      address: host,
      port: client.socket.localPort,
      localAddress: host,
      maxReply: 0x7fff_ffff,
    });
  }
});

await t.test('carries long replies, and answers a client that has closed its side', async (t) => {
  const reply = randomBytes(3_000_000);
  const { port } = await serve(t, () => turn().then(() => reply));
  const client = await tcpClient(t, port, { allowHalfOpen: true });
  client.socket.end(framed('give me all'));
  t.ok((await client.until(1))[0]?.equals(reply));
  await client.end();
});

await t.test('works on one request of a connection at a time, and reads no more meanwhile', async (t) => {
  let working = 0;
  let most = 0;
  const { port, server } = await serve(t, async (request) => {
    most = Math.max(most, ++working);
    await turn();
    working--;
    return request;
  });
  const client = await tcpClient(t, port);
  const request = framed(randomBytes(1000));
  for (let i = 0; i < 1000; i++) client.socket.write(request);
  await client.until(3);
  t.ok(server.heldBytes <= 130_000, `${server.heldBytes} bytes held of a million sent`);
  await client.until(1000);
  t.equal(most, 1);
});

await t.test(
  'says FIELD_TOOLONG and closes where a request is too long or its high bit is set',
  async (t) => {
    const { port, counts } = await serve(t, echo);
    for (const prefix of ['80000005', '00010001', 'ffffffff']) {
      const client = await tcpClient(t, port);
      client.socket.write(framed('one'));
      client.socket.write(Buffer.concat([Buffer.from(prefix, 'hex'), randomBytes(100_000)]));
      t.same((await client.until(2)).map(String), ['one', 'too long']);
      await client.end();
    }
    t.equal(counts.malformed, 3);
    const client = await tcpClient(t, port);
    client.socket.write(Buffer.alloc(4));
    await client.end();
    t.equal(client.replies.length, 0, 'an empty request ends the connection');
  },
);

await t.test('a handler that throws, rejects or stays silent ends that connection alone', async (t) => {
  const { port, counts, log } = await serve(t, (request) => {
    const text = String(Buffer.from(request));
    if (text === 'throw') throw new Error('a handler is broken');
    if (text === 'reject') return Promise.reject(new Error('a promise is broken'));
    if (text === 'quiet') return undefined;
    if (text === 'late quiet') return Promise.resolve(undefined);
    return request;
  });
  const bystander = await tcpClient(t, port);
  for (const text of ['throw', 'reject', 'quiet', 'late quiet']) {
    const client = await tcpClient(t, port);
    client.socket.write(Buffer.concat([framed('fine'), framed(text), framed('never answered')]));
    await client.end();
    t.same(client.replies.map(String), ['fine'], text);
  }
  bystander.socket.write(framed('still here'));
  t.same((await bystander.until(1)).map(String), ['still here']);
  t.equal(counts.failed, 2);
  t.equal(log.lines.length, 1);
});

await t.test(
  'cuts off who says nothing, who dribbles, who idles and who waits for an answer too long',
  async (t) => {
    const { port, counts } = await serve(
      t,
      (request) => (request.length === 4 ? new Promise<never>(() => undefined) : request),
      { requestTime: 150, idleTime: 150, workTime: 150 },
    );
    const mute = await tcpClient(t, port);
    const dribbler = await tcpClient(t, port);
    const idler = await tcpClient(t, port);
    const waiter = await tcpClient(t, port);
    idler.socket.write(framed('hello'));
    waiter.socket.write(framed('wait'));
    const drops = setInterval(() => dribbler.socket.write(Buffer.from([0])), 20);
    dribbler.socket.write(Buffer.from([0, 0, 255]));
    t.teardown(() => clearInterval(drops));
    await Promise.all([mute.end(), dribbler.end(), idler.end(), waiter.end()]);
    t.equal(counts.timedOut, 4);
    t.same(idler.replies.map(String), ['hello']);
  },
);

await t.test('cuts off who does not read, and has not worked for it meanwhile', async (t) => {
  let calls = 0;
  const { port, counts } = await serve(t, () => (calls++, new Uint8Array(1 << 20)), { writeTime: 150 });
  const client = await tcpClient(t, port);
  client.socket.pause();
  for (let i = 0; i < 500; i++) client.socket.write(framed('more'));
  while (counts.timedOut === 0) await sleep(10);
  t.ok(calls < 50, `${calls} of 500 requests were answered`);
});

await t.test(
  'refuses more connections of one address than allowed, and admits again when some end',
  async (t) => {
    const { port, counts, server, log } = await serve(t, echo, { connectionsPerAddress: 5 });
    const clients = await Promise.all(Array.from({ length: 12 }, () => tcpClient(t, port)));
    while (counts.refused < 7) await turn();
    t.equal(server.open, 5);
    t.equal(log.lines.length, 1);
    while (clients.filter((client) => client.ended).length < 7) await turn();
    for (const client of clients.filter((client) => !client.ended)) {
      client.socket.write(framed('I am in'));
      await client.until(1);
      client.socket.end();
    }
    while (server.open > 0) await turn();
    const next = await tcpClient(t, port);
    next.socket.write(framed('now?'));
    t.same((await next.until(1)).map(String), ['now?']);
  },
);

await t.test('serves newcomers through a flood of 1000 connections that do nothing', async (t) => {
  const { port, server, counts } = await serve(t, echo, { connections: 50, connectionsPerAddress: 5000 });
  for (let i = 0; i < 20; i++) {
    const flood = await Promise.all(Array.from({ length: 50 }, () => tcpClient(t, port)));
    for (const client of flood) client.socket.write(Buffer.from([0, 0, 1]));
    const honest = await tcpClient(t, port);
    honest.socket.write(framed(`request ${i}`));
    t.same((await honest.until(1)).map(String), [`request ${i}`]);
    honest.socket.destroy();
    t.ok(server.open <= 50);
  }
  t.ok(counts.evicted >= 900);
});

await t.test('never evicts a connection whose request is in work', async (t) => {
  let answer: (reply: Uint8Array) => void = () => undefined;
  const { port, counts } = await serve(t, () => new Promise((resolve) => (answer = resolve)), {
    connections: 1,
  });
  const worker = await tcpClient(t, port);
  worker.socket.write(framed('work'));
  while (counts.requests === 0) await turn();
  const refused = await tcpClient(t, port);
  await refused.end();
  t.equal(counts.refused, 1);
  answer(Buffer.from('done'));
  t.same((await worker.until(1)).map(String), ['done']);
});

await t.test(
  'bounds the memory of unfinished requests, and drops who has done nothing for longest',
  async (t) => {
    const { port, server, counts } = await serve(t, echo, { inputBytes: 200_000 });
    const part = framed(randomBytes(60_000)).subarray(0, 50_000);
    const clients = [];
    for (let i = 0; i < 10; i++) {
      const client = await tcpClient(t, port);
      clients.push(client);
      client.socket.write(part);
      while (server.heldBytes < 50_000 && counts.evicted === 0) await turn();
      t.ok(server.heldBytes <= 200_000);
    }
    while (counts.evicted < 6) await turn();
    await clients[0]?.end();
    t.notOk(clients.at(-1)?.ended);
    t.ok(server.heldBytes <= 200_000);
  },
);

await t.test('survives garbage', async (t) => {
  const { port, server } = await serve(t, (request) => request.subarray(0, 10));
  const clients = await Promise.all(Array.from({ length: 60 }, () => tcpClient(t, port)));
  for (const client of clients) {
    for (let i = 0; i < 20; i++) client.socket.write(randomBytes(randomInt(1, 3000)));
    if (randomInt(2) === 0) client.socket.resetAndDestroy();
    else client.socket.end();
  }
  while (server.open > 0) await turn();
  t.equal(server.heldBytes, 0);
  const client = await tcpClient(t, port);
  client.socket.write(framed('still there?'));
  t.same((await client.until(1)).map(String), ['still ther']);
});

await t.test(
  'closing ends the idle at once, answers what is in work, and waits for nothing else',
  async (t) => {
    let answer: (reply: Uint8Array) => void = () => undefined;
    const { port, server, counts } = await serve(
      t,
      (request) => (request.length === 4 ? new Promise((resolve) => (answer = resolve)) : request),
      { closeTime: 60_000 },
    );
    const [idle, halfway, worker] = [
      await tcpClient(t, port),
      await tcpClient(t, port),
      await tcpClient(t, port),
    ];
    idle.socket.write(framed('hello'));
    halfway.socket.write(Buffer.from([0, 0, 0, 9, 1]));
    worker.socket.write(Buffer.concat([framed('work'), framed('not this one')]));
    await idle.until(1);
    while (counts.requests < 2 || server.heldBytes < 5) await turn();
    const closed = server.close();
    await Promise.all([idle.end(), halfway.end()]);
    answer(Buffer.from('done'));
    await closed;
    await worker.end();
    t.same(worker.replies.map(String), ['done']);
    const late = await tcpClient(t, port);
    await late.end();
  },
);

await t.test('closing does not wait for an answer that never comes', async (t) => {
  const { port, server, counts } = await serve(t, () => new Promise<never>(() => undefined));
  const client = await tcpClient(t, port);
  client.socket.write(framed('work'));
  while (counts.requests === 0) await turn();
  await server.close();
  await client.end();
});
