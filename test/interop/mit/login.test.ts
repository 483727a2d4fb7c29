/** MIT's kinit at the AS: what a person at a shell sees. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { requireKdc, requireRealmward, startKdc, TESTED_KDC } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const ETYPES = [
  'aes256-cts-hmac-sha384-192',
  'aes128-cts-hmac-sha256-128',
  'aes256-cts-hmac-sha1-96',
  'aes128-cts-hmac-sha1-96',
];

await t.test("MIT's kinit logs in", async (t) => {
  if (!requirePeer(t, 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    policy: { maxLife: '10h', maxRenew: '7d', clockSkew: '5m', udpReplyLimit: 700 },
    users: [
      { name: 'alice', password: 'Alice. päss 1', right: 'Administrator' },
      { name: 'bob', password: 'Bob.pass1', right: 'Viewer' },
      { name: 'carol', password: 'Carol.pass1', right: 'Viewer' },
    ],
    services: [{ name: 'host/device1.realm1.example' }],
  });
  const ALICE = 'Alice. päss 1';
  const TGS = `krbtgt/${kdc.realm}`;

  await t.test('with a password', async (t) => {
    const session = newSession(kdc);
    const { code, output } = await session.kinit(['-l', '10h', 'alice'], ALICE);
    t.equal(code, 0, output);
    const { client, ticket } = await session.klist();
    t.equal(client, `alice@${kdc.realm}`);
    const tgt = ticket(TGS);
    t.equal(tgt.end - tgt.start, 10 * HOUR);
    t.equal(tgt.renewUntil, undefined);
    t.equal(tgt.flags, 'IA', 'initial and preauthenticated, nothing that was not asked for');
    if (TESTED_KDC === 'realmward') {
      t.equal(tgt.ticketEtype, 'aes256-cts-hmac-sha384-192', 'the strongest that the KDC has');
      t.equal(tgt.sessionEtype, 'aes256-cts-hmac-sha384-192', 'the strongest that both have');
    }
  });

  await t.test('with a keytab', async (t) => {
    const session = newSession(kdc);
    const keytab = await kdc.exportKeytab('alice', 'host/device1.realm1.example');
    const user = await session.kinit(['-k', '-t', keytab, 'alice']);
    t.equal(user.code, 0, user.output);
    const device = await session.kinit(['-k', '-t', keytab, 'host/device1.realm1.example']);
    t.equal(device.code, 0, device.output);
    t.equal((await session.klist()).client, `host/device1.realm1.example@${kdc.realm}`);
  });

  await t.test('when it has one etype alone, with that one', async (t) => {
    for (const etype of ETYPES) {
      const session = newSession(kdc, { libdefaults: { permitted_enctypes: etype } });
      const { code, output } = await session.kinit(['alice'], ALICE);
      t.equal(code, 0, output);
      t.equal((await session.klist()).ticket(TGS).sessionEtype, etype);
    }
  });

  await t.test(
    'asking for a day: ten hours by policy, and renewable for the rest as kinit accepts (renewable-ok)',
    async (t) => {
      const session = newSession(kdc);
      await session.kinit(['alice'], ALICE);
      const tgt = (await session.klist()).ticket(TGS);
      t.equal(tgt.end - tgt.start, 10 * HOUR);
      t.equal(tgt.flags, 'RIA');
      t.equal((tgt.renewUntil ?? 0) - tgt.start, DAY);
    },
  );

  await t.test('-f -p: forwardable and proxiable', async (t) => {
    const session = newSession(kdc);
    await session.kinit(['-f', '-p', '-l', '1h', 'alice'], ALICE);
    t.equal((await session.klist()).ticket(TGS).flags, 'FPIA');
  });

  await t.test('-l: a shorter life, as asked', async (t) => {
    const session = newSession(kdc);
    await session.kinit(['-l', '90m', 'alice'], ALICE);
    const tgt = (await session.klist()).ticket(TGS);
    t.equal(tgt.end - tgt.start, 1.5 * HOUR);
  });

  await t.test('-r then -R: renewed for as long again, never beyond the first renew-till', async (t) => {
    const session = newSession(kdc);
    await session.kinit(['-l', '1h', '-r', '30d', 'alice'], ALICE);
    const first = (await session.klist()).ticket(TGS);
    t.equal(first.flags, 'RIA');
    t.equal(
      (first.renewUntil ?? 0) - first.start,
      7 * DAY,
      'thirty days were asked for, seven are the policy',
    );
    await sleep(1100);
    const { code, output } = await session.kinit(['-R']);
    t.equal(code, 0, output);
    const renewed = (await session.klist()).ticket(TGS);
    t.match(renewed.flags, /^RI?AT?$/, 'renewable still');
    t.ok(renewed.start > first.start);
    t.equal(renewed.end - renewed.start, HOUR);
    t.equal(renewed.renewUntil, first.renewUntil);
  });

  await t.test('-R is refused for a ticket that is not renewable', async (t) => {
    const session = newSession(kdc);
    await session.kinit(['-l', '1h', 'alice'], ALICE);
    const { code, output } = await session.kinit(['-R']);
    t.equal(code, 1);
    t.match(output, /KDC can't fulfill requested option/);
  });

  await t.test('-s then -v: postdated, invalid until its time, valid after it was validated', async (t) => {
    const session = newSession(kdc);
    await session.kinit(['-s', '2s', 'alice'], ALICE);
    const postdated = (await session.klist()).ticket(TGS);
    t.match(postdated.flags, /^D?diR?IA$/, 'postdated and invalid');
    const early = await session.kinit(['-v']);
    t.match(early.output, /Ticket not yet valid/);
    const useless = await session.run('kvno', ['host/device1.realm1.example']);
    t.not(useless.code, 0, 'an invalid ticket gets no others');
    while (Date.now() / 1000 < postdated.start) await sleep(100);
    const { code, output } = await session.kinit(['-v']);
    t.equal(code, 0, output);
    const valid = (await session.klist()).ticket(TGS);
    t.notMatch(valid.flags, /i/, 'no longer invalid');
    t.equal(valid.start, postdated.start);
    t.equal(valid.end, postdated.end);
    const { code: useful } = await session.run('kvno', ['host/device1.realm1.example']);
    t.equal(useful, 0);
  });

  await t.test('-C: a name in canonical form stays as it is', async (t) => {
    const session = newSession(kdc);
    const { code, output } = await session.kinit(['-C', 'alice'], ALICE);
    t.equal(code, 0, output);
    t.equal((await session.klist()).client, `alice@${kdc.realm}`);
  });

  await t.test('-C -E: user@REALM as one enterprise name becomes user', async (t) => {
    if (!requireRealmward(t)) return;
    const session = newSession(kdc);
    const { code, output } = await session.kinit(['-C', '-E', `alice@${kdc.realm}`], ALICE);
    t.equal(code, 0, output);
    t.equal((await session.klist()).client, `alice@${kdc.realm}`);
  });

  await t.test('-E: an enterprise name without canonicalization logs in, too', async (t) => {
    if (!requireRealmward(t)) return;
    const session = newSession(kdc);
    const { code, output } = await session.kinit(['-E', `alice@${kdc.realm}`], ALICE);
    t.equal(code, 0, output);
    t.match((await session.klist()).client, /^alice/);
    const { code: useful } = await session.run('kvno', ['host/device1.realm1.example']);
    t.equal(useful, 0);
  });

  await t.test('a wrong password is told as such', async (t) => {
    const { code, output } = await newSession(kdc).kinit(['alice'], 'wrong');
    t.equal(code, 1);
    t.match(output, /Password incorrect/);
  });

  await t.test(
    'an unknown user is asked for a password and gets the same answer as a wrong one',
    async (t) => {
      if (!requireRealmward(t)) return;
      const { code, output } = await newSession(kdc).kinit(['nobody'], 'wrong');
      t.equal(code, 1);
      t.match(output, /Password for nobody@/);
      t.match(output, /Password incorrect/);
    },
  );

  await t.test('a device has no password: guessing one fails as for a user', async (t) => {
    if (!requireRealmward(t)) return;
    const { output } = await newSession(kdc).kinit(['host/device1.realm1.example'], 'wrong');
    t.match(output, /Password incorrect/);
  });

  await t.test(
    'a disabled user is told so with the right password, and nothing with a wrong one',
    async (t) => {
      await kdc.disable('bob');
      const right = await newSession(kdc).kinit(['bob'], 'Bob.pass1');
      t.equal(right.code, 1);
      t.match(right.output, /credentials have been revoked/);
      if (!requireRealmward(t)) return;
      const wrong = await newSession(kdc).kinit(['bob'], 'wrong');
      t.match(wrong.output, /Password incorrect/);
    },
  );

  await t.test('an expired password must be changed, which only its owner is told', async (t) => {
    await kdc.expirePassword('carol');
    const right = await newSession(kdc).kinit(['carol'], 'Carol.pass1');
    t.equal(right.code, 1);
    t.match(right.trace, /Password has expired/);
    t.match(right.trace, /getting changepw ticket/);
    t.match(right.output, /You must change it now/);
    if (!requireRealmward(t)) return;
    const wrong = await newSession(kdc).kinit(['carol'], 'wrong');
    t.match(wrong.output, /Password incorrect/);
  });

  await t.test(
    'a clock ten minutes off is refused, and corrected by a client that takes the time from us',
    async (t) => {
      if (!requirePeer(t, 'faketime')) return;
      for (const offset of ['+10m', '-10m']) {
        const strict = newSession(kdc, { libdefaults: { kdc_timesync: 0 } });
        const refused = await strict.run('faketime', ['-f', offset, 'kinit', 'alice'], {
          input: `${ALICE}\n`,
        });
        t.match(refused.output, /Clock skew too great/, offset);
        const lenient = newSession(kdc, { libdefaults: { kdc_timesync: 1 } });
        const corrected = await lenient.run('faketime', ['-f', offset, 'kinit', 'alice'], {
          input: `${ALICE}\n`,
        });
        t.equal(corrected.code, 0, corrected.output);
        const service = await lenient.run('faketime', ['-f', offset, 'kvno', 'host/device1.realm1.example']);
        t.equal(service.code, 0, service.output);
      }
    },
  );

  await t.test('a clock two minutes off is within the skew', async (t) => {
    if (!requirePeer(t, 'faketime')) return;
    const session = newSession(kdc, { libdefaults: { kdc_timesync: 0 } });
    const { code, output } = await session.run('faketime', ['-f', '-2m', 'kinit', 'alice'], {
      input: `${ALICE}\n`,
    });
    t.equal(code, 0, output);
  });

  await t.test('over TCP alone', async (t) => {
    const session = newSession(kdc, { libdefaults: { udp_preference_limit: 1 } });
    const { code, output, trace } = await session.kinit(['alice'], ALICE);
    t.equal(code, 0, output);
    t.match(trace, /Received answer \(\d+ bytes\) from stream/);
    t.notMatch(trace, /dgram/);
    t.equal((await session.run('kvno', ['host/device1.realm1.example'])).code, 0);
  });

  await t.test('a reply that is too long for UDP is fetched over TCP', async (t) => {
    const { code, output, trace } = await newSession(kdc).kinit(['alice'], ALICE);
    t.equal(code, 0, output);
    t.match(trace, /Response too big for UDP, retry with TCP/);
    t.match(trace, /Received answer \(\d+ bytes\) from stream/);
  });
});

await t.test('with revealUnknownClients an unknown user is told to be unknown', async (t) => {
  if (!requirePeer(t, 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, { policy: { revealUnknownClients: true } });
  const { code, output } = await newSession(kdc).kinit(['nobody'], 'wrong');
  t.equal(code, 1);
  t.match(output, /not found in Kerberos database/);
});
