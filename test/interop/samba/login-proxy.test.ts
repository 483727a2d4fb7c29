/** The login proxy in front of an Active Directory domain controller. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { keysOf, verifyApReq } from '../../../src/ap/verify-ap-req.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { findEvent } from '../../support/event-log.ts';
import { joinDevice, type JoinedDevice } from '../../support/joined-device.ts';
import type { TestKdc, TrustConfig } from '../../support/kdc.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { AD_TRUST, BOB, startOurs } from './realms.ts';

const NAME = 'server.realm1.example';

t.setTimeout(240_000);

await t.test('users of Active Directory, who type their password into the page of a device', async (t) => {
  if (!requireSambaAd(t)) return;
  const ad = await startSambaAd(t, { kpasswd: true, trust: AD_TRUST });
  const { alice, carol, mallory, dave } = ad.users;

  const server = async (
    change: Partial<TrustConfig> = {},
  ): Promise<{ kdc: TestKdc; device: JoinedDevice }> => {
    const kdc = await startOurs(t, ad, change, { https: { names: [NAME] } });
    const device = await joinDevice(kdc, NAME, { host: 'phone1', user: BOB.name, password: BOB.password });
    return { kdc, device };
  };
  // The first one is dead: nobody listens there.
  const { kdc, device } = await server({ kdcs: ['127.0.0.3:9', `${ad.address}:${ad.port}`] });
  const logIn = (user: string, password: string, at = device) => at.post('/v1/login', { user, password });

  await t.test(
    'granted, with a ticket that the device opens with the key it got when it joined',
    async (t) => {
      const { status, body } = await logIn(`${ad.realm}\\alice`, alice.password);
      t.equal(status, 200);
      t.match(body, {
        result: 'granted',
        principal: `alice@${ad.realm}`,
        realm: ad.realm,
        right: 'Administrator',
      });
      t.ok(body.groups.includes(ad.groups['fleet-operators'].sid));
      const acceptor = {
        crypto: nodeCrypto,
        clock: { microseconds: () => Date.now() * 1000 },
        keys: keysOf(device.keytab),
        replays: undefined,
      };
      const { client } = verifyApReq(acceptor, Buffer.from(body.ticket, 'base64'));
      t.match(client, { realm: ad.realm, name: { nameString: ['alice'] } });
      t.match((await logIn(`carol@${ad.realm}`, carol.password)).body, {
        result: 'granted',
        right: 'Viewer',
      });
    },
  );

  await t.test('no_right, with the groups that AD has sent', async (t) => {
    const { status, body } = await logIn(`${ad.realm}\\mallory`, mallory.password);
    t.equal(status, 403);
    t.match(body, { result: 'no_right', principal: `mallory@${ad.realm}` });
    t.ok(body.groups.includes(`${ad.domainSid}-513`), 'Domain Users');
  });

  await t.test('a wrong password and a name that does not exist get the same answer', async (t) => {
    const wrong = await logIn(`${ad.realm}\\mallory`, 'wrong');
    const unknown = await logIn(`${ad.realm}\\nobody`, 'wrong');
    t.equal(wrong.status, 403);
    t.match(wrong.body, { result: 'refused' });
    t.strictSame(unknown.body, wrong.body);
  });

  await t.test('a disabled account is locked', async (t) => {
    t.match((await logIn(`${ad.realm}\\dave`, dave.password)).body, { result: 'locked' });
  });

  await t.test('the domain by its NETBIOS name or in lower case: a hint, and AD is not asked', async (t) => {
    const before = ad.log().length;
    for (const user of [
      `${ad.netbios}\\carol`,
      `${ad.realm.toLowerCase()}\\carol`,
      `carol@${ad.realm.toLowerCase()}`,
    ]) {
      t.match((await logIn(user, 'wrong')).body, { result: 'realm_hint', realm: ad.realm }, user);
    }
    t.notMatch(ad.log().slice(before), /carol/i);
  });

  await t.test('wrong passwords cost AD at most maxFailures attempts, counted by AD', async (t) => {
    await ad.setLockoutThreshold(10);
    const typed = ['carol', 'CAROL', 'Carol', 'carol', 'cArol', 'carol', 'carol', 'caröl', 'càrol', 'carol'];
    const answers = await Promise.all(typed.map((name) => logIn(`${ad.realm}\\${name}`, 'wrong')));
    const results = answers.map(({ body }) => body.result as string);
    t.equal(results.filter((one) => one === 'refused').length, 3);
    t.equal(results.filter((one) => one === 'locked').length, 7);
    t.match(await logIn(`${ad.realm}\\carol`, carol.password), { body: { result: 'locked' } });
    const { count, locked } = await ad.failedLogons('carol');
    t.ok(count <= 3, `AD has counted ${count}`);
    t.ok(count > 0, 'and it does count');
    t.notOk(locked);
    t.match((await logIn(`${ad.realm}\\alice`, alice.password)).body, { result: 'granted' }, 'others go on');
  });

  await t.test('fewer where the trust says so', async (t) => {
    const { kdc, device } = await server({ maxFailures: 1, window: '10m' });
    await ad.setLockoutThreshold(10);
    t.match((await logIn(`${ad.realm}\\mallory`, 'wrong', device)).body, { result: 'refused' });
    const { count } = await ad.failedLogons('mallory');
    t.match((await logIn(`${ad.realm}\\mallory`, 'wrong', device)).body, { result: 'locked' });
    t.equal((await ad.failedLogons('mallory')).count, count);

    const set = await kdc.cli(['trust', 'set', ad.realm, '--max-failures', '2']);
    t.equal(set.code, 0, set.output);
    // The server learns of it within a second; an attempt that it does not make counts nowhere.
    let again = await logIn(`${ad.realm}\\mallory`, 'wrong', device);
    for (let tries = 0; tries < 100 && again.body.result === 'locked'; tries++) {
      await sleep(100);
      again = await logIn(`${ad.realm}\\mallory`, 'wrong', device);
    }
    t.match(again.body, { result: 'refused' });
    t.match((await logIn(`${ad.realm}\\mallory`, 'wrong', device)).body, { result: 'locked' });
    t.equal((await ad.failedLogons('mallory')).count, count + 1);
  });

  await t.test('under all names that AD has for the account, together', async (t) => {
    const { device } = await server();
    await ad.setLockoutThreshold(20);
    await ad.setUserPrincipalName('alice', `a.liddell@${ad.realm.toLowerCase()}`);
    const { count: before } = await ad.failedLogons('alice');
    const results = [];
    for (const name of ['a.liddell', 'alice', 'a.liddell', 'alice', 'a.liddell'])
      results.push((await logIn(`${ad.realm}\\${name}`, 'wrong', device)).body.result);
    t.same(results, ['refused', 'refused', 'refused', 'locked', 'locked']);
    const { count } = await ad.failedLogons('alice');
    t.equal(count - before, 3, 'AD has taken both names for alice');
    await ad.setUserPrincipalName('alice', ad.users.alice.upn);
  });

  await t.test('a password that must be changed is changed at AD, which says what it wants', async (t) => {
    const kpasswd = [`${ad.address}:${ad.kpasswdPort}`];
    const { kdc, device } = await server({ kpasswd, maxFailures: 2, window: '10m' });
    const user = `${ad.realm}\\carol`;
    const logInWith = (password: string) => logIn(user, password, device);
    const change = (password: string, newPassword: string) =>
      device.post('/v1/login/password', { user, password, newPassword });
    await ad.setPasswordAge(0);
    await ad.setPassword('carol', 'Given.Passw0rd', { mustChange: true });
    t.match(await logInWith('Given.Passw0rd'), { status: 403, body: { result: 'expired_password' } });
    t.match((await logInWith('wrong')).body, { result: 'refused' }, 'whoever does not know it is not told');

    t.match(await change('Given.Passw0rd', 'kurz'), {
      status: 403,
      body: { result: 'rejected', message: /at least 7 characters/, hint: /./ },
    });
    t.match(
      await logInWith('Given.Passw0rd'),
      { body: { result: 'expired_password' } },
      'nothing was changed',
    );

    t.strictSame((await change('Given.Passw0rd', 'Chosen.Passw0rd')).body, { result: 'changed' });
    t.match(await logInWith('Chosen.Passw0rd'), {
      status: 200,
      body: { result: 'granted', principal: `carol@${ad.realm}`, right: 'Viewer' },
    });
    await findEvent(kdc, 0, { exchange: 'login', action: 'change', outcome: 'changed', client: user });

    const before = ad.log().length;
    for (let i = 0; i < 2; i++) {
      t.match(await change('wrong', 'Stolen.Passw0rd'), { status: 403, body: { result: 'refused' } });
    }
    const { count } = await ad.failedLogons('carol');
    t.equal(count, 2, 'counted by AD');
    t.match(ad.log().slice(before), /carol/i);
    for (const answer of [
      await change('Chosen.Passw0rd', 'Next.Passw0rd'),
      await logInWith('Chosen.Passw0rd'),
    ])
      t.match(answer.body, { result: 'locked' });
    t.equal((await ad.failedLogons('carol')).count, count, 'nobody has asked AD again');
    t.notMatch(kdc.log(), /Passw0rd/, 'no line of the log holds a password');
  });

  await t.test(
    'an evil KDC that knows the password, but not the secret of the trust, is unmasked',
    async (t) => {
      const { kdc, device } = await server({ secret: 'Another.Secret-9' });
      const { status, body } = await logIn(`${ad.realm}\\alice`, alice.password, device);
      t.equal(status, 403);
      t.match(body, { result: 'refused' });
      await findEvent(kdc, 0, { exchange: 'login', outcome: 'refused', reason: 'kdc-not-proven' });
      t.pass('and the log says so');
    },
  );

  await t.test('a domain whose servers are gone is unreachable', async (t) => {
    await ad.stop();
    const { status, body } = await logIn(`${ad.realm}\\alice`, alice.password);
    t.equal(status, 503);
    t.match(body, { result: 'unreachable' });
    await ad.start();
    t.match((await logIn(`${ad.realm}\\alice`, alice.password)).body, { result: 'granted' });
  });

  const granted = { exchange: 'login', outcome: 'granted', client: `alice@${ad.realm}` };
  t.match(await findEvent(kdc, 0, granted), {
    target: 'host/phone1',
    address: '127.0.0.1',
    right: 'Administrator',
  });
  t.notMatch(kdc.log(), /Passw0rd/, 'no line of the log holds a password');
});
