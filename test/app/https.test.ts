import { X509Certificate } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { clientAddresses, httpsUrls } from '../../src/app/compose/addresses.ts';
import { openLocalAuthority } from '../../src/app/compose/authority.ts';
import { keepCertificate } from '../../src/app/compose/certificate.ts';
import { createUpstream } from '../../src/app/compose/upstream.ts';
import type { HttpsConfig } from '../../src/app/config/https.ts';
import { askHealth } from '../../src/app/ping-https.ts';
import { realmRoutes } from '../../src/http/realm-routes.ts';
import type { TlsMaterial } from '../../src/http/tls.ts';
import { createAuthority, openAuthority } from '../../src/pki/authority.ts';
import type { Trust } from '../../src/realm/trust.ts';
import { capturedLog } from '../support/captured-log.ts';
import { FakeClock } from '../support/memory-realm.ts';
import { type Scope, temporaryFolder } from '../support/run.ts';
import { startWeb, webAuthority } from '../support/web.ts';
import { startTcpKdc } from '../support/tcp-kdc.ts';

const REALM = 'REALM1.EXAMPLE';
const DAY = 86_400;
const HTTPS: HttpsConfig = { listen: [], names: ['realm1.example', '192.0.2.1'], files: undefined };

function setting(t: Scope) {
  const data = temporaryFolder(t);
  const clock = new FakeClock(Math.floor(Date.now() / 1000));
  const log = capturedLog();
  const changed: TlsMaterial[] = [];
  const keep = (https = HTTPS) =>
    keepCertificate(https, { realm: REALM, data, clock, log, changed: (tls) => void changed.push(tls) });
  return { data, clock, log, changed, keep };
}

await t.test("the realm's CA is made once, and its key is guarded like the master key", async (t) => {
  const { data, clock, keep } = setting(t);
  const [one, two] = await Promise.all([keep(), keep()]);
  t.equal(one.current.ca, two.current.ca, 'whoever comes second takes what the first has made');
  t.match(one.current, { caFile: join(data, 'ca.pem'), fingerprint: /^([0-9A-F]{2}:){31}/ });
  t.equal(readFileSync(join(data, 'ca.pem'), 'utf8'), one.current.ca);
  t.equal(statSync(join(data, 'ca.key')).mode & 0o777, 0o600);
  t.notMatch(readFileSync(join(data, 'ca.pem'), 'utf8'), /PRIVATE/);
  rmSync(join(data, 'ca.pem'));
  t.equal((await keep()).current.ca, one.current.ca, 'the certificate for people to copy comes back');
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(join(data, 'ca.key'), mode);
    await t.rejects(openLocalAuthority(data, REALM, clock), { code: 'exposed-ca-key', hint: /chmod 600/ });
  }
  chmodSync(join(data, 'ca.key'), 0o600);
  writeFileSync(join(data, 'ca.key'), 'nothing');
  await t.rejects(keep(), { code: 'bad-ca' });
});

await t.test('a certificate of ours is renewed a month before it ends, without a restart', async (t) => {
  const { clock, changed, keep } = setting(t);
  const keeper = await keep();
  const first = keeper.current;
  t.equal(first.until, clock.seconds + 90 * DAY);
  const shown = keeper.shown;
  clock.advance(60 * DAY);
  await keeper.check();
  t.equal(changed.length, 0, 'not yet');
  t.equal(keeper.shown, shown);
  clock.advance(1);
  await keeper.check();
  t.same(changed, [keeper.current.tls]);
  t.not(keeper.current.tls.certificate, first.tls.certificate);
  t.equal(keeper.current.until, clock.seconds + 90 * DAY);
  t.equal(keeper.current.ca, first.ca);
  const serials = keeper.shown.map((der) => new X509Certificate(der).serialNumber);
  t.same(
    serials,
    [keeper.current, first].map(({ tls }) => new X509Certificate(tls.certificate).serialNumber),
    'who is connected still means the one before',
  );
  await keeper.check();
  t.equal(changed.length, 1, 'once');
});

await t.test('other names make another certificate', async (t) => {
  const { changed, keep } = setting(t);
  const keeper = await keep();
  await keeper.reload(HTTPS);
  t.equal(changed.length, 0, 'the same names do not');
  await keeper.reload({ ...HTTPS, names: ['new.example'] });
  const x509 = new X509Certificate(changed[0]?.certificate ?? '');
  t.equal(x509.checkHost('new.example'), 'new.example');
  t.equal(x509.checkHost('realm1.example'), undefined);
});

