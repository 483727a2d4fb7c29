/** Where a realm's servers are: as configured, or as DNS says. */
import t from 'tap';
import { createLocator, type LocatorOptions, type ServiceDns } from '../../src/client/locate.ts';
import { nodeClient } from '../../src/client/node.ts';
import { createDnsClient } from '../../src/client/node-dns.ts';
import { parseServer, showServer } from '../../src/client/server.ts';
import { byPriority, type ServiceRecord, uriTarget } from '../../src/client/service-records.ts';
import { srv, startFakeDns, uri } from './fake-dns.ts';

const locator = (options: Partial<LocatorOptions>): ReturnType<typeof createLocator> =>
  createLocator({ now: () => 0, random: () => 0, ...options });

await t.test('configured servers', async (t) => {
  await t.test('are used in their order, with the ports of their service', async (t) => {
    const locate = locator({
      realms: {
        A: ['kdc1.a.test', '192.0.2.1:89', '[2001:db8::1]:88', '[2001:db8::2]', 'tcp/kdc2.a.test'],
        B: { kdcs: ['kdc.b.test'], primary: ['main.b.test'], kpasswd: ['main.b.test:465'] },
      },
    });
    const both = ['udp', 'tcp'];
    t.strictSame(await locate('A'), {
      source: 'configuration',
      servers: [
        { host: 'kdc1.a.test', port: 88, transports: both },
        { host: '192.0.2.1', port: 89, transports: both },
        { host: '2001:db8::1', port: 88, transports: both },
        { host: '2001:db8::2', port: 88, transports: both },
        { host: 'kdc2.a.test', port: 88, transports: ['tcp'] },
      ],
    });
    t.match((await locate('A', 'kpasswd')).servers[1], { host: '192.0.2.1', port: 464 });
    t.match((await locate('A', 'primary')).servers[1], { host: '192.0.2.1', port: 89 });
    t.match((await locate('B', 'primary')).servers, [{ host: 'main.b.test', port: 88 }]);
    t.match((await locate('B', 'kpasswd')).servers, [{ host: 'main.b.test', port: 465 }]);
  });

  await t.test('may be KDC proxies, and are written as they were', async (t) => {
    for (const [text, server] of [
      ['https://proxy.a.test/KdcProxy', { host: 'proxy.a.test', port: 443 }],
      ['https://proxy.a.test:8443/a/b', { host: 'proxy.a.test', port: 8443 }],
      ['https://[2001:db8::1]:8443/KdcProxy', { host: '2001:db8::1', port: 8443 }],
      ['https://192.0.2.1/KdcProxy', { host: '192.0.2.1', port: 443 }],
    ] as const) {
      const found = parseServer(text, 88);
      t.strictSame(found, { ...server, transports: ['https'], url: text });
      t.equal(showServer(found), text);
    }
    for (const text of ['https://proxy.a.test', 'HTTPS://proxy.a.test:443/'])
      t.equal(parseServer(text, 88).url, 'https://proxy.a.test/KdcProxy', text);
    t.equal(showServer(parseServer('[2001:db8::1]', 88)), '[2001:db8::1]:88');
    const proxy = { host: 'p', port: 443, transports: ['https'], url: 'https://p/KdcProxy' };
    const locate = locator({ realms: { A: ['https://p/KdcProxy', 'kdc.a.test'] } });
    t.strictSame((await locate('A', 'kpasswd')).servers, [
      proxy,
      { host: 'kdc.a.test', port: 464, transports: ['udp', 'tcp'] },
    ]);
  });

  await t.test('that are none are told', async (t) => {
    for (const text of [
      'https://',
      'https:///KdcProxy',
      'https://host:0/KdcProxy',
      'https://user:secret@host/KdcProxy',
      'https://host/KdcProxy?realm=A',
      'https://host/KdcProxy#x',
      'https://ho st/KdcProxy',
      'https://host/Kdc Proxy',
      `https://host/${'x'.repeat(1000)}`,
      'ftp://host/',
      '',
      ':88',
      'a b',
      'host:0',
      'host:65536',
      'http://host',
      '[::1',
      'udp/host',
      'host:',
    ]) {
      t.throws(() => parseServer(text, 88), { code: 'bad-server' }, text);
      t.throws(() => locator({ realms: { A: [text] } }), { code: 'bad-server' });
    }
  });

  await t.test('of other realms are not guessed', async (t) => {
    const locate = locator({ realms: { A: ['x'] } });
    await t.rejects(locate('a'), {
      code: 'no-servers',
      message: /"a".*DNS is not asked/,
      hint: /case-sensitive/,
    });
    const never = async (): Promise<never> => t.fail('nobody is asked') as never;
    const dns = { srv: never, uri: never };
    for (const realm of ['', 'A B', '/COM/X', 'a..b', '.', `${'a.'.repeat(150)}b`, '\u00fc.test', '*.test'])
      await t.rejects(locator({ dns })(realm), { code: 'no-servers' }, JSON.stringify(realm));
  });
});

