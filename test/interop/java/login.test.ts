/** Java's Krb5LoginModule and a GSS context (Login.java), over UDP and over TCP, with each etype family. */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { requireKdc, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

const SERVICE = 'host/device1.realm1.example';
const PROGRAM = fileURLToPath(new URL('Login.java', import.meta.url));

const VARIANTS = [
  { name: 'as Java comes, over UDP', libdefaults: { udp_preference_limit: 1465 }, etype: undefined },
  { name: 'as Java comes, over TCP', libdefaults: { udp_preference_limit: 1 }, etype: undefined },
  {
    name: 'with aes256-sha2',
    libdefaults: { permitted_enctypes: 'aes256-cts-hmac-sha384-192' },
    etype: '20',
  },
  {
    name: 'with aes128-sha2',
    libdefaults: { permitted_enctypes: 'aes128-cts-hmac-sha256-128' },
    etype: '19',
  },
  { name: 'with aes128-sha1', libdefaults: { permitted_enctypes: 'aes128-cts-hmac-sha1-96' }, etype: '17' },
];

await t.test('Java 17 logs in and speaks GSS to a device', async (t) => {
  if (!requirePeer(t, 'java') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    policy: { maxLife: '10h' },
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: SERVICE }],
  });
  const keytab = await kdc.exportKeytab(SERVICE);
  // Compiled once: `java Login.java` would do it for every variant.
  const compiled = await newSession(kdc).run('javac', ['-d', kdc.dir, PROGRAM]);
  t.equal(compiled.code, 0, compiled.output);

  for (const { name, libdefaults, etype } of VARIANTS) {
    await t.test(name, async (t) => {
      const session = newSession(kdc, { libdefaults: { forwardable: true, ...libdefaults } });
      const { code, output } = await session.run('java', [
        `-Djava.security.krb5.conf=${session.env['KRB5_CONFIG']}`,
        '-XX:TieredStopAtLevel=1',
        '-cp',
        kdc.dir,
        'Login',
        'alice',
        'Alice.pass1',
        SERVICE,
        keytab,
      ]);
      t.equal(code, 0, output);
      const said = new Map(
        output
          .trim()
          .split('\n')
          .map((line) => line.split(': ') as [string, string]),
      );
      const { realm } = kdc;
      t.match(said.get('wrong password'), /\(24\)/, 'KDC_ERR_PREAUTH_FAILED');
      t.equal(said.get('client'), `alice@${realm}`);
      t.equal(said.get('tgt'), `krbtgt/${realm}@${realm}`);
      t.equal(said.get('tgt forwardable'), 'true');
      t.equal(said.get('tgt seconds'), '36000');
      t.equal(said.get('device'), `${SERVICE}@${realm}`);
      t.equal(said.get('established'), 'true');
      t.equal(said.get('mutual'), 'true');
      t.equal(said.get('delegated'), 'true', 'the device got a forwarded TGT');
      t.equal(said.get('source'), `alice@${realm}`);
      t.equal(said.get('target'), SERVICE);
      t.equal(said.get('there'), 'show status');
      t.equal(said.get('back'), 'all is well');
      if (etype !== undefined) {
        t.equal(said.get('tgt session etype'), etype);
        t.equal(said.get('service session etype'), etype);
      }
    });
  }
});