await t.test("an operator's own files are checked, read again, and spoken of before they end", async (t) => {
  const { data, clock, log, changed, keep } = setting(t);
  const ca = await openAuthority(await createAuthority('OTHER', clock), { realm: 'OTHER', clock, name: 'x' });
  const files = { certificate: join(data, 'tls.pem'), key: join(data, 'tls.key') };
  const write = async (names: readonly string[]): Promise<void> => {
    const { certificate, key } = await ca.issueServer(names);
    writeFileSync(files.certificate, certificate + ca.certificate);
    writeFileSync(files.key, key, { mode: 0o600 });
  };
  const https = { ...HTTPS, files };
  await t.rejects(keep(https), {
    code: 'bad-https-certificate',
    message: /tls\.pem cannot be used for HTTPS: ENOENT/,
  });
  await write(['realm1.example']);
  chmodSync(files.key, 0o644);
  const keeper = await keep(https);
  t.match(keeper.current, { ca: ca.certificate, fingerprint: ca.fingerprint, caFile: undefined });
  t.match(log.lines, [
    { level: 'warn', message: /everybody .* may read the private key/ },
    { level: 'warn', fields: { names: '192.0.2.1' }, message: /is not for all names/ },
  ]);

  const before = keeper.current;
  writeFileSync(files.certificate, 'broken');
  await t.rejects(keeper.reload(https), { code: 'bad-https-certificate' });
  t.equal(keeper.current, before, 'what is broken changes nothing');
  t.equal(changed.length, 0);
  await write(HTTPS.names);
  await keeper.reload(https);
  t.equal(changed.length, 1);
  await keeper.reload(https);
  t.equal(changed.length, 1, 'the same files change nothing');

  log.lines.length = 0;
  clock.advance(68 * DAY);
  await keeper.check();
  t.same(log.lines, []);
  clock.advance(2 * DAY);
  await keeper.check();
  t.match(log.lines, [{ level: 'warn', fields: { days: 20 }, message: /ends soon/ }]);
  await keeper.reload(HTTPS);
  t.ok(keeper.current.caFile, 'without files the realm issues one itself');
});

await t.test('clients are told where to go by names that the certificate has', async (t) => {
  const names = ['realm1.example', '192.0.2.1', '2001:db8::1'];
  const all = [
    { host: '0.0.0.0', port: 443 },
    { host: '::', port: 443 },
  ];
  t.same(httpsUrls(all, names), ['https://realm1.example', 'https://192.0.2.1', 'https://[2001:db8::1]']);
  t.same(httpsUrls([{ host: '192.0.2.1', port: 8443 }], names), [
    'https://realm1.example:8443',
    'https://192.0.2.1:8443',
  ]);
  t.same(clientAddresses([{ host: '0.0.0.0', port: 88 }], names), ['realm1.example:88', '192.0.2.1:88']);
  t.same(clientAddresses([{ host: '::', port: 88 }], names), ['realm1.example:88', '[2001:db8::1]:88']);
  t.same(clientAddresses([{ host: '192.0.2.7', port: 88 }], names), ['192.0.2.7:88']);
});

await t.test('a ping asks how the server is, and looks at its certificate', async (t) => {
  let well = true;
  const check = async (): Promise<void> => {
    if (!well) throw new Error('the disk at /dev/sda1 is full');
  };
  const info = {
    realm: REALM,
    servers: { kdc: [], kpasswd: [], https: [], kdcProxy: [] },
    ca: null,
    fingerprint: '',
  };
  const clock = new FakeClock(1_800_000_000);
  const { port, request } = await startWeb(t, [realmRoutes({ info: () => info, clock, check })]);
  const data = temporaryFolder(t);
  writeFileSync(join(data, 'ca.pem'), webAuthority.certificate);
  const ask = (https: HttpsConfig): Promise<string> =>
    askHealth({ host: '127.0.0.1', port }, https, data, 5000);
  const local = { ...HTTPS, names: ['localhost'] };
  t.equal(await ask(local), 'is well, and shows a certificate for localhost');
  t.equal(await ask({ ...HTTPS, names: ['127.0.0.1'] }), 'is well, and shows a certificate for 127.0.0.1');
  await t.rejects(ask(HTTPS), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'another name');
  t.match(JSON.parse((await request('GET /v1/realm')).body), {
    realm: REALM,
    time: '2027-01-15T08:00:00.000Z',
  });
  well = false;
  await t.rejects(ask(local), { message: 'answers 503: The realm cannot answer at the moment.' });
  writeFileSync(join(data, 'ca.pem'), await createAuthority('OTHER', clock));
  await t.rejects(ask(local), { code: /SELF_SIGNED|UNABLE_TO/ }, 'another CA');
});

await t.test('the proxy asks KDCs of declared realms alone', async (t) => {
  const asked: Uint8Array[] = [];
  const kdc = await startTcpKdc(t, (message) => {
    asked.push(message);
    return Uint8Array.of(0x7e, 0);
  });
  const trust = { realm: 'AD.EXAMPLE.TEST', transits: ['CHILD.AD.EXAMPLE.TEST'] } as unknown as Trust;
  const upstream = createUpstream({
    trusts: { find: () => trust, all: () => [trust] },
    records: { find: async () => ({ kdcs: [kdc] }) as never },
    dns: { servers: ['127.0.0.1:9'], timeout: 50 },
  });
  t.same(upstream.realms(), ['AD.EXAMPLE.TEST', 'CHILD.AD.EXAMPLE.TEST']);
  t.same(await upstream.send('AD.EXAMPLE.TEST', Uint8Array.of(0x6a, 0)), Buffer.of(0x7e, 0));
  t.equal(asked.length, 1);
  await t.rejects(
    upstream.send('ad.example.test', Uint8Array.of(0x6a, 0)),
    { code: 'no-servers' },
    'by their very names',
  );
  await t.rejects(upstream.send('EVIL.EXAMPLE', Uint8Array.of(0x6a, 0)), { code: 'no-servers' });
  t.equal(asked.length, 1);
});
