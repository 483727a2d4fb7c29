/** MIT's kvno at the TGS: tickets for services, and what can be done with them. */
import t from 'tap';
import type { KdcConfig, TestKdc } from '../../support/kdc.ts';
import { requireKdc, requireRealmward, startKdc, TESTED_KDC } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';
import type { Session } from '../../support/session.ts';

const SERVICE = 'host/device1.realm1.example';
const CONFIG: KdcConfig = {
  policy: { maxLife: '10h', maxRenew: '7d' },
  users: [
    { name: 'alice', password: 'Alice.pass1', right: 'Administrator' },
    { name: 'bob', password: 'Bob.pass1', right: 'Viewer' },
  ],
  services: [{ name: SERVICE }],
};
const ETYPES = {
  'aes256-sha2': 'aes256-cts-hmac-sha384-192',
  'aes128-sha2': 'aes128-cts-hmac-sha256-128',
  'aes256-cts': 'aes256-cts-hmac-sha1-96',
  'aes128-cts': 'aes128-cts-hmac-sha1-96',
} as const;

await t.test("MIT's kvno gets service tickets", async (t) => {
  if (!requirePeer(t, 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, CONFIG);

  await t.test('that end when the TGT does and open with the key in our keytab', async (t) => {
    const alice = await loggedIn(kdc, 'alice', ['-f', '-l', '1h']);
    const keytab = await kdc.exportKeytab(SERVICE);
    const { code, output } = await alice.run('kvno', ['-k', keytab, SERVICE]);
    t.equal(code, 0, output);
    t.match(output, /kvno = 1, keytab entry valid/);
    const { ticket } = await alice.klist();
    const tgt = ticket(`krbtgt/${kdc.realm}`);
    const service = ticket(SERVICE);
    t.equal(service.end, tgt.end);
    t.match(service.flags, /^FAT?$/, 'forwardable as the TGT, and no longer initial');
    if (TESTED_KDC === 'realmward') {
      t.equal(service.ticketEtype, 'aes256-cts-hmac-sha384-192', "the service's strongest");
      t.equal(service.sessionEtype, 'aes256-cts-hmac-sha384-192', 'the strongest that all have');
    }
  });

  await t.test('-e: with a session key of each etype on its own', async (t) => {
    for (const [asked, listed] of Object.entries(ETYPES)) {
      const alice = await loggedIn(kdc, 'alice');
      const { code, output } = await alice.run('kvno', ['-e', asked, SERVICE]);
      t.equal(code, 0, output);
      t.equal((await alice.klist()).ticket(SERVICE).sessionEtype, listed);
    }
  });

  await t.test('-e with an etype that nobody should use: refused with the right error', async (t) => {
    const alice = await loggedIn(kdc, 'alice', [], {
      allow_weak_crypto: true,
      permitted_enctypes: 'aes rc4',
    });
    const { code, output } = await alice.run('kvno', ['-e', 'rc4-hmac', SERVICE]);
    t.equal(code, 1);
    t.match(output, /KDC has no support for encryption type/);
  });

  await t.test('--u2u: for another user, encrypted in the session key of their TGT', async (t) => {
    const alice = await loggedIn(kdc, 'alice');
    const bob = await loggedIn(kdc, 'bob');
    const { code, output } = await alice.run('kvno', ['--u2u', bob.ccache, `bob@${kdc.realm}`]);
    t.equal(code, 0, output);
    t.match(output, /kvno = 0/, 'a session key has no version');
    const { ticket } = await alice.klist();
    const tgt = (await bob.klist()).ticket(`krbtgt/${kdc.realm}`);
    t.equal(ticket(`bob@${kdc.realm}`).ticketEtype, tgt.sessionEtype);
  });

  await t.test("--u2u: with a TGT that is not the server's own is refused", async (t) => {
    const alice = await loggedIn(kdc, 'alice');
    const { code, output } = await alice.run('kvno', ['--u2u', alice.ccache, `bob@${kdc.realm}`]);
    t.equal(code, 1);
    t.match(output, /Requested server and ticket don't match/);
  });

  await t.test('no ticket for a user who did not ask to be a service', async (t) => {
    if (!requireRealmward(t)) return;
    const alice = await loggedIn(kdc, 'alice');
    const { code } = await alice.run('kvno', ['bob']);
    t.equal(code, 1);
  });

  await t.test('none for a service that does not exist', async (t) => {
    const alice = await loggedIn(kdc, 'alice');
    const { code, output } = await alice.run('kvno', ['host/unknown.realm1.example']);
    t.equal(code, 1);
    t.match(output, /Server .*not found in Kerberos database/);
  });

  await t.test('none with a TGT whose user was disabled since', async (t) => {
    if (!requireRealmward(t)) return;
    const bob = await loggedIn(kdc, 'bob');
    await kdc.disable('bob');
    const { code, output } = await bob.run('kvno', [SERVICE]);
    t.equal(code, 1);
    t.match(output, /(revoked|locked out)/i);
  });

  await t.test('with a TGT from before the server was restarted', async (t) => {
    const alice = await loggedIn(kdc, 'alice');
    await kdc.restart();
    const { code, output } = await alice.run('kvno', [SERVICE]);
    t.equal(code, 0, output);
  });

  await t.test('with an old TGT after the key of the realm was changed, and with a new one', async (t) => {
    const alice = await loggedIn(kdc, 'alice');
    await kdc.rotateRealmKey();
    const old = await alice.run('kvno', [SERVICE]);
    t.equal(old.code, 0, old.output);
    const again = await loggedIn(kdc, 'alice');
    const renewed = await again.run('kvno', [`krbtgt/${kdc.realm}`, SERVICE]);
    t.equal(renewed.code, 0, renewed.output);
    t.match(renewed.output, /krbtgt.* kvno = 2/, 'the new TGT is made with the new key');
  });
});

/** A session of `user` with a fresh TGT. */
async function loggedIn(
  kdc: TestKdc,
  user: 'alice' | 'bob',
  args: readonly string[] = [],
  libdefaults: Record<string, string | boolean> = {},
): Promise<Session> {
  const session = newSession(kdc, { libdefaults });
  const { code, output } = await session.kinit(
    [...args, user],
    user === 'alice' ? 'Alice.pass1' : 'Bob.pass1',
  );
  if (code !== 0) throw new Error(`kinit ${user}: ${output}`);
  return session;
}
