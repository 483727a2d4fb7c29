import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { formatEndpoint, type Endpoint } from '../../src/transport/endpoint.ts';
import { listenError } from '../../src/transport/listen-error.ts';
import { startTransports, type TransportOptions } from '../../src/transport/listen.ts';
import { localAddresses } from '../../src/transport/local-addresses.ts';
import { openBoth } from '../../src/transport/open-both.ts';
import { findPortHolder } from '../../src/transport/port-holder.ts';
import { createQuietLog } from '../../src/transport/quiet-log.ts';
import { capturedLog } from '../support/captured-log.ts';
import { LOOPBACK } from '../support/loopback.ts';
import { temporaryFolder, type Scope } from '../support/run.ts';
import { framed, tcpClient } from '../support/tcp-client.ts';
import { udpClient } from '../support/udp-client.ts';

async function start(scope: Scope, options: Partial<TransportOptions>) {
  const log = capturedLog();
  const running = await startTransports({
    listen: ['127.0.0.1:0'],
    handler: (request, peer) => Buffer.from(`${peer.transport} ${String(Buffer.from(request))}`),
    log,
    ...options,
  });
  scope.teardown(() => running.close());
  return { running, log, port: running.addresses[0]?.port as number };
}

/** A machine whose addresses the test decides. */
function machine(...addresses: string[]) {
  const own = { addresses };
  return {
    own,
    interfaces: () => ({
      test0: own.addresses.map(
        (address) => ({ address, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo,
      ),
    }),
  };
}

await t.test('serves UDP and TCP on the same port, on each address, and tells the real ports', async (t) => {
  const hosts = [...LOOPBACK, '127.0.0.2'];
  const { running } = await start(t, { listen: hosts.map((host) => formatEndpoint({ host, port: 0 })) });
  t.same(
    running.addresses.map(({ host }) => host),
    hosts,
  );
  for (const { host, port } of running.addresses) {
    const udp = await udpClient(t, host);
    udp.send('hello', port);
    t.same((await udp.until(1)).map(String), ['udp hello']);
    const tcp = await tcpClient(t, port, { host });
    tcp.socket.write(framed('hello'));
    t.same((await tcp.until(1)).map(String), ['tcp hello']);
  }
  t.same(running.udpAddresses(), running.addresses);
  t.equal(running.counts().udp.answered, hosts.length);
  t.equal(running.counts().tcp.answered, hosts.length);
});

await t.test('gives its ports back when it closes', async (t) => {
  const { running, port } = await start(t, {});
  await running.close();
  await start(t, { listen: [`127.0.0.1:${port}`] });
});

await t.test('a wildcard answers from the address that was asked', async (t) => {
  const { interfaces } = machine('127.0.0.1', '127.0.0.2', '127.0.0.3');
  const { port } = await start(t, { listen: ['0.0.0.0:0'], interfaces });
  const client = await udpClient(t, '0.0.0.0');
  for (const address of ['127.0.0.3', '127.0.0.2', '127.0.0.1']) {
    client.send('hello', port, address);
    await client.until(1);
    t.equal(client.replies.shift()?.from.address, address);
    const tcp = await tcpClient(t, port, { host: address });
    tcp.socket.write(framed('hello'));
    await tcp.until(1);
  }
});

await t.test("a wildcard has a socket on each of this machine's own addresses", async (t) => {
  for (const [wildcard, loopback] of [
    ['0.0.0.0:0', '127.0.0.1'],
    ['[::]:0', '::1'],
  ] as const) {
    if (!LOOPBACK.includes(loopback)) continue;
    const { running } = await start(t, { listen: [wildcard] });
    const hosts = running.udpAddresses().map(({ host }) => host);
    t.ok(hosts.includes(loopback));
    t.same(hosts, localAddresses(loopback === '::1'));
  }
});

await t.test('follows addresses that come and go', async (t) => {
  const { own, interfaces } = machine('127.0.0.1', '127.0.0.2');
  const { running, port, log } = await start(t, {
    listen: ['0.0.0.0:0', '127.0.0.9:0'],
    interfaces,
    followInterval: 5,
  });
  const served = (): string =>
    running
      .udpAddresses()
      .map(({ host }) => host)
      .toSorted()
      .join(' ');
  const until = async (hosts: string): Promise<void> => {
    while (served() !== hosts) await turn();
  };
  t.equal(served(), '127.0.0.1 127.0.0.2 127.0.0.9');
  own.addresses = ['127.0.0.1', '127.0.0.4'];
  await until('127.0.0.1 127.0.0.4 127.0.0.9');
  const client = await udpClient(t, '127.0.0.1');
  client.send('hello', port, '127.0.0.4');
  await client.until(1);
  t.same(
    log.lines.map(({ level, fields }) => [level, fields['address']]),
    [
      ['info', `127.0.0.2:${port}`],
      ['info', `127.0.0.4:${port}`],
    ],
  );
  // An address that cannot be bound yet is told once, and tried again.
  own.addresses = ['127.0.0.1', '203.0.113.1'];
  while (log.lines.length < 4) await turn();
  own.addresses = ['127.0.0.1', '203.0.113.1', '127.0.0.5'];
  await until('127.0.0.1 127.0.0.5 127.0.0.9');
  t.same(
    log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['address']),
    [`203.0.113.1:${port}`],
  );
});

await t.test('starts although one address of a wildcard cannot be used yet', async (t) => {
  const { interfaces } = machine('203.0.113.1', '127.0.0.1');
  const { running } = await start(t, { listen: ['0.0.0.0:0'], interfaces });
  t.same(
    running.udpAddresses().map(({ host }) => host),
    ['127.0.0.1'],
  );
});

await t.test('gives link-local addresses their zone', async (t) => {
  const info = (address: string, family: 'IPv4' | 'IPv6') => ({ address, family }) as NetworkInterfaceInfo;
  const interfaces = () => ({
    eth0: [info('192.0.2.1', 'IPv4'), info('fe80::1', 'IPv6'), info('2001:db8::1', 'IPv6')],
    eth1: [info('fe80::1', 'IPv6'), info('192.0.2.1', 'IPv4')],
  });
  t.same(localAddresses(true, interfaces), ['fe80::1%eth0', '2001:db8::1', 'fe80::1%eth1']);
  t.same(localAddresses(false, interfaces), ['192.0.2.1']);
});

await t.test('takes another free port where UDP has none to match', async (t) => {
  const events: string[] = [];
  let port = 1000;
  const tcp = {
    listen: () => Promise.resolve(++port),
    unlisten: (endpoint: Endpoint) => Promise.resolve(void events.push(`TCP gives ${endpoint.port} back`)),
  };
  const udp = {
    open(endpoint: Endpoint) {
      if (endpoint.port < 1003 && endpoint.host === '127.0.0.2') {
        return Promise.reject(Object.assign(new Error('taken'), { code: 'EADDRINUSE' }));
      }
      events.push(`UDP has ${endpoint.host}:${endpoint.port}`);
      return Promise.resolve(endpoint.port);
    },
    shut: ({ host, port }: Endpoint) => Promise.resolve(void events.push(`UDP gives ${host}:${port} back`)),
  };
  const { interfaces } = machine('127.0.0.1', '127.0.0.2');
  t.same(await openBoth(tcp, udp, { host: '0.0.0.0', port: 0 }, interfaces), { host: '0.0.0.0', port: 1003 });
  t.same(events, [
    'UDP has 127.0.0.1:1001',
    'UDP gives 127.0.0.1:1001 back',
    'TCP gives 1001 back',
    'UDP has 127.0.0.1:1002',
    'UDP gives 127.0.0.1:1002 back',
    'TCP gives 1002 back',
    'UDP has 127.0.0.1:1003',
    'UDP has 127.0.0.2:1003',
  ]);
  port = 1000;
  await t.rejects(
    openBoth(tcp, udp, { host: '127.0.0.2', port: 77 }),
    { code: 'port-in-use' },
    'not for a port that was asked for',
  );
});

await t.test('refuses endpoints that cover the same address', async (t) => {
  for (const listen of [
    ['127.0.0.1:1088', '127.0.0.1:1088'],
    ['0.0.0.0:1088', '127.0.0.1:1088'],
    ['[::1]:1088', '127.0.0.1:1088', '[0:0::1]:1088'],
  ]) {
    await t.rejects(start(t, { listen }), { code: 'bad-endpoint', message: /cover the same address/ });
  }
  await t.rejects(start(t, { listen: ['kdc.example:88'] }), { code: 'bad-endpoint' });
});

await t.test('says which program holds a port, and lets go of what it has opened', async (t) => {
  for (const transport of ['udp', 'tcp'] as const) {
    const script =
      transport === 'udp'
        ? "const s = require('dgram').createSocket('udp4').bind(0, '127.0.0.1', () => console.log(s.address().port))"
        : "const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))";
    const { holder, taken } = await holdPort(t, script, transport === 'udp' ? 'tcp' : 'udp');
    const free = await start(t, {});
    await free.running.close();
    const error = start(t, { listen: [`127.0.0.1:${free.port}`, taken] });
    await t.rejects(error, {
      code: 'port-in-use',
      message: `cannot listen on ${transport.toUpperCase()} ${taken}: node (process ${holder.pid}) holds it`,
      hint: /ss -lpn/,
    });
    await start(t, { listen: [`127.0.0.1:${free.port}`] });
  }
});

/** Starts a program that holds a port of one transport, which nobody at the moment has a use for with the other one. */
async function holdPort(
  scope: Scope,
  script: string,
  other: 'udp' | 'tcp',
): Promise<{ holder: ChildProcess; taken: string }> {
  for (;;) {
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    scope.teardown(() => void holder.kill());
    const [text] = (await once(holder.stdout, 'data')) as [Buffer];
    const port = Number(String(text));
    const free = await new Promise<boolean>((resolve) => {
      const probe = other === 'udp' ? createSocket('udp4') : createServer();
      probe.once('error', () => resolve(false));
      const done = (): void => void probe.close(() => resolve(true));
      if (probe instanceof Server) probe.listen(port, '127.0.0.1', done);
      else probe.bind(port, '127.0.0.1', done);
    });
    if (free) return { holder, taken: `127.0.0.1:${port}` };
    holder.kill();
  }
}

await t.test('says when it is itself who holds the port', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address() as { port: number };
  await t.rejects(start(t, { listen: [`127.0.0.1:${port}`] }), { message: /this very process holds it/ });
});

