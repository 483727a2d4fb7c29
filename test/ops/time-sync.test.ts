import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { parseTimeServer, startTimeSync, type TimeSyncOptions } from '../../src/ops/time-sync.ts';
import { capturedLog } from '../support/captured-log.ts';
import type { Scope } from '../support/run.ts';

/** How a time server of the test behaves; it may change while it runs. */
interface Behaviour {
  /** Seconds that its clock is ahead of ours. */
  ahead?: number;
  silent?: boolean;
  /** Seconds by which the origin timestamp it repeats is wrong. */
  originOff?: number;
  leap?: number;
  stratum?: number;
  mode?: number;
  /** Answer with these bytes instead. */
  raw?: Buffer;
}

const NTP_EPOCH = 2_208_988_800;

/** Writes milliseconds since 1970 as an NTP timestamp. */
function stamp(packet: Buffer, at: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  packet.writeUInt32BE(seconds + NTP_EPOCH, at);
  packet.writeUInt32BE(Math.floor(((milliseconds - seconds * 1000) / 1000) * 2 ** 32), at + 4);
}

/** A time server on loopback (RFC 5905 section 7.3), written from the RFC. */
async function timeServer(scope: Scope, behaviour: Behaviour) {
  const socket = createSocket('udp4');
  let asked = 0;
  socket.on('message', (request, from) => {
    asked++;
    if (behaviour.silent) return;
    const reply = Buffer.alloc(48);
    reply[0] = ((behaviour.leap ?? 0) << 6) | (4 << 3) | (behaviour.mode ?? 4);
    reply[1] = behaviour.stratum ?? 2;
    const now = Date.now() + (behaviour.ahead ?? 0) * 1000;
    request.copy(reply, 24, 40, 48);
    if (behaviour.originOff !== undefined) stamp(reply, 24, Date.now() + behaviour.originOff * 1000);
    stamp(reply, 32, now);
    stamp(reply, 40, now);
    socket.send(behaviour.raw ?? reply, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  scope.teardown(() => void socket.close());
  return { name: `127.0.0.1:${socket.address().port}`, asked: () => asked };
}

function watch(scope: Scope, servers: string[], options: Partial<TimeSyncOptions> = {}) {
  const log = capturedLog();
  const sync = startTimeSync({ servers, log, timeout: 100, ...options });
  scope.teardown(() => sync.stop());
  return { sync, log };
}

/** The status once the round that begins with the start is over. */
async function first(sync: ReturnType<typeof startTimeSync>) {
  while (sync.status === undefined) await turn();
  return sync.status;
}

await t.test('tells how far the clock is off, with its sign', async (t) => {
  for (const [ahead, text] of [
    [7, /behind/],
    [-7, /ahead/],
  ] as const) {
    const server = await timeServer(t, { ahead });
    const { sync, log } = watch(t, [server.name]);
    const { offset } = await first(sync);
    t.ok(offset !== undefined && Math.abs(offset - ahead) < 1, `${offset} for ${ahead}`);
    t.equal(log.lines.length, 1);
    t.match(log.lines[0], { level: 'info', message: text, fields: { servers: 1 } });
  }
});

await t.test('warns above 30 seconds: what follows from it, and what to do', async (t) => {
  for (const ahead of [31, -3600]) {
    const server = await timeServer(t, { ahead });
    const { sync, log } = watch(t, [server.name], { clockSkew: 120 });
    await first(sync);
    t.match(log.lines[0], {
      level: 'warn',
      message: /from 120 seconds of difference on, clients and services refuse/,
      fields: { hint: /chrony/ },
    });
  }
});

await t.test('takes the median, so that one wrong server decides nothing', async (t) => {
  const servers = await Promise.all([0, 0, 9000].map((ahead) => timeServer(t, { ahead })));
  const { sync, log } = watch(
    t,
    servers.map(({ name }) => name),
  );
  const { offset = 99 } = await first(sync);
  t.ok(Math.abs(offset) < 1);
  t.match(log.lines[0], { level: 'warn', message: /disagree/ });
});

await t.test('says once that a server gives no answer, and once that it does again', async (t) => {
  const behaviour: Behaviour = { silent: true };
  const [flaky, good] = [await timeServer(t, behaviour), await timeServer(t, {})];
  const { sync, log } = watch(t, [flaky.name, good.name]);
  await first(sync);
  await sync.check();
  const about = () => log.lines.filter(({ fields }) => fields['server'] === flaky.name);
  t.equal(about().length, 1);
  t.match(about()[0], { level: 'warn', fields: { error: /Timeout/, hint: /port 123/ } });
  t.equal(flaky.asked(), 4, 'each round asks a second time before it gives up');
  behaviour.silent = false;
  await sync.check();
  await sync.check();
  t.equal(about().length, 2);
  t.match(about()[1], { level: 'info', message: /again/ });
  t.equal(sync.status?.servers.length, 2);
});

await t.test('refuses answers that are none', async (t) => {
  const cases: [Behaviour, RegExp][] = [
    [{ originOff: -5 }, /belongs to no request/],
    [{ originOff: 5 }, /belongs to no request/],
    [{ leap: 3 }, /not synchronized/],
    [{ stratum: 0 }, /not synchronized/],
    [{ stratum: 16 }, /not synchronized/],
    [{ mode: 3 }, /no NTP reply/],
    [{ raw: Buffer.alloc(0) }, /no NTP reply/],
    [{ raw: Buffer.from([0x24]) }, /no NTP reply/],
    [{ raw: Buffer.alloc(3000, 0xff) }, /no NTP reply/],
  ];
  for (const [behaviour, error] of cases) {
    const server = await timeServer(t, behaviour);
    const { sync } = watch(t, [server.name]);
    const { offset, servers } = await first(sync);
    t.equal(offset, undefined);
    t.match(servers[0], { server: server.name, error });
  }
});

await t.test('asks again at every interval, until it is stopped', async (t) => {
  const server = await timeServer(t, {});
  const { sync } = watch(t, [server.name], { interval: 5 });
  while (server.asked() < 4) await turn();
  sync.stop();
  await sync.check();
  const asked = server.asked();
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(server.asked(), asked);
});

await t.test('reads names and IPv4 addresses, and says why IPv6 will not do', async (t) => {
  t.same(parseTimeServer('dc1.ad.example'), { host: 'dc1.ad.example', port: 123 });
  t.same(parseTimeServer('192.0.2.1:1123'), { host: '192.0.2.1', port: 1123 });
  for (const [text, message, hint] of [
    ['2001:db8::1', /IPv4 alone/, /IPv4 address/],
    ['[2001:db8::1]:123', /IPv4 alone/, /IPv4 address/],
    ['', /no host name/, /ntp\.example/],
    ['ntp server', /no host name/, /ntp\.example/],
    ['https://ntp.example', /is not a port/, /65535/],
    ['ntp.example:ntp', /"ntp" is not a port/, /65535/],
    ['ntp.example:0', /"0" is not a port/, /65535/],
  ] as const) {
    t.throws(() => parseTimeServer(text), { code: 'bad-time-server', message, hint });
  }
  t.throws(() => watch(t, ['::1']), { code: 'bad-time-server' });
});