await t.test('priority and weight (RFC 2782)', async (t) => {
  const record = (host: string, priority: number, weight: number): ServiceRecord => ({
    host,
    priority,
    weight,
    port: 88,
    transport: 'udp',
  });
  const hosts = (records: ServiceRecord[], random: () => number): string =>
    byPriority(records, random)
      .map(({ host }) => host)
      .join('');

  t.equal(
    hosts([record('c', 20, 0), record('a', 0, 0), record('b', 10, 99)], () => 0.99),
    'abc',
  );
  const weighted = [record('a', 0, 0), record('b', 0, 10), record('c', 0, 30)];
  t.equal(
    hosts(weighted, () => 0),
    'abc',
    'the smallest draw takes the weightless one first',
  );
  t.equal(
    hosts(weighted, () => 0.999),
    'cba',
    'the greatest one the last',
  );

  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 0x7fff_ffff) / 0x7fff_ffff;
  const first: Record<string, number> = { a: 0, b: 0, c: 0 };
  for (let i = 0; i < 4000; i++) first[hosts(weighted, random).charAt(0)]! += 1;
  const { a = 0, b = 0, c = 0 } = first;
  t.ok(a > 40 && a < 200, `weight 0 has a small chance: ${a}`);
  t.ok(c / b > 2.5 && c / b < 3.5, `weight 30 comes first three times as often as weight 10: ${c / b}`);
});

await t.test('URI records, as MIT krb5 writes them', async (t) => {
  const read = (target: string) => uriTarget({ priority: 1, weight: 2, target }, 88);
  t.match(read('krb5srv:m:udp:kdc1.a.test'), {
    host: 'kdc1.a.test',
    port: 88,
    transport: 'udp',
    primary: true,
  });
  t.match(read('krb5srv::tcp:192.0.2.1:89'), {
    host: '192.0.2.1',
    port: 89,
    transport: 'tcp',
    primary: false,
  });
  t.match(read('KRB5SRV:x:TCP:[2001:db8::1]:89'), { host: '2001:db8::1', port: 89, transport: 'tcp' });
  t.match(read('krb5srv::udp:kdc1.a.test.'), { host: 'kdc1.a.test' });
  t.match(read('krb5srv::udp:kdc1.a.test.:90'), { host: 'kdc1.a.test', port: 90 });
  t.match(read('krb5srv:m:kkdcp:https://proxy.a.test/KdcProxy'), {
    transport: 'https',
    url: 'https://proxy.a.test/KdcProxy',
    primary: true,
  });
  for (const target of [
    '',
    'krb5srv::kkdcp:http://x/',
    'krb5srv::kkdcp:https://',
    'krb5srv::kkdcp:proxy.a.test',
    'https://x',
    'krb5srv:udp:x',
    'krb5srv::udp:',
    'krb5srv::udp:x:0',
  ])
    t.equal(read(target), undefined, target);
});

