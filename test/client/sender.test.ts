/** Which server is asked, when, and whose answer counts: on a clock of the test's own, and then over real sockets. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import {
  createSender,
  type Network,
  type SenderEvent,
  type Target,
  type Timer,
} from '../../src/client/failover.ts';
import { createLocator, type RealmServers } from '../../src/client/locate.ts';
import type { SendOptions } from '../../src/client/context.ts';
import { nodeClient, nodeNetwork } from '../../src/client/node.ts';
import { encode } from '../../src/codec/der/type.ts';
import { KrbError } from '../../src/codec/krb5/error.ts';
import { encodeKdcProxyMessage } from '../../src/codec/kkdcp.ts';

const REQUEST = Uint8Array.of(0x6a, 1);
const REPLY = Uint8Array.of(0x6b, 2);

function krbError(errorCode: number): Uint8Array {
  const sname = { nameType: 2, nameString: ['krbtgt', 'A'] };
  return encode(KrbError, { pvno: 5, msgType: 30, stime: 0, susec: 0, errorCode, realm: 'A', sname });
}

/** Time that passes when nothing else happens. */
class FakeTimer implements Timer {
  #now = 0;
  readonly #alarms = new Set<{ at: number; ring: () => void }>();

  now(): number {
    return this.#now;
  }

