/** Keytabs and credential caches: what we write, MIT reads, and the other way round. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { toHex } from '../../../src/base/bytes.ts';
import { isConfiguration, readCcache, writeCcache } from '../../../src/codec/ccache.ts';
import { readKeytab, writeKeytab } from '../../../src/codec/keytab.ts';
import { formatName } from '../../../src/realm/name.ts';
import { requireKdc, requireRealmward, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

const SERVICE = 'host/device1.realm1.example';
const ETYPE_NAMES: Record<number, string> = {
  17: 'aes128-cts-hmac-sha1-96',
  18: 'aes256-cts-hmac-sha1-96',
  19: 'aes128-cts-hmac-sha256-128',
  20: 'aes256-cts-hmac-sha384-192',
};

await t.test('files shared with MIT', async (t) => {
  if (!requirePeer(t, 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: SERVICE }],
  });
  const session = newSession(kdc);

  await t.test('klist -k -e -t -K reads an exported keytab key by key, as our codec does', async (t) => {
    const keytab = await kdc.exportKeytab(SERVICE, 'alice');
    t.equal(statSync(keytab).mode & 0o777, 0o600);
    const { code, output } = await session.run('klist', ['-k', '-e', '-t', '-K', keytab]);
    t.equal(code, 0, output);
    const theirs = [...output.matchAll(/^ *(\d+) \S+ \S+ (\S+) \((\S+?)\) +\(0x([0-9a-f]+)\)$/gm)];
    const ours = readKeytab(readFileSync(keytab));
    t.same(
      theirs.map(([, kvno, name, etype, key]) => [Number(kvno), name, etype, key]),
      ours.map(({ kvno, name, realm, key }) => [
        kvno,
        `${formatName(name.nameString)}@${realm}`,
        ETYPE_NAMES[key.etype],
        toHex(key.bytes),
      ]),
    );
    t.equal(ours.length, 8, 'four etypes for each of two principals');
  });

  await t.test('exporting to the same file appends to it', async (t) => {
    if (!requireRealmward(t)) return;
    const keytab = await kdc.exportKeytab(SERVICE);
    const before = readKeytab(readFileSync(keytab)).length;
    const { code, output } = await kdc.cli(['keytab', 'export', 'alice', '--out', keytab]);
    t.equal(code, 0, output);
    t.equal(readKeytab(readFileSync(keytab)).length, 2 * before);
    t.equal((await session.kinit(['-k', '-t', keytab, 'alice'])).code, 0);
    t.equal((await session.kinit(['-k', '-t', keytab, SERVICE])).code, 0);
  });

  await t.test('a keytab that ktutil made is written again byte by byte', async (t) => {
    const file = join(kdc.dir, 'ktutil.keytab');
    const { code, output } = await session.run('ktutil', [], {
      input: `addent -password -p alice -k 1 -e aes256-sha2 -s salt\nAlice.pass1\naddent -password -p ${SERVICE} -k 300 -e aes128-cts -s salt\nsecret\nwkt ${file}\nquit\n`,
    });
    t.equal(code, 0, output);
    const bytes = readFileSync(file);
    const entries = readKeytab(bytes);
    t.same(
      entries.map(({ kvno }) => kvno),
      [1, 300],
      'a version above 255, too',
    );
    t.equal(toHex(writeKeytab(entries)), toHex(bytes));
  });

  await t.test(
    'a cache that kinit and kvno filled is read, written again, and works as before',
    async (t) => {
      const alice = newSession(kdc);
      await alice.kinit(['-f', '-r', '1d', 'alice'], 'Alice.pass1');
      await alice.run('kvno', [SERVICE]);
      const cache = readCcache(readFileSync(alice.ccache));
      const tickets = cache.credentials.filter((credential) => !isConfiguration(credential));
      const listed = await alice.klist();
      t.same(
        tickets.map(({ server, endtime, renewTill }) => [
          `${formatName(server.name.nameString)}@${server.realm}`,
          endtime,
          renewTill,
        ]),
        listed.tickets.map(({ server, end, renewUntil }) => [server, end, renewUntil]),
      );
      const copy = newSession(kdc);
      writeFileSync(copy.ccache, writeCcache(cache));
      t.same((await copy.klist()).tickets, listed.tickets);
      writeFileSync(copy.ccache, writeCcache({ ...cache, credentials: tickets.slice(0, 1) }));
      const { code, output } = await copy.run('kvno', [SERVICE]);
      t.equal(code, 0, output);
    },
  );
});