/** A DNS whose answers are given by name; counts its questions. */
function dnsOf(zone: Record<string, readonly Omit<ServiceRecord, 'transport'>[]>, ttl = 300) {
  const asked: string[] = [];
  const dns: ServiceDns = {
    srv: async (name) => {
      asked.push(name);
      return { records: zone[name] ?? [], ttl };
    },
    uri: async (name) => {
      asked.push(`URI ${name}`);
      return { records: [], ttl };
    },
  };
  return { dns, asked };
}

const KDC1 = { host: 'kdc1.a.test', port: 88, priority: 0, weight: 0 };

await t.test('what DNS says is remembered', async (t) => {
  await t.test('for as long as it holds, within bounds', async (t) => {
    for (const [ttl, holds] of [
      [300, 300],
      [0, 5],
      [1e9, 86_400],
    ] as const) {
      let now = 0;
      const { dns, asked } = dnsOf({ '_kerberos._udp.A': [KDC1] }, ttl);
      const locate = locator({ dns, now: () => now });
      await locate('A');
      t.equal(asked.length, 3);
      now = holds * 1000 - 1;
      await locate('A');
      t.equal(asked.length, 3);
      now = holds * 1000;
      await locate('A');
      t.equal(asked.length, 6);
    }
  });

  await t.test('shortly, where it says that there is nothing', async (t) => {
    let now = 0;
    const { dns, asked } = dnsOf({}, 3600);
    const locate = locator({ dns, now: () => now });
    await t.rejects(locate('A'), { code: 'no-servers', message: /DNS has no records/ });
    await t.rejects(locate('A'), { code: 'no-servers' });
    t.equal(asked.length, 3);
    now = 60_000;
    await t.rejects(locate('A'), { code: 'no-servers' });
    t.equal(asked.length, 6);
  });

  await t.test('for seconds, where it does not answer', async (t) => {
    let now = 0;
    let asked = 0;
    const fails = async (): Promise<never> => {
      asked++;
      throw new Error('timed out');
    };
    const locate = locator({ dns: { srv: fails, uri: fails }, now: () => now });
    await t.rejects(locate('A'), {
      code: 'no-servers',
      message: /DNS does not answer/,
      cause: { message: 'timed out' },
    });
    await t.rejects(locate('A'), { code: 'no-servers' });
    t.equal(asked, 3);
    now = 5000;
    await t.rejects(locate('A'), { code: 'no-servers' });
    t.equal(asked, 6);
  });

  await t.test('of a bounded number of realms', async (t) => {
    const { dns, asked } = dnsOf({}, 3600);
    const locate = locator({ dns });
    for (let i = 0; i < 1000; i++) await locate(`A${i}`).catch(() => undefined);
    asked.length = 0;
    await locate('A0').catch(() => undefined);
    t.equal(asked.length, 3, 'the first one is forgotten');
  });

  await t.test('and asked once by many who wait', async (t) => {
    const { dns, asked } = dnsOf({ '_kerberos._tcp.A': [KDC1] });
    const locate = locator({ dns });
    await Promise.all([locate('A'), locate('A'), locate('A')]);
    t.equal(asked.length, 3);
  });
});

await t.test('the order is drawn anew each time', async (t) => {
  const { dns } = dnsOf({
    '_kerberos._udp.A': [
      { ...KDC1, weight: 1 },
      { ...KDC1, host: 'kdc2.a.test', weight: 1 },
    ],
  });
  let draw = 0;
  const locate = locator({ dns, random: () => draw });
  t.equal((await locate('A')).servers[0]?.host, 'kdc1.a.test');
  draw = 0.99;
  t.equal((await locate('A')).servers[0]?.host, 'kdc2.a.test');
});