await t.test("reads the kernel's tables: address, state, user, program", async (t) => {
  const proc = temporaryFolder(t);
  const line = (local: string, state: string, uid: number, inode: number): string =>
    `  10: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 2 0000 0`;
  const table = (...lines: string[]): string => ['  sl  local_address …', ...lines, ''].join('\n');
  mkdirSync(join(proc, 'net'));
  writeFileSync(
    join(proc, 'net/tcp'),
    table(line('0100007F:0058', '01', 1, 11), line('0200007F:0058', '0A', 2, 22)),
  );
  writeFileSync(join(proc, 'net/tcp6'), table(line(`${'0'.repeat(32)}:0059`, '0A', 3, 33)));
  writeFileSync(join(proc, 'net/udp'), table(line('0100007F:0058', '07', 104, 44)));
  for (const [pid, inode, command] of [
    [7, 22, '/usr/sbin/krb5kdc\0-P\0/run/krb5kdc.pid\0'],
    [8, 33, '/usr/bin/python3\0/opt/kdc/serve.py\0--password=secret\0'],
  ] as const) {
    mkdirSync(join(proc, `${pid}/fd`), { recursive: true });
    symlinkSync(`socket:[${inode}]`, join(proc, `${pid}/fd/3`));
    writeFileSync(join(proc, `${pid}/cmdline`), command);
  }
  const find = (transport: 'tcp' | 'udp', host: string, port: number) =>
    findPortHolder(transport, { host, port }, proc);
  t.equal(find('tcp', '127.0.0.1', 88), undefined, 'a connection is no listener');
  t.same(find('tcp', '127.0.0.2', 88), { pid: 7, program: 'krb5kdc' });
  t.same(find('tcp', '0.0.0.0', 88), { pid: 7, program: 'krb5kdc' }, 'a wildcard meets every address');
  t.same(find('tcp', '127.0.0.1', 89), { pid: 8, program: 'python3 serve.py' }, '[::] covers IPv4, too');
  t.same(find('udp', '127.0.0.1', 88), { uid: 104 }, 'a process that may not be looked at');
  t.equal(find('udp', '127.0.0.1', 89), undefined);
  t.equal(findPortHolder('udp', { host: '127.0.0.1', port: 88 }, join(proc, 'nothing')), undefined);
});