  /** Alarms that somebody still waits for. */
  get waiting(): number {
    return this.#alarms.size;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const alarm = { at: this.#now + milliseconds, ring: resolve };
    this.#alarms.add(alarm);
    const end = (): void => {
      this.#alarms.delete(alarm);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    return promise;
  }

  /** Lets time pass until `promise` settles; gives what it gives. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = promise.finally(() => (settled = true));
    done.catch(() => undefined);
    for (;;) {
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      if (settled) return done;
      const [next] = [...this.#alarms].toSorted((a, b) => a.at - b.at);
      if (next === undefined) throw new Error('nothing will ever happen again');
      this.#now = next.at;
      this.#alarms.delete(next);
      next.ring();
    }
  }
}

/** What a target does: answers (after some milliseconds), refuses, or keeps silent. */
type Behaviour = { readonly reply: Uint8Array; readonly after?: number } | 'refuse' | 'silent';

/** A sender to servers that behave as told: `udp 10.0.0.1` or `10.0.0.1` for both transports; others are silent. */
function play(
  behaviours: Readonly<Record<string, Behaviour>>,
  servers: RealmServers = ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  hosts: Readonly<Record<string, readonly string[]>> = {},
) {
  const timer = new FakeTimer();
  /** `udp 10.0.0.1 @0`: whom, over what, and when. */
  const asked: string[] = [];
  const messages: Uint8Array[] = [];
  const events: SenderEvent[] = [];
  let open = 0;
  const network: Network = {
    addresses: async (host) => {
      const addresses = hosts[host] ?? [host];
      if (addresses.length === 0) throw new Error('no such host');
      return addresses;
    },
    async exchange({ transport, address }, message, signal) {
      asked.push(`${transport} ${address} @${timer.now()}`);
      messages.push(message);
      const behaviour = behaviours[`${transport} ${address}`] ?? behaviours[address] ?? 'silent';
      open++;
      try {
        if (behaviour === 'refuse') throw new Error('connection refused');
        const after = behaviour === 'silent' ? 1e9 : (behaviour.after ?? 1);
        await timer.sleep(after, signal);
        signal.throwIfAborted();
        return behaviour === 'silent' ? REPLY : behaviour.reply;
      } finally {
        open--;
      }
    },
  };
  const locate = createLocator({ realms: { A: servers }, now: () => timer.now(), random: () => 0 });
  const send = createSender({ locate, network, timer, observe: (event) => events.push(event) });
  const ask = (signal?: AbortSignal, request = REQUEST, options: SendOptions = {}): Promise<Uint8Array> =>
    timer.run(send('A', request, { signal, ...options }));
  return { ask, asked, messages, events, timer, openExchanges: () => open };
}

await t.test('the first server answers, and nobody else is asked', async (t) => {
  const net = play({ '10.0.0.1': { reply: REPLY } });
  t.equal(await net.ask(), REPLY);
  t.strictSame(net.asked, ['udp 10.0.0.1 @0']);
  t.equal(net.timer.waiting, 0, 'nothing is left waiting');
  t.equal(net.openExchanges(), 0, 'nor open');
  t.match(net.events, [
    { kind: 'located', source: 'configuration', realm: 'A' },
    {
      kind: 'attempt',
      transport: 'udp',
      address: '10.0.0.1',
      port: 88,
      outcome: 'answered',
      milliseconds: 1,
    },
  ]);
});

await t.test(
  'a silent server is asked over UDP and TCP, and the next one within three seconds',
  async (t) => {
    const net = play({ '10.0.0.2': { reply: REPLY } });
    t.equal(await net.ask(), REPLY);
    t.strictSame(net.asked, ['udp 10.0.0.1 @0', 'tcp 10.0.0.1 @1000', 'udp 10.0.0.2 @2000']);
    t.ok(net.timer.now() < 3000);
    t.match(
      net.events
        .filter(({ kind }) => kind === 'attempt')
        .map((event) => ('outcome' in event ? event.outcome : '')),
      ['silent', 'silent', 'answered'],
    );
  },
);

await t.test('a silent server with several addresses takes no longer', async (t) => {
  const net = play({ '10.0.0.2': { reply: REPLY } }, ['one', '10.0.0.2'], {
    one: ['2001:db8::1', '10.0.0.1', '10.0.1.1', '10.0.1.2', '10.0.1.3'],
  });
  t.equal(await net.ask(), REPLY);
  t.equal(net.asked.at(-1), 'udp 10.0.0.2 @2000');
  t.equal(net.asked.length, 9, 'four addresses are enough of one server');
});

await t.test('an unreachable server, and a name without an address, cost no time', async (t) => {
  const net = play(
    { '10.0.0.1': 'refuse', '10.0.0.2': { reply: REPLY } },
    ['nowhere', '10.0.0.1', '10.0.0.2'],
    {
      nowhere: [],
    },
  );
  t.equal(await net.ask(), REPLY);
  t.strictSame(net.asked, ['udp 10.0.0.1 @0', 'tcp 10.0.0.1 @0', 'udp 10.0.0.2 @0']);
});

await t.test(
  'password servers are asked over TCP first, and each attempt has a message of its own',
  async (t) => {
    const servers = { kdcs: ['10.0.0.9'], kpasswd: ['10.0.0.1', '10.0.0.2'] };
    const net = play({ '10.0.0.2': { reply: REPLY }, '10.0.0.9': { reply: REPLY } }, servers);
    let made = 0;
    const renew = (): Uint8Array => Uint8Array.of(0, ++made);
    t.equal(await net.ask(undefined, REQUEST, { service: 'kpasswd', renew }), REPLY);
    t.strictSame(net.asked, ['tcp 10.0.0.1 @0', 'udp 10.0.0.1 @1000', 'tcp 10.0.0.2 @2000']);
    t.strictSame(net.messages, [REQUEST, Uint8Array.of(0, 1), Uint8Array.of(0, 2)]);
    const start = net.timer.now();
    await net.ask(undefined, REQUEST, { service: 'kpasswd', renew });
    t.equal(net.asked.at(-1), `tcp 10.0.0.2 @${start}`, 'who has answered is asked first');
    await net.ask();
    t.match(net.asked.at(-1), /^udp 10\.0\.0\.9 /, 'which says nothing about who gives tickets');
    const dead = play({ '10.0.0.1': 'refuse' }, ['10.0.0.1']);
    await t.rejects(dead.ask(undefined, REQUEST, { service: 'kpasswd', renew }), {
      code: 'no-answer',
      message: /10\.0\.0\.1:464 over TCP: connection refused/,
      hint: /port 464/,
    });
  },
);

await t.test('a server whose UDP is filtered answers over TCP', async (t) => {
  const net = play({ 'tcp 10.0.0.1': { reply: REPLY } });
  t.equal(await net.ask(), REPLY);
  t.strictSame(net.asked, ['udp 10.0.0.1 @0', 'tcp 10.0.0.1 @1000']);
});

await t.test(
  'an answer that is too big for UDP is fetched over TCP, at once and of the same server',
  async (t) => {
    const net = play({ 'udp 10.0.0.1': { reply: krbError(52) }, 'tcp 10.0.0.1': { reply: REPLY } });
    t.equal(await net.ask(), REPLY);
    t.strictSame(net.asked, ['udp 10.0.0.1 @0', 'tcp 10.0.0.1 @1']);
  },
);

await t.test('where TCP is closed then, that is what is told', async (t) => {
  const net = play({ 'udp 10.0.0.1': { reply: krbError(52) }, 'tcp 10.0.0.1': 'refuse' }, ['10.0.0.1']);
  t.strictSame(await net.ask(), krbError(52));
});

await t.test('nobody else is asked about a wrong password, or anything else that a KDC says', async (t) => {
  for (const code of [6, 14, 18, 23, 24, 37, 60]) {
    const net = play({ '10.0.0.1': { reply: krbError(code) }, '10.0.0.2': { reply: REPLY } });
    t.strictSame(await net.ask(), krbError(code));
    t.equal(net.asked.length, 1);
  }
  const garbage = play({ '10.0.0.1': { reply: Uint8Array.of(0x7e, 0xff) }, '10.0.0.2': { reply: REPLY } });
  t.strictSame(await garbage.ask(), Uint8Array.of(0x7e, 0xff), 'not even about garbage: the client tells');
});

await t.test('a server that says it cannot answer is left, over both transports', async (t) => {
  const net = play({ '10.0.0.1': { reply: krbError(29) }, '10.0.0.2': { reply: REPLY } });
  t.equal(await net.ask(), REPLY);
  t.strictSame(net.asked, ['udp 10.0.0.1 @0', 'udp 10.0.0.2 @1']);
  const all = play({ '10.0.0.1': { reply: krbError(29) }, '10.0.0.2': 'refuse' }, ['10.0.0.1', '10.0.0.2']);
  t.strictSame(await all.ask(), krbError(29), 'and heard where there is no other');
});

await t.test(
  'a slow server may still answer when others were asked, and the first answer counts',
  async (t) => {
    const net = play({
      'udp 10.0.0.1': { reply: krbError(24), after: 2500 },
      '10.0.0.2': { reply: REPLY, after: 900 },
    });
    t.strictSame(await net.ask(), krbError(24));
    t.equal(net.timer.now(), 2500);
  },
);

await t.test(
  'a KDC proxy takes its place in the order, and a silent one no more time than others',
  async (t) => {
    const servers = ['https://p1.test/KdcProxy', 'https://p2.test/KdcProxy', '10.0.0.1'];
    const silent = play({ '10.0.0.1': { reply: REPLY } }, servers);
    t.equal(await silent.ask(), REPLY);
    t.strictSame(silent.asked, ['https p1.test @0', 'https p2.test @2000', 'udp 10.0.0.1 @4000']);
    const wrapped = { reply: encodeKdcProxyMessage({ message: krbError(24) }).slice(), after: 2500 };
    const late = play({ 'https p1.test': wrapped }, servers);
    t.strictSame(await late.ask(), krbError(24), 'and may still answer when others were asked');
    t.strictSame(late.asked, ['https p1.test @0', 'https p2.test @2000']);
    const refused = play({ 'https p1.test': 'refuse', '10.0.0.1': { reply: REPLY } }, [
      'https://p1.test',
      '10.0.0.1',
    ]);
    t.equal(await refused.ask(), REPLY);
    t.strictSame(refused.asked, ['https p1.test @0', 'udp 10.0.0.1 @0']);
    refused.asked.length = 0;
    await refused.ask();
    t.strictSame(refused.asked, ['udp 10.0.0.1 @1'], 'whoever has answered comes first then');
  },
);

await t.test('silence has an end, and the error says who was asked', async (t) => {
  const silent = play({});
  await t.rejects(silent.ask(), {
    name: 'ClientError',
    code: 'no-answer',
    message: /all of them are silent/,
  });
  t.equal(silent.timer.now(), 6000 + 5000);
  t.equal(silent.openExchanges(), 0);
  const refused = play({ '10.0.0.1': 'refuse' }, ['10.0.0.1']);
  await t.rejects(refused.ask(), {
    code: 'no-answer',
    message: /10\.0\.0\.1:88 over UDP: connection refused; 10\.0\.0\.1:88 over TCP: connection refused/,
  });
  t.equal(refused.timer.now(), 0);
});

await t.test('the server that has answered is asked first from then on, for five minutes', async (t) => {
  const net = play({ '10.0.0.2': { reply: REPLY } });
  await net.ask();
  net.asked.length = 0;
  await net.ask();
  t.match(net.asked, [/^udp 10\.0\.0\.2 /]);
  await net.timer.run(net.timer.sleep(300_000, new AbortController().signal));
  net.asked.length = 0;
  await net.ask();
  t.match(net.asked[0], /^udp 10\.0\.0\.1 /);
});

await t.test('a request ends with its signal', async (t) => {
  const net = play({});
  const abort = new AbortController();
  const asked = net.ask(abort.signal);
  setImmediate(() => abort.abort(new Error('enough')));
  await t.rejects(asked, { message: 'enough' });
  t.equal(net.openExchanges(), 0);
  await t.rejects(net.ask(abort.signal), { message: 'enough' });
});

await t.test('a request that is too long for one packet goes over TCP first', async (t) => {
  const net = play({});
  await t.rejects(net.ask(undefined, new Uint8Array(1466)), { code: 'no-answer' });
  t.strictSame(net.asked.slice(0, 3), ['tcp 10.0.0.1 @0', 'udp 10.0.0.1 @1000', 'tcp 10.0.0.2 @2000']);
});

await t.test('a server can be asked over TCP alone', async (t) => {
  const net = play({ '10.0.0.1': { reply: REPLY } }, ['tcp/10.0.0.1:89']);
  t.equal(await net.ask(), REPLY);
  t.strictSame(net.asked, ['tcp 10.0.0.1 @0']);
});

/** A TCP server on loopback that does `serve` with each connection; gives its port. */
async function tcpServer(t: Test, serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

function exchange(
  target: Omit<Target, 'address'>,
  signal = new AbortController().signal,
): Promise<Uint8Array> {
  return nodeNetwork().exchange({ address: '127.0.0.1', ...target }, REQUEST, signal);
}

await t.test('over TCP', async (t) => {
  const frame = (length: number, ...bytes: number[]): Buffer => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(length);
    return Buffer.concat([prefix, Uint8Array.from(bytes)]);
  };

  await t.test('a message goes and comes with its length before it, in whatever pieces', async (t) => {
    const received: Buffer[] = [];
    const port = await tcpServer(t, (socket) => {
      const answer = frame(2, 0x6b, 2);
      const drip = (at: number): void => {
        if (at < answer.length) socket.write(answer.subarray(at, at + 1), () => setImmediate(drip, at + 1));
      };
      socket.setNoDelay(true).on('data', (piece) => {
        received.push(piece);
        drip(0);
      });
    });
    t.strictSame(Uint8Array.from(await exchange({ transport: 'tcp', port })), REPLY);
    t.strictSame(Buffer.concat(received), frame(2, 0x6a, 1));
  });

  await t.test('answers that are cut off, too long, or never announced are refused', async (t) => {
    const cases: [Buffer, RegExp][] = [
      [frame(3, 0x6b, 2), /closed the connection/],
      [Buffer.alloc(0), /closed the connection/],
      [frame(0x8000_0002, 0x6b, 2), /announces an answer of 2147483650 bytes/],
      [frame((1 << 20) + 1, 0x6b), /announces an answer of 1048577 bytes/],
    ];
    for (const [bytes, message] of cases) {
      const port = await tcpServer(t, (socket) => socket.on('data', () => socket.end(bytes)));
      await t.rejects(exchange({ transport: 'tcp', port }), { message });
    }
  });

  await t.test('a large answer arrives whole', async (t) => {
    const body = Buffer.alloc(1 << 20, 0x6b);
    const port = await tcpServer(t, (socket) => {
      socket.on('data', () => socket.write(Buffer.concat([frame(body.length), body])));
    });
    t.equal((await exchange({ transport: 'tcp', port })).length, body.length);
  });
});

await t.test('over UDP', async (t) => {
  const server = createSocket('udp4').bind(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address();

  await t.test('one datagram goes, and the first one back from there counts', async (t) => {
    server.once('message', (request, from) => {
      const stranger = createSocket('udp4');
      stranger.send(Uint8Array.of(0x7e), from.port, from.address, () => {
        stranger.close();
        server.send(REPLY, from.port, from.address);
      });
      t.strictSame(Uint8Array.from(request), REQUEST);
    });
    t.strictSame(
      Uint8Array.from(await exchange({ transport: 'udp', port })),
      REPLY,
      'and not that of a stranger',
    );
  });

  await t.test('a port where nobody listens is told at once', async (t) => {
    const gone = createSocket('udp4').bind(0, '127.0.0.1');
    await once(gone, 'listening');
    const nobody = gone.address().port;
    gone.close();
    await once(gone, 'close');
    await t.rejects(exchange({ transport: 'udp', port: nobody }), { code: 'ECONNREFUSED' });
    await t.rejects(exchange({ transport: 'tcp', port: nobody }), { code: 'ECONNREFUSED' });
  });

  await t.test('waiting ends with the signal', async (t) => {
    for (const transport of ['udp', 'tcp'] as const) {
      const quiet = transport === 'udp' ? port : await tcpServer(t, () => undefined);
      const abort = new AbortController();
      const asked = exchange({ transport, port: quiet }, abort.signal);
      setImmediate(() => abort.abort(new Error('enough')));
      await t.rejects(asked, { message: 'enough' });
      await t.rejects(exchange({ transport, port: quiet }, abort.signal), { message: 'enough' });
    }
  });

  await t.test('a client of Node asks the second server when the first is silent', async (t) => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    t.teardown(() => void silent.close());
    server.on('message', (_, from) => server.send(REPLY, from.port, from.address));
    const { send } = nodeClient({
      dns: false,
      realms: { A: [`127.0.0.1:${silent.address().port}`, `localhost:${port}`] },
      patience: 20,
    });
    t.strictSame(Uint8Array.from(await send('A', REQUEST)), REPLY);
    await t.rejects(send('B', REQUEST), { code: 'no-servers', message: /The realm is "B"/ });
  });
});

await t.test("Node's clock gives no microsecond twice", async (t) => {
  const { clock } = nodeClient({ dns: false });
  const times = Array.from({ length: 5000 }, () => clock.microseconds());
  t.equal(new Set(times).size, times.length);
  t.ok(Math.abs((times[0] ?? 0) / 1000 - Date.now()) < 60_000);
});