await t.test('a DNS server', async (t) => {
  const dns = await startFakeDns(t);
  const fresh = () => locator({ dns: createDnsClient({ servers: [dns.server], timeout: 10_000 }) });
  const U = '_kerberos._udp.A.TEST';
  const T = '_kerberos._tcp.A.TEST';
  const zone = dns.zone;
  const clear = (): void => {
    for (const key of Object.keys(zone)) delete zone[key];
    dns.asked.length = 0;
  };

  await t.test('that has SRV records', async (t) => {
    clear();
    zone['SRV _kerberos._udp.a.test'] = [srv(U, 'kdc2.a.test', 88, 10), srv(U, 'kdc1.a.test', 88, 0)];
    zone['SRV _kerberos._tcp.a.test'] = [
      srv(T, 'KDC1.a.test', 88, 0),
      srv(T, 'kdc3.a.test', 89, 20),
      srv(T, '.', 1, 0),
    ];
    t.strictSame(await fresh()('A.TEST'), {
      source: 'DNS SRV',
      servers: [
        { host: 'kdc1.a.test', port: 88, transports: ['udp', 'tcp'] },
        { host: 'kdc2.a.test', port: 88, transports: ['udp', 'tcp'] },
        { host: 'kdc3.a.test', port: 89, transports: ['tcp'] },
      ],
    });
    t.strictSame(dns.asked.toSorted(), [
      'SRV _kerberos._tcp.a.test',
      'SRV _kerberos._udp.a.test',
      'URI _kerberos.a.test',
    ]);
  });

  await t.test('that has URI records: they count alone', async (t) => {
    zone['URI _kerberos.a.test'] = [
      uri('_kerberos.A.TEST', 'krb5srv::kkdcp:https://proxy.a.test/KdcProxy', 30),
      uri('_kerberos.A.TEST', 'krb5srv::carrier-pigeon:kdc7.a.test', 0),
      uri('_kerberos.A.TEST', 'krb5srv:m:tcp:kdc9.a.test:90', 20),
      uri('_kerberos.A.TEST', 'krb5srv::udp:kdc8.a.test', 10),
    ];
    t.strictSame(await fresh()('A.TEST'), {
      source: 'DNS URI',
      servers: [
        { host: 'kdc8.a.test', port: 88, transports: ['udp', 'tcp'] },
        { host: 'kdc9.a.test', port: 90, transports: ['tcp'] },
        { host: 'proxy.a.test', port: 443, transports: ['https'], url: 'https://proxy.a.test/KdcProxy' },
      ],
    });
    t.match(await fresh()('A.TEST', 'primary'), { servers: [{ host: 'kdc9.a.test' }] });
  });

  await t.test('that says where passwords are changed, and which KDC is the primary', async (t) => {
    clear();
    zone['SRV _kerberos._udp.a.test'] = [srv(U, 'kdc1.a.test', 88)];
    t.match(
      await fresh()('A.TEST', 'primary'),
      { servers: [{ host: 'kdc1.a.test' }] },
      'none said: every KDC',
    );
    zone['SRV _kerberos-master._udp.a.test'] = [srv('_kerberos-master._udp.A.TEST', 'main.a.test', 88)];
    zone['SRV _kpasswd._udp.a.test'] = [srv('_kpasswd._udp.A.TEST', 'main.a.test', 464)];
    t.match(await fresh()('A.TEST', 'primary'), { servers: [{ host: 'main.a.test', port: 88 }] });
    t.match(await fresh()('A.TEST', 'kpasswd'), { servers: [{ host: 'main.a.test', port: 464 }] });
  });

  await t.test('whose answer is cut off is asked over TCP', async (t) => {
    clear();
    dns.truncate = true;
    const many = Array.from({ length: 40 }, (_, i) => srv(U, `kdc${i}.a.test`, 88, i));
    zone['SRV _kerberos._udp.a.test'] = many;
    const { servers } = await fresh()('A.TEST');
    t.equal(servers.length, 16, 'and more servers than anybody waits for are left out');
    t.equal(servers[0]?.host, 'kdc0.a.test');
    t.ok(dns.asked.includes('tcp SRV _kerberos._udp.a.test'));
    dns.truncate = false;
  });

  await t.test('that is broken for one name does not hide what it says about others', async (t) => {
    for (const trouble of ['servfail', 'garbage', 'other-id', 'other-question'] as const) {
      clear();
      zone['URI _kerberos.a.test'] = trouble;
      zone['SRV _kerberos._udp.a.test'] = trouble;
      zone['SRV _kerberos._tcp.a.test'] = [srv(T, 'kdc1.a.test', 88)];
      t.match(await fresh()('A.TEST'), { servers: [{ host: 'kdc1.a.test' }] }, trouble);
      zone['SRV _kerberos._tcp.a.test'] = trouble;
      await t.rejects(fresh()('A.TEST'), { code: 'no-servers', message: /DNS does not answer/ }, trouble);
      t.equal(
        dns.asked.filter((question) => question.startsWith('URI')).length,
        4,
        'each time it is asked twice',
      );
    }
  });

  await t.test('that is silent is not the only one', async (t) => {
    clear();
    const other = await startFakeDns(t);
    other.zone['SRV _kerberos._udp.a.test'] = [srv(U, 'kdc1.a.test', 88)];
    zone['SRV _kerberos._udp.a.test'] = 'silent';
    const resolver = createDnsClient({ servers: [dns.server, other.server], timeout: 50 });
    t.match(await resolver.srv(U), { records: [{ host: 'kdc1.a.test' }] });
    const deaf = createDnsClient({ servers: [dns.server], timeout: 20 });
    await t.rejects(deaf.srv(U), { name: 'TimeoutError' });
  });

  await t.test('tells for how long a name has no records', async (t) => {
    clear();
    const resolver = createDnsClient({ servers: [dns.server] });
    t.strictSame(await resolver.srv(U), { records: [], ttl: 20 });
    zone['SRV _kerberos._udp.a.test'] = [srv(U, 'a', 1, 0, 0, 77), srv(U, 'b', 1, 0, 0, 66)];
    t.equal((await resolver.srv(U)).ttl, 66, 'and the least lifetime of its records');
  });

  await t.test('tells addresses, and a client finds a realm by nothing but DNS', async (t) => {
    clear();
    zone['SRV _kerberos._udp.a.test'] = [srv(U, 'kdc1.a.test', 9)];
    zone['A kdc1.a.test'] = [{ type: 'A', name: 'kdc1.a.test', ttl: 60, data: '127.0.0.1' }];
    zone['AAAA kdc1.a.test'] = [];
    const resolver = createDnsClient({ servers: [dns.server] });
    t.strictSame(await resolver.addresses('kdc1.a.test'), ['127.0.0.1']);
    t.strictSame(await resolver.addresses('kdc2.a.test'), []);
    zone['AAAA kdc3.a.test'] = 'servfail';
    zone['A kdc3.a.test'] = 'servfail';
    await t.rejects(resolver.addresses('kdc3.a.test'), { message: /SERVFAIL/ });
    const events: string[] = [];
    const { send } = nodeClient({
      dns: { servers: [dns.server] },
      observe: (event) =>
        events.push(
          event.kind === 'attempt' ? `${event.host} ${event.address} ${event.outcome}` : event.kind,
        ),
    });
    await t.rejects(send('A.TEST', Uint8Array.of(1)), { code: 'no-answer', message: /127\.0\.0\.1:9/ });
    t.ok(events.includes('kdc1.a.test 127.0.0.1 unreachable'), events.join());
  });

  await t.test('is named by address', async (t) => {
    t.throws(() => createDnsClient({ servers: ['not an address'] }), { code: 'bad-server' });
  });
});