await t.test("turns the system's errors into what to do", async (t) => {
  const wrong = (code: string, endpoint: Endpoint, holder?: ReturnType<typeof findPortHolder>) =>
    listenError(Object.assign(new Error(code), { code }), 'udp', endpoint, () => holder);
  const kdc = { host: '127.0.0.1', port: 88 };
  t.match(wrong('EACCES', kdc), {
    code: 'port-forbidden',
    message: 'cannot listen on UDP 127.0.0.1:88: ports below 1024 are reserved to root',
    hint: /CAP_NET_BIND_SERVICE/,
  });
  t.match(wrong('EADDRINUSE', kdc), {
    code: 'port-in-use',
    message: /another program holds it/,
    hint: /sport = :88/,
  });
  t.match(wrong('EADDRINUSE', kdc, { uid: 104 }), { message: /a program of user 104 holds it/ });
  t.match(wrong('EADDRNOTAVAIL', { host: '203.0.113.1', port: 88 }), {
    code: 'address-not-here',
    hint: /It has .*127\.0\.0\.1/,
  });
  t.match(wrong('EAFNOSUPPORT', { host: '::', port: 88 }), { message: /no IPv6/ });
  t.match(wrong('EMFILE', kdc), { code: 'listen-failed', message: /EMFILE/ });
  await t.rejects(start(t, { listen: ['203.0.113.1:0'] }), { code: 'address-not-here' });
});

await t.test('logs each subject once in ten seconds, then with how often it was left out', async (t) => {
  const log = capturedLog();
  let now = 0;
  const quiet = createQuietLog(log, () => now);
  for (let i = 0; i < 1000; i++) quiet('a flood', { i });
  quiet('another', {});
  now = 10_000;
  quiet('a flood', { i: 1000 });
  t.same(
    log.lines.map(({ message, fields }) => [message, fields]),
    [
      ['a flood', { i: 0 }],
      ['another', {}],
      ['a flood', { i: 1000, notLogged: 999 }],
    ],
  );
});
