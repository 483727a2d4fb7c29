/** Our client changes and sets passwords at Active Directory (Samba's), at MIT's kadmind, and at ours. */
import t from 'tap';
import {
  CHANGEPW,
  changePassword,
  enterprisePrincipal,
  getInitialTicket,
  parsePrincipal,
  setPassword,
} from '../../../src/client/index.ts';
import { nodeClient, type NodeClientOptions } from '../../../src/client/node.ts';
import { requireKdc, requireRealmward, startKdc } from '../../support/kdc.ts';
import { startMitKdc } from '../../support/mit-kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';

await t.test('users of Active Directory', { timeout: 180_000 }, async (t) => {
  if (!requireSambaAd(t)) return;
  const ad = await startSambaAd(t, { kpasswd: true });
  const client = (options: NodeClientOptions = {}) =>
    nodeClient({
      realms: {
        [ad.realm]: {
          kdcs: [`${ad.address}:${ad.port}`],
          kpasswd: [`${ad.address}:${ad.kpasswdPort}`],
        },
      },
      dns: false,
      ...options,
    });
  const change = (user: string, password: string, newPassword: string, context = client()) =>
    changePassword(context, { client: parsePrincipal(user, ad.realm), password, newPassword });
  const logIn = (user: string, password: string) =>
    getInitialTicket(client(), { client: parsePrincipal(user, ad.realm), proof: { password } });

  await t.test('are told what AD wants of a new password', async (t) => {
    const { password } = ad.users.alice;
    await t.rejects(change('alice', password, 'Quite.New.pass1'), { code: 'kpasswd-softerror', result: 4 });
    await ad.setPasswordAge(0);
    const error = await change('alice', password, 'kurz').catch((thrown: unknown) => thrown);
    t.match(error, { code: 'kpasswd-softerror', says: /at least 7 characters/ });
    await logIn('alice', password);
  });

  await t.test('change their password over TCP, by their name and by their UPN', async (t) => {
    const transports: string[] = [];
    const observe: NodeClientOptions['observe'] = (event) => {
      if (event.kind === 'attempt' && event.port === ad.kpasswdPort) transports.push(event.transport);
    };
    await change('alice', ad.users.alice.password, 'Alice.New.pass1', client({ observe }));
    t.strictSame(transports, ['tcp']);
    await logIn('alice', 'Alice.New.pass1');
    await t.rejects(change('alice', 'wrong', 'Alice.New.pass2'), { code: 'kdc-err-preauth-failed' });
    await changePassword(client(), {
      client: enterprisePrincipal(ad.users.carol.upn, ad.realm),
      password: ad.users.carol.password,
      newPassword: 'Carol.New.pass1',
      canonicalize: true,
    });
    await logIn('carol', 'Carol.New.pass1');
  });

  await t.test('may not set each other’s passwords, and the Administrator may', async (t) => {
    const set = async (by: string, password: string, target: string, newPassword: string) => {
      const context = client();
      const credential = await getInitialTicket(context, {
        client: parsePrincipal(by, ad.realm),
        proof: { password },
        service: CHANGEPW,
      });
      await setPassword(context, credential, { target: parsePrincipal(target, ad.realm), newPassword });
    };
    await t.rejects(set('alice', 'Alice.New.pass1', 'carol', 'Carol.Taken.1'), {
      code: 'kpasswd-accessdenied',
    });
    await set('Administrator', ad.adminPassword, 'carol', 'Carol.Set.pass1');
    await logIn('carol', 'Carol.Set.pass1');
  });
});

for (const [peer, start] of Object.entries({ mit: startMitKdc, realmward: startKdc })) {
  await t.test(`users of ${peer}'s realm`, async (t) => {
    if (peer === 'mit' ? !requirePeer(t, 'mit-kdc') : !requireKdc(t) || !requireRealmward(t)) return;
    const kdc = await start(t, {
      kpasswd: true,
      users: [
        { name: 'alice', password: 'Alice.pass1', right: 'Administrator' },
        { name: 'bob', password: 'Bob.pass1', right: 'Viewer' },
      ],
    });
    const context = nodeClient({
      realms: { [kdc.realm]: { kdcs: [`${kdc.address}:${kdc.port}`], kpasswd: [kdc.kpasswd ?? ''] } },
      dns: false,
    });
    const [alice, bob] = ['alice', 'bob'].map((name) => parsePrincipal(name, kdc.realm)) as [
      ReturnType<typeof parsePrincipal>,
      ReturnType<typeof parsePrincipal>,
    ];

    await t.test('change their password, when they must, too', async () => {
      await changePassword(context, { client: bob, password: 'Bob.pass1', newPassword: 'Bob.pass2' });
      await kdc.expirePassword('bob');
      await t.rejects(getInitialTicket(context, { client: bob, proof: { password: 'Bob.pass2' } }), {
        code: 'kdc-err-key-expired',
      });
      await changePassword(context, { client: bob, password: 'Bob.pass2', newPassword: 'Bob.pass3' });
      await getInitialTicket(context, { client: bob, proof: { password: 'Bob.pass3' } });
    });

    await t.test('an Administrator sets that of others, and nobody else does', async (t) => {
      const ticket = (client: typeof alice, password: string) =>
        getInitialTicket(context, { client, proof: { password }, service: CHANGEPW });
      await setPassword(context, await ticket(alice, 'Alice.pass1'), {
        target: bob,
        newPassword: 'Bob.pass4',
      });
      const refused = setPassword(context, await ticket(bob, 'Bob.pass4'), {
        target: alice,
        newPassword: 'Alice.taken1',
      });
      await t.rejects(refused, { code: /^kpasswd-(accessdenied|harderror|autherror)$/, says: String });
      await getInitialTicket(context, { client: alice, proof: { password: 'Alice.pass1' } });
    });
  });
}
