import { createPrivateKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createAuthority, openAuthority } from '../../src/pki/authority.ts';
import { checkCertificate } from '../../src/pki/configured.ts';
import { pemBlocks } from '../../src/pki/pem.ts';
import { FakeClock } from '../support/memory-realm.ts';
import { requirePeer } from '../support/peers.ts';
import { present } from '../support/present.ts';
import { run, temporaryFolder } from '../support/run.ts';

const REALM = 'REALM1.EXAMPLE';
const DAY = 86_400;
const NAMES = ['realm1.example', '192.0.2.1', '2001:db8::1', 'localhost'];

const clock = new FakeClock(Math.floor(Date.now() / 1000));
const pem = await createAuthority(REALM, clock);
const authority = await openAuthority(pem, { realm: REALM, clock, name: 'ca.key' });

const issuedAt = (seconds: number): Promise<{ certificate: string; key: string; until: number }> =>
  openAuthority(pem, { realm: REALM, clock: new FakeClock(seconds), name: 'ca.key' }).then((ca) =>
    ca.issueServer(NAMES),
  );

await t.test("the realm's CA", async (t) => {
  await t.test(
    'is a CA for certificates that it signs itself, for twenty years from before now',
    async (t) => {
      const ca = new X509Certificate(authority.certificate);
      t.ok(ca.ca && ca.verify(ca.publicKey) && ca.checkIssued(ca));
      t.match(ca.subject, 'CN=CA of REALM1.EXAMPLE');
      t.equal(ca.fingerprint256, authority.fingerprint);
      t.ok(
        Date.parse(ca.validFrom) / 1000 <= clock.seconds - DAY,
        'a device without a battery for its clock is behind',
      );
      t.equal(authority.until, clock.seconds + 20 * 365 * DAY);
      t.match(ca.publicKey.asymmetricKeyDetails, { namedCurve: 'prime256v1' });
    },
  );

  await t.test(
    'gives servers certificates for their names and addresses, each with a key of its own',
    async (t) => {
      const one = await authority.issueServer(NAMES);
      const two = await authority.issueServer(NAMES);
      const x509 = new X509Certificate(one.certificate);
      t.ok(x509.verify(new X509Certificate(authority.certificate).publicKey));
      t.ok(x509.checkPrivateKey(createPrivateKey(one.key)));
      t.notOk(x509.ca);
      for (const name of ['realm1.example', 'localhost']) t.equal(x509.checkHost(name), name);
      for (const address of ['192.0.2.1', '2001:db8::1']) t.equal(x509.checkIP(address), address);
      t.equal(x509.checkHost('other.example'), undefined);
      t.equal(x509.checkIP('192.0.2.2'), undefined);
      t.equal(one.until, clock.seconds + 90 * DAY);
      t.not(one.key, two.key);
      t.not(x509.serialNumber, new X509Certificate(two.certificate).serialNumber);
      t.match(x509.serialNumber, /^[4-7]/, 'serial numbers are positive and have no leading zero');
    },
  );

  await t.test('gives none that outlives it', async (t) => {
    const late = await issuedAt(authority.until - 10 * DAY);
    t.equal(late.until, authority.until);
    t.equal(Date.parse(new X509Certificate(late.certificate).validTo) / 1000, authority.until);
    const in2049 = new FakeClock(2_500_000_000);
    const later = await createAuthority(REALM, in2049);
    const ca = await openAuthority(later, { realm: REALM, clock: in2049, name: 'ca.key' });
    t.equal(Date.parse(new X509Certificate(ca.certificate).validTo) / 1000, ca.until, 'beyond 2049, too');
  });

  await t.test('is refused where it has ended, is not whole, or is not its own', async (t) => {
    const open = (text: string, at = clock): Promise<unknown> =>
      openAuthority(text, { realm: REALM, clock: at, name: '/data/ca.key' });
    await t.rejects(open(pem, new FakeClock(authority.until)), {
      code: 'ca-expired',
      message: /\/data\/ca\.key/,
    });
    const [key = ''] = pemBlocks(pem, 'PRIVATE KEY');
    const [otherCertificate = ''] = pemBlocks(await createAuthority(REALM, clock), 'CERTIFICATE');
    const leaf = await authority.issueServer(NAMES);
    for (const [text, why] of [
      ['', 'it lacks the key or the certificate'],
      [key, 'it lacks the key or the certificate'],
      [key + otherCertificate, 'its key is not that of its certificate'],
      [leaf.key + leaf.certificate, 'it is no CA made here'],
    ] as const) {
      await t.rejects(open(text), {
        code: 'bad-ca',
        message: `the local CA in /data/ca.key cannot be used: ${why}`,
      });
    }
    const broken = await open(pem.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA')).catch(
      (error: unknown) => error,
    );
    t.match(broken, { code: 'bad-ca' });
    t.notOk((broken as Error).message.includes(key.slice(60, 90)), 'no part of the key is in the message');
  });

  await t.test('is right in the eyes of OpenSSL, strictly', async (t) => {
    if (!requirePeer(t, 'openssl')) return;
    const folder = temporaryFolder(t);
    const leaf = await authority.issueServer(NAMES);
    writeFileSync(join(folder, 'ca.pem'), authority.certificate);
    writeFileSync(join(folder, 'leaf.pem'), leaf.certificate);
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.pem'];
    for (const name of [
      ['-verify_hostname', 'realm1.example'],
      ['-verify_ip', '2001:db8::1'],
    ]) {
      const { code, output } = await run('openssl', [...args, ...name, 'leaf.pem'], { cwd: folder });
      t.equal(code, 0, output);
    }
    const other = await run('openssl', [...args, '-verify_hostname', 'other.example', 'leaf.pem'], {
      cwd: folder,
    });
    t.not(other.code, 0);
  });
});

