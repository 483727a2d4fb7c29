/** What `realmward trust test`, `rights explain` and `login test` say of a real domain controller, right and wrong. */
import t from 'tap';
import { requirePeer } from '../../support/peers.ts';
import type { AdTrustOptions, AdUserName } from '../../support/samba-ad.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, DEVICE, REALM, loginAtAd, startOurs } from './realms.ts';

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('a trust with a real domain controller', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad);
  const testOf = (name: string, password: string) =>
    kdc.cli(['trust', 'test', ad.realm, '--user', name, '--password-stdin'], `${password}\n`);
  const test = (user: AdUserName) => testOf(user, ad.users[user].password);
  const explain = (user: AdUserName) =>
    kdc.cli(['rights', 'explain', `${user}@${ad.realm}`, '--password-stdin'], `${ad.users[user].password}\n`);

  await t.test('trust test shows each step to the right of alice', async (t) => {
    const { code, output } = await test('alice');
    t.equal(code, 0, output);
    for (const line of [
      /^ok +servers +configuration: 127\.0\.0\.\d+:\d+\.$/m,
      /^ok +clock +The clock of AD\.EXAMPLE\.TEST /m,
      /^ok +login +.* with the salt AD\.EXAMPLE\.TESTalice\. \[[\d.]+ ms, .*UDP .* \(answer too big\), TCP .*\]$/m,
      /^ok +referral +A ticket for krbtgt\/REALM1\.EXAMPLE@AD\.EXAMPLE\.TEST, made with aes256-cts-hmac-sha1-96, key version 1\./m,
      /^ok +key +It opens with the current secret's key/m,
      /^ok +PAC +\d+ bytes: LOGON_INFO, CLIENT_INFO, UPN_DNS_INFO, ATTRIBUTES_INFO, REQUESTER_SID, SERVER_CHECKSUM, KDC_CHECKSUM\.$/m,
      /^ok +signatures +The server signature \(hmac-sha1-96-aes256\) is right\./m,
      /^ok +identity +ADEX\\alice is S-1-5-21-/m,
      /^ok +our KDC +It takes the ticket/m,
      /^right: Administrator$/m,
      /^The trust works\.$/m,
    ])
      t.match(output, line);
    t.match(output, `${ad.groups['fleet-operators'].sid}  gives Administrator`);
    t.notMatch(output, ad.users.alice.password);
  });

  await t.test('a UPN is a name of that realm, too', async (t) => {
    const { code, output } = await testOf('carol@corp.example', ad.users.carol.password);
    t.equal(code, 0, output);
    t.match(output, /^right: Viewer$/m);
  });

  await t.test('who cannot log in is told why', async (t) => {
    t.match((await testOf('alice', 'wrong')).output, /cause: wrong-password/);
    t.match((await test('dave')).output, /The account is disabled.*\n +cause: account-refused/);
    t.match((await testOf('nobody', 'x')).output, /cause: unknown-user/);
  });

  await t.test(
    'rights explain has the same answers, by password and by what MIT has in its cache',
    async (t) => {
      for (const [user, right] of [
        ['alice', 'Administrator'],
        ['carol', 'Viewer'],
        ['mallory', 'none'],
      ] as const)
        t.match((await explain(user)).output, new RegExp(`^right: ${right}$`, 'm'), user);
      const carol = newSession(kdc, { others: [ad] });
      await loginAtAd(carol, ad, 'carol');
      const cached = () =>
        kdc.cli(['rights', 'explain', `carol@${ad.realm}`, '--ccache', `FILE:${carol.ccache}`]);
      t.match((await cached()).output, /^right: Viewer$/m, "AD's own ticket-granting ticket");
      await carol.run('kvno', [`${DEVICE}@${REALM}`]);
      const { code, output } = await cached();
      t.equal(code, 0, output);
      t.match(output, /^right: Viewer$/m, 'the ticket for our realm');
      t.match(output, `Not Administrator: It takes the group ${ad.groups['fleet-operators'].sid}.`);
    },
  );

  await t.test('login test follows a user of AD to the right on a device of ours', async (t) => {
    const login = (user: AdUserName, ...more: string[]) => {
      const args = ['login', 'test', `${user}@${ad.realm}`, '--device', DEVICE, '--password-stdin', ...more];
      return kdc.cli(args, `${ad.users[user].password}\n`);
    };
    const { code, output } = await login('alice');
    t.equal(code, 0, output);
    for (const line of [
      /^ok +login +alice@AD\.EXAMPLE\.TEST has a ticket .* \(answer too big\), TCP /m,
      /^ok +referral +AD\.EXAMPLE\.TEST gives a ticket for REALM1\.EXAMPLE\.$/m,
      /^ok +service +A ticket for host\/.*@REALM1\.EXAMPLE, made with /m,
      /^ok +right +The ticket states Administrator\.$/m,
      /^krbtgt\/REALM1\.EXAMPLE@AD\.EXAMPLE\.TEST$/m,
      /^right: Administrator$/m,
    ])
      t.match(output, line);
    t.match((await login('mallory')).output, /^FAILED +right .*Its groups: S-1-5-21-.*\n +cause: no-right$/m);
    t.match((await login('dave')).output, /cause: account-refused/);
    const device = await kdc.exportKeytab(DEVICE);
    const elsewhere = await login('carol', '--device-keytab', device);
    t.match(elsewhere.output, /^right: Viewer$/m, "and with the device's own keytab");
  });

  const failures: readonly [what: string, change: Partial<AdTrustOptions>, cause: string][] = [
    ['another secret', { password: 'Another.Secret-1' }, 'wrong-secret'],
    ['outbound, as AD counts', { direction: 2 }, 'trust-direction'],
    ['no AES', { enctypes: 4 }, 'enctype-not-enabled'],
  ];
  for (const [what, change, cause] of failures) {
    await t.test(`a domain controller whose trust has ${what} is diagnosed`, async (t) => {
      await ad.setTrust({ ...AD_TRUST, ...change });
      const { code, output } = await test('alice');
      t.equal(code, 1);
      t.match(output, new RegExp(`^FAILED.*\\n +cause: ${cause}\\n +fix: `, 'm'));
    });
  }
});
