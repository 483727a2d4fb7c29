/** MIT's programs and library change and set passwords: kpasswd, kinit's prompts, krb5_set_password. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { requireKdc, requireRealmward, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession, type Session } from '../../support/session.ts';

const SET_PASSWORD = fileURLToPath(new URL('setpw.py', import.meta.url));
const DEVICE_SECRET = 'c2VjcmV0IG9mIHRoZSBkZXZpY2U';

await t.test("MIT's clients and passwords", async (t) => {
  if (!requirePeer(t, 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    kpasswd: true,
    users: [
      { name: 'alice', password: 'Alice.pass1', right: 'Administrator' },
      { name: 'bob', password: 'Bob.pass1', right: 'Viewer' },
      { name: 'carol', password: 'Carol.pass1', right: 'Viewer' },
      { name: 'stage', password: 'Stage.pass1', right: 'Join-Realm' },
    ],
  });
  const logsIn = async (user: string, password: string): Promise<boolean> =>
    (await newSession(kdc).kinit([user], password)).code === 0;
  const kpasswd = (session: Session, user: string, ...answers: string[]) =>
    session.run('kpasswd', [user], { input: answers.map((line) => `${line}\n`).join('') });

  await t.test('kpasswd', async (t) => {
    const { code, output } = await kpasswd(newSession(kdc), 'bob', 'Bob.pass1', 'Bob.pass2', 'Bob.pass2');
    t.equal(code, 0, output);
    t.match(output, /Password changed\./);
    t.notOk(await logsIn('bob', 'Bob.pass1'), 'the old password is worthless');
    t.ok(await logsIn('bob', 'Bob.pass2'));
  });

  await t.test('kpasswd with a wrong present password changes nothing', async (t) => {
    const { code, output } = await kpasswd(newSession(kdc), 'carol', 'wrong', 'New.pass1', 'New.pass1');
    t.not(code, 0, output);
    t.ok(await logsIn('carol', 'Carol.pass1'));
  });

  await t.test('kinit asks for a new password where it must be changed, and goes on with it', async (t) => {
    await kdc.expirePassword('carol');
    const carol = newSession(kdc);
    const answers = ['Carol.pass1', 'Carol.pass2', 'Carol.pass2'].join('\n');
    const { code, output } = await carol.kinit(['carol'], answers);
    t.equal(code, 0, output);
    t.match(output, /Password expired\.\s+You must change it now\./);
    t.match((await carol.klist()).tickets[0]?.server, `krbtgt/${kdc.realm}@${kdc.realm}`);
    t.ok(await logsIn('carol', 'Carol.pass2'));
  });

  await t.test('a refusal reaches the person as a sentence, and kinit asks again', async (t) => {
    if (!requireRealmward(t)) return;
    const { code, output } = await kpasswd(newSession(kdc), 'carol', 'Carol.pass2', 'tab\there', 'tab\there');
    t.equal(code, 2);
    t.match(
      output,
      /Password change rejected: The new password is not acceptable\. The password holds a control/,
    );
    await kdc.expirePassword('carol');
    const answers = ['Carol.pass2', 'Carol.pass2', 'Carol.pass2', 'Carol.pass3', 'Carol.pass3'].join('\n');
    const again = await newSession(kdc).kinit(['carol'], answers);
    t.equal(again.code, 0, again.output);
    t.match(again.output, /is the one that the account has already.*Please try again/s);
    t.ok(await logsIn('carol', 'Carol.pass3'));
  });

  await t.test('krb5_set_password', async (t) => {
    if (!requirePeer(t, 'python-gssapi')) return;
    const set = (...args: [client: string, password: string, target: string, newPassword: string]) =>
      newSession(kdc).run('/usr/bin/python3', [SET_PASSWORD, ...args]);

    await t.test('an Administrator sets the password of a user', async (t) => {
      const { output } = await set('alice', 'Alice.pass1', 'bob', 'Bob.set1');
      t.match(output, /^0: Success/);
      t.ok(await logsIn('bob', 'Bob.set1'));
    });

    await t.test('a Viewer does not', async (t) => {
      const { output } = await set('bob', 'Bob.set1', 'alice', 'Alice.taken1');
      t.match(output, /^[25]: /);
      t.ok(await logsIn('alice', 'Alice.pass1'));
      if (!requireRealmward(t)) return;
      t.match(output, "5: Access denied: You may not set somebody else's password.");
    });

    await t.test('a Join-Realm account makes a device, which logs in with the same secret', async (t) => {
      if (!requireRealmward(t)) return;
      const { output } = await set('stage', 'Stage.pass1', 'host/sn-0042', DEVICE_SECRET);
      t.match(output, /^0: Success/);
      t.ok(await logsIn('host/sn-0042', DEVICE_SECRET), 'MIT makes the same key of it');
      const bob = newSession(kdc);
      await bob.kinit(['bob'], 'Bob.set1');
      t.equal((await bob.run('kvno', ['host/sn-0042'])).code, 0);
      const keytab = join(kdc.dir, 'device.keytab');
      const entry = `addent -password -p host/sn-0042@${kdc.realm} -k 1 -e aes256-cts-hmac-sha384-192`;
      await bob.run('ktutil', [], { input: `${entry}\n${DEVICE_SECRET}\nwkt ${keytab}\nquit\n` });
      const opens = await bob.run('kvno', ['-k', keytab, 'host/sn-0042']);
      t.match(opens.output, /keytab entry valid/);

      const again = await set('stage', 'Stage.pass1', 'host/sn-0042', `${DEVICE_SECRET}2`);
      t.match(again.output, /^5: Access denied: A device of that name is there already\./);
      const user = await set('stage', 'Stage.pass1', 'bob', 'Bob.taken1');
      t.match(user.output, /^5: Access denied: /);
      const short = await set('stage', 'Stage.pass1', 'host/sn-0043', 'secret');
      t.match(short.output, /^4: Password change rejected: .*at least 16 characters/);
    });
  });
});