await t.test("an operator's own certificate", async (t) => {
  const leaf = await authority.issueServer(NAMES);
  const other = await authority.issueServer(NAMES);
  const check = (certificate: string, key = leaf.key, at = clock, names = NAMES) =>
    checkCertificate(
      { certificate: { path: '/tls.pem', text: certificate }, key: { path: '/tls.key', text: key } },
      names,
      at,
    );
  const refusal = (...of: Parameters<typeof check>): string => {
    try {
      check(...of);
      return 'none';
    } catch (error) {
      t.match(error, { code: 'bad-https-certificate', hint: /./ });
      return (error as Error).message;
    }
  };
  const whole = leaf.certificate + authority.certificate;

  await t.test('is taken with its chain, and says which names it lacks', async (t) => {
    const checked = check(whole);
    t.match(checked, { root: authority.certificate, fingerprint: authority.fingerprint, missingNames: [] });
    t.equal(checked.until, leaf.until);
    t.match(check(leaf.certificate), {
      root: undefined,
      fingerprint: new X509Certificate(leaf.certificate).fingerprint256,
    });
    t.same(check(whole, leaf.key, clock, ['localhost', 'more.example', '192.0.2.9']).missingNames, [
      'more.example',
      '192.0.2.9',
    ]);
  });

  await t.test('is refused with the reason', async (t) => {
    const file = '/tls.pem cannot be used for HTTPS:';
    t.equal(refusal(''), `${file} it holds no certificate`);
    t.match(
      refusal('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'),
      `${file} a certificate in it cannot be read`,
    );
    t.equal(refusal(whole, ''), '/tls.key cannot be used for HTTPS: it holds no private key');
    t.equal(
      refusal(whole, other.key),
      '/tls.key cannot be used for HTTPS: it is not the key of the certificate in /tls.pem',
    );
    t.equal(
      refusal(authority.certificate + leaf.certificate),
      '/tls.key cannot be used for HTTPS: it is not the key of the certificate in /tls.pem',
      'the wrong way round',
    );
    const stranger = present(pemBlocks(await createAuthority('OTHER', clock), 'CERTIFICATE')[0]);
    t.equal(
      refusal(leaf.certificate + stranger),
      `${file} the certificate of CN=realm1.example was not issued by CN=CA of OTHER, which stands behind it`,
    );
    t.match(
      refusal(whole, leaf.key, new FakeClock(leaf.until)),
      `${file} the certificate of CN=realm1.example has ended: `,
    );
    t.match(
      refusal(whole, leaf.key, new FakeClock(clock.seconds - 10 * DAY)),
      `${file} the certificate of CN=realm1.example begins only later: `,
    );
    const encrypted = createPrivateKey(leaf.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    });
    t.equal(
      refusal(whole, String(encrypted)),
      '/tls.key cannot be used for HTTPS: the private key in it cannot be read',
    );
  });
});
