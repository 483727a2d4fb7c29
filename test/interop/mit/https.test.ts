/** MIT's programs through MS-KKDCP, and programs that check TLS. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createAuthority, openAuthority } from '../../../src/pki/authority.ts';
import type { TestKdc } from '../../support/kdc.ts';
import { requireRealmward, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { run } from '../../support/run.ts';
import { newSession, type Session } from '../../support/session.ts';

const PASSWORD = 'Alice.pass1';

await t.test("MIT's client over HTTPS alone", async (t) => {
  if (!requirePeer(t, 'mit-client', 'mit-tls') || !requireRealmward(t)) return;
  const away = await startKdc(t, {
    realm: 'REALM2.EXAMPLE',
    users: [{ name: 'bob', password: 'Bob.pass1', right: 'Viewer' }],
    trusts: [
      { realm: 'REALM1.EXAMPLE', kind: 'mit', direction: 'outbound', secret: 'Shared.Trust.Secret-1' },
    ],
  });
  const kdc = await startKdc(t, {
    users: [
      { name: 'alice', password: PASSWORD, right: 'Administrator' },
      { name: 'stage', password: 'Stage.pass1', right: 'Join-Realm' },
      { name: 'carol', password: 'Carol.pass1', right: 'Viewer' },
    ],
    services: [{ name: 'host/device1.realm1.example' }],
    https: { names: ['localhost', '127.0.0.2'] },
    trusts: [
      {
        realm: 'REALM2.EXAMPLE',
        kind: 'mit',
        direction: 'inbound',
        secret: 'Shared.Trust.Secret-1',
        kdcs: [`${away.address}:${away.port}`],
      },
    ],
  });
  const ca = join(kdc.dir, 'data/ca.pem');
  const through = (anchors = ca): Session =>
    newSession(kdc, {
      kdc: `https://127.0.0.2:${kdc.port}/KdcProxy`,
      realmOptions: { http_anchors: `FILE:${anchors}` },
    });

  await t.test('kinit and kvno', async (t) => {
    const session = through();
    const login = await session.kinit(['alice'], PASSWORD);
    t.equal(login.code, 0, login.output);
    t.match(login.trace, /TLS certificate name matched "127\.0\.0\.2"/);
    t.match(login.trace, /Received answer .* from https 127\.0\.0\.2/);
    t.notMatch(login.trace, /from (stream|dgram)/);
    const service = await session.run('kvno', ['host/device1.realm1.example', 'HTTP/localhost']);
    t.equal(service.code, 0, service.output);
    t.match(
      kdc.log(),
      /"exchange":"TGS".*"server":"host\/device1\.realm1\.example@REALM1\.EXAMPLE".*"transport":"https","address":"127\.0\.0\.\d+"/,
    );
  });

  await t.test('kinit with a wrong password', async (t) => {
    const { code, output } = await through().kinit(['alice'], 'wrong');
    t.equal(code, 1);
    t.match(output, 'Password incorrect');
  });

  await t.test('kpasswd, and kinit for a password that must be changed', async (t) => {
    const url = `https://127.0.0.2:${kdc.port}/KdcProxy`;
    const person = (): Session =>
      newSession(kdc, { kdc: url, realmOptions: { kpasswd_server: url, http_anchors: `FILE:${ca}` } });
    const answers = ['Carol.pass1', 'Carol.pass2', 'Carol.pass2'];
    const changed = await person().run('kpasswd', ['carol'], { input: `${answers.join('\n')}\n` });
    t.equal(changed.code, 0, changed.output);
    t.match(changed.output, /Password changed/);
    t.match(kdc.log(), /"exchange":"kpasswd","outcome":"changed","client":"carol@[^"]+","transport":"https"/);
    await kdc.expirePassword('carol');
    const carol = person();
    const login = await carol.kinit(['carol'], ['Carol.pass2', 'Carol.pass3', 'Carol.pass3'].join('\n'));
    t.equal(login.code, 0, login.output);
    t.notMatch(changed.trace + login.trace, /from (stream|dgram)/);
  });

  await t.test('a Join-Realm account gets tickets for the HTTPS server, and for nothing else', async (t) => {
    const session = through();
    t.equal((await session.kinit(['stage'], 'Stage.pass1')).code, 0);
    for (const own of ['HTTP/localhost', 'HTTP/127.0.0.2'])
      t.equal((await session.run('kvno', [own])).code, 0, own);
    const other = await session.run('kvno', ['host/device1.realm1.example']);
    t.equal(other.code, 1);
    t.match(other.output, 'KDC policy rejects request');
  });

  await t.test('a server whose certificate another CA has issued is sent nothing', async (t) => {
    const clock = { microseconds: () => Date.now() * 1000 };
    const options = { realm: 'REALM1.EXAMPLE', clock, name: 'ca.key' };
    const { certificate } = await openAuthority(await createAuthority('REALM1.EXAMPLE', clock), options);
    const wrong = join(kdc.dir, 'wrong.pem');
    writeFileSync(wrong, certificate);
    const before = kdc.log().length;
    const { code, output, trace } = await through(wrong).kinit(['alice'], PASSWORD);
    t.equal(code, 1);
    t.match(output, 'Cannot contact any KDC');
    t.match(trace, /TLS certificate error/);
    t.notMatch(kdc.log().slice(before), /KdcProxy/);
  });

  await t.test('a user of a trusted realm logs in there through our proxy, and comes to us', async (t) => {
    const url = `https://127.0.0.2:${kdc.port}/KdcProxy`;
    const session = newSession(kdc, {
      kdc: url,
      realmOptions: { http_anchors: `FILE:${ca}` },
      others: [],
      capaths: { 'REALM2.EXAMPLE': { 'REALM1.EXAMPLE': '.' } },
    });
    const file = session.env['KRB5_CONFIG'] as string;
    const conf = readFileSync(file, 'utf8');
    const block = (realm: string): string =>
      `  ${realm} = {\n    kdc = ${url}\n    http_anchors = FILE:${ca}\n  }\n`;
    writeFileSync(
      file,
      conf.replace('[realms]\n', `[realms]\n${block('REALM2.EXAMPLE')}${block('REALM3.EXAMPLE')}`),
    );
    const login = await session.kinit(['bob@REALM2.EXAMPLE'], 'Bob.pass1');
    t.equal(login.code, 0, login.output);
    t.notMatch(login.trace, /from (stream|dgram)/);
    const service = await session.run('kvno', ['host/device1.realm1.example@REALM1.EXAMPLE']);
    t.equal(service.code, 0, service.output);
    t.match((await session.klist()).ticket('host/device1.realm1.example').flags, /A/);
    const nobody = await session.kinit(['eve@REALM3.EXAMPLE'], 'x');
    t.equal(nobody.code, 1, 'a realm that is not declared');
    t.match(nobody.output, /Cannot contact any KDC|ASN\.1/);
  });
});

await t.test('programs that check TLS', async (t) => {
  if (!requirePeer(t, 'openssl', 'curl') || !requireRealmward(t)) return;
  const kdc = await startKdc(t, { https: { names: ['localhost', '127.0.0.2'] } });
  const ca = join(kdc.dir, 'data/ca.pem');
  const address = `127.0.0.2:${kdc.port}`;

  await t.test(
    'openssl s_client takes the chain and the name, over TLS 1.3 and 1.2, and nothing older',
    async (t) => {
      const connect = (...args: string[]) =>
        run(
          'openssl',
          ['s_client', '-connect', address, '-CAfile', ca, '-verify_return_error', '-brief', ...args],
          { input: '' },
        );
      for (const [args, protocol] of [
        [['-tls1_3', '-verify_hostname', 'localhost'], 'TLSv1.3'],
        [['-tls1_2', '-verify_ip', '127.0.0.2'], 'TLSv1.2'],
      ] as const) {
        const { code, output } = await connect(...args);
        t.equal(code, 0, output);
        t.match(output, `Protocol version: ${protocol}`);
        t.match(output, /Verification: OK/);
      }
      t.not((await connect('-verify_hostname', 'other.example')).code, 0, 'another name');
      t.not((await connect('-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0')).code, 0, 'TLS 1.1');
    },
  );

  await t.test('curl: the realm is told to everybody, and the CA with it', async (t) => {
    const { code, output } = await run('curl', ['-sS', '--cacert', ca, `https://${address}/v1/realm`]);
    t.equal(code, 0, output);
    t.match(JSON.parse(output), {
      realm: kdc.realm,
      servers: {
        kdc: [`127.0.0.1:${kdc.port}`],
        https: [`https://localhost:${kdc.port}`, `https://${address}`],
        kdcProxy: [`https://localhost:${kdc.port}/KdcProxy`, `https://${address}/KdcProxy`],
      },
      ca: readFileSync(ca, 'utf8'),
      fingerprint: /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/,
    });
    const health = await run('curl', ['-sS', '--cacert', ca, `https://${address}/v1/health`]);
    t.equal(health.output, '{"status":"ok"}');
  });

  await t.test('a password that is posted without TLS is refused', async (t) => {
    const args = ['-sS', '-w', ' %{http_code}', '-d', 'password=secret', `http://${address}/v1/login`];
    t.match((await run('curl', args)).output, /"error":"https-required".* 403$/);
    const redirected = await run('curl', ['-sSL', '--cacert', ca, `http://${address}/v1/health`]);
    t.equal(redirected.output, '{"status":"ok"}', 'and a GET is led to HTTPS');
    t.notMatch(kdc.log(), /secret/);
  });

  await t.test('the CA is the same after a restart, the certificate is new', async (t) => {
    const shown = async (): Promise<string> =>
      (await run('openssl', ['s_client', '-connect', address, '-CAfile', ca], { input: '' })).output.split(
        '-----BEGIN CERTIFICATE',
      )[1] ?? '';
    const [before, authority] = [await shown(), readFileSync(ca, 'utf8')];
    await kdc.restart();
    t.equal(readFileSync(ca, 'utf8'), authority);
    t.not(await shown(), before);
  });

  await t.test('SIGHUP takes names of https.names that were added', async (t) => {
    const file = join(kdc.dir, 'realmward.yaml');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('- localhost', '- localhost\n    - added.example'),
    );
    process.kill(kdc.pid, 'SIGHUP');
    const verify = () =>
      run(
        'openssl',
        [
          's_client',
          '-connect',
          address,
          '-CAfile',
          ca,
          '-verify_return_error',
          '-verify_hostname',
          'added.example',
          '-brief',
        ],
        { input: '' },
      );
    let result = await verify();
    for (let tries = 0; result.code !== 0 && tries < 50; tries++) {
      await sleep(100);
      result = await verify();
    }
    t.equal(result.code, 0, result.output);
    t.match(await serviceOf(kdc, 'added.example'), 0, 'and it is a service of the realm');
  });
});

/** Exit code of asking for the HTTPS service of that name. */
async function serviceOf(kdc: TestKdc, host: string): Promise<number | null> {
  const made = await kdc.cli(['user', 'add', 'dora', '--password-stdin'], 'Dora.pass1\n');
  if (made.code !== 0) throw new Error(made.output);
  await sleep(1000);
  const session = newSession(kdc);
  await session.kinit(['dora'], 'Dora.pass1');
  return (await session.run('kvno', [`HTTP/${host}`])).code;
}
