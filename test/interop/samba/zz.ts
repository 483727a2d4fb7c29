import t from 'tap';
import { startSambaAd } from '../../support/samba-ad.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, DEVICE, REALM, loginAtAd, startOurs } from './realms.ts';
t.setTimeout(240_000);
await t.test('x', async (t) => {
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad, { netbios: ad.netbios });
  const show = async (args: string[], input?: string) => {
    const r = await kdc.cli(args, input);
    console.log(`$ realmward ${args.join(' ')}\n${r.output}[exit ${r.code}]\n`);
  };
  await show(
    ['trust', 'test', ad.realm, '--user', 'alice', '--password-stdin'],
    ad.users.alice.password + '\n',
  );
  await show(
    ['trust', 'test', ad.realm, '--user', 'carol@corp.example', '--password-stdin'],
    ad.users.carol.password + '\n',
  );
  await show(['trust', 'test', ad.realm, '--user', 'alice', '--password-stdin'], 'wrong\n');
  await show(
    ['trust', 'test', ad.realm, '--user', 'dave', '--password-stdin'],
    ad.users.dave.password + '\n',
  );
  await show(['trust', 'test', ad.realm, '--user', 'nobody', '--password-stdin'], 'x\n');
  await show(['trust', 'test', ad.realm.toLowerCase(), '--user', 'nobody', '--password-stdin'], 'x\n');
  await show(['rights', 'explain', `alice@${ad.realm}`, '--password-stdin'], ad.users.alice.password + '\n');
  await show(
    ['rights', 'explain', `mallory@${ad.realm}`, '--password-stdin'],
    ad.users.mallory.password + '\n',
  );
  await show(['rights', 'explain', `bob`]);
  const s = newSession(kdc, { others: [ad] });
  await loginAtAd(s, ad, 'carol');
  await show(['rights', 'explain', `carol@${ad.realm}`, '--ccache', s.ccache]);
  await s.run('kvno', [`${DEVICE}@${REALM}`]);
  await show(['rights', 'explain', `carol@${ad.realm}`, '--ccache', s.ccache]);
  await show(['rights', 'explain', `alice@${ad.realm}`, '--ccache', s.ccache]);
  await show(['rights', 'explain', `carol@${ad.realm}`, '--ccache', s.ccache, '--json']);
  await ad.setTrust({ ...AD_TRUST, password: 'other', previousPassword: 'other' } as never);
  await show(
    ['trust', 'test', ad.realm, '--user', 'alice', '--password-stdin'],
    ad.users.alice.password + '\n',
  );
  await show(['rights', 'explain', `alice@${ad.realm}`, '--password-stdin'], ad.users.alice.password + '\n');
  await ad.setTrust({ ...AD_TRUST, direction: 2 } as never);
  await show(
    ['trust', 'test', ad.realm, '--user', 'alice', '--password-stdin'],
    ad.users.alice.password + '\n',
  );
  await ad.setTrust({ ...AD_TRUST, enctypes: 4 } as never);
  await show(
    ['trust', 'test', ad.realm, '--user', 'alice', '--password-stdin'],
    ad.users.alice.password + '\n',
  );
});
