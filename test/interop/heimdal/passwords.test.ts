/** Heimdal's kpasswd: it speaks UDP, changes one's own password, and sets those of others. */
import { join } from 'node:path';
import t from 'tap';
import { requireKdc, requireRealmward, startKdc } from '../../support/kdc.ts';
import { HEIMDAL_ROOT, heimdalLibraryPath, requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

const SECRET = 'c2VjcmV0IG9mIHRoZSBkZXZpY2U';

await t.test("Heimdal's kpasswd", async (t) => {
  if (!requirePeer(t, 'heimdal') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    kpasswd: true,
    users: [
      { name: 'alice', password: 'Alice.pass1', right: 'Administrator' },
      { name: 'bob', password: 'Bob.pass1', right: 'Viewer' },
      { name: 'stage', password: 'Stage.pass1', right: 'Join-Realm' },
    ],
  });
  const program = (name: string) => join(HEIMDAL_ROOT, 'usr/bin', name);
  const session = newSession(kdc, { env: { LD_LIBRARY_PATH: heimdalLibraryPath() } });
  const kpasswd = (args: readonly string[], ...answers: string[]) =>
    session.run(program('kpasswd.heimdal'), args, { input: answers.map((line) => `${line}\n`).join('') });
  const logsIn = async (user: string, password: string): Promise<boolean> => {
    const args = ['--password-file=STDIN', user];
    return (await session.run(program('kinit.heimdal'), args, { input: `${password}\n` })).code === 0;
  };

  await t.test('changes one’s own password', async (t) => {
    const { code, output } = await kpasswd(['bob'], 'Bob.pass1', 'Bob.pass2', 'Bob.pass2');
    t.equal(code, 0, output);
    t.match(output, /Success/);
    t.ok(await logsIn('bob', 'Bob.pass2'));
    t.notOk(await logsIn('bob', 'Bob.pass1'));
  });

  await t.test('sets the password of somebody else, for an Administrator alone', async (t) => {
    const set = (by: string, password: string, next: string) =>
      kpasswd([`--admin-principal=${by}`, 'bob'], password, next, next);
    const { code, output } = await set('alice', 'Alice.pass1', 'Bob.pass3');
    t.equal(code, 0, output);
    t.ok(await logsIn('bob', 'Bob.pass3'));
    const refused = await set('stage', 'Stage.pass1', 'Bob.pass4');
    t.not(refused.code, 0);
    t.ok(await logsIn('bob', 'Bob.pass3'));
    if (!requireRealmward(t)) return;
    // Heimdal goes on with the older protocol then, which cannot name anybody else, and forgets what it was told.
    t.match(kdc.log(), '"reason":"kpasswd-not-allowed","client":"stage@');
  });

  await t.test('joins a device: a Join-Realm account sets the key of a new host/NAME', async (t) => {
    if (!requireRealmward(t)) return;
    const join = (secret: string) =>
      kpasswd(['--admin-principal=stage', 'host/sn-0042'], 'Stage.pass1', secret, secret);
    const { code, output } = await join(SECRET);
    t.equal(code, 0, output);
    t.ok(await logsIn('host/sn-0042', SECRET), 'Heimdal makes the same key of it');
    const again = await join(`${SECRET}2`);
    t.not(again.code, 0);
    t.match(kdc.log(), '"reason":"kpasswd-device-exists"');
    t.ok(await logsIn('host/sn-0042', SECRET));
  });

  await t.test('a refusal reaches the person as a sentence', async (t) => {
    if (!requireRealmward(t)) return;
    const { output } = await kpasswd(['bob'], 'Bob.pass3', 'Bob.pass3', 'Bob.pass3');
    t.match(output, /Soft error : .*is the one that the account has already/);
  });
});
