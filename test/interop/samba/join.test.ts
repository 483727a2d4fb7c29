/** People of Active Directory join devices: their groups decide who may, and who may do that alone gets nowhere else. */
import { join } from 'node:path';
import t from 'tap';
import { curl, curlJoin, JOIN_SERVER, saveKeytab, startJoinServer } from '../../support/join-server.ts';
import { requirePeer } from '../../support/peers.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, loginAtAd, OWN_SID, REALM } from './realms.ts';

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('users of Active Directory with the right to join', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'curl')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const server = await startJoinServer(t, {
    realm: REALM,
    sid: OWN_SID,
    trusts: [
      {
        realm: ad.realm,
        netbios: ad.netbios,
        kind: 'ad',
        domainSid: ad.domainSid,
        direction: 'both',
        kdcs: [`${ad.address}:${ad.port}`],
        secret: AD_TRUST.password,
        mode: 'groups',
        rights: [
          { rid: ad.groups['fleet-operators'].rid, right: 'Administrator' },
          { sid: ad.groups['fleet-viewers'].sid, right: 'Join-Realm' },
        ],
      },
    ],
  });
  const { kdc } = server;
  const newcomer = () => newSession(kdc, { others: [ad] });
  const carol = newcomer();
  await loginAtAd(carol, ad, 'carol');
  const basic = ['--user', `${ad.netbios}\\carol:${ad.users.carol.password}`];
  const upn = ['--user', `carol@${ad.realm}:${ad.users.carol.password}`];
  const negotiate = ['--negotiate', '--user', ':'];

  await t.test('join devices by password and by ticket', async (t) => {
    const joined = await curlJoin(server, carol, { host: 'ad-1' }, ...upn);
    t.match(joined, { status: 200, body: { device: { joinedBy: `carol@${ad.realm}` } } }, joined.text);
    const keytab = saveKeytab(joined, join(kdc.dir, 'ad-1.keytab'));
    t.equal((await newSession(kdc).kinit(['-k', '-t', keytab, 'host/ad-1'])).code, 0);
    const ticket = await curlJoin(server, carol, { host: 'ad-2' }, ...negotiate);
    t.match(ticket, { status: 200, body: { device: { joinedBy: `carol@${ad.realm}` } } }, ticket.text);
    t.match(await curlJoin(server, carol, { host: 'ad-1' }, ...negotiate), {
      status: 409,
      body: { error: 'already-joined' },
    });
  });

  await t.test('are told the name of their realm when they write its NETBIOS name', async (t) => {
    const hinted = await curlJoin(server, carol, { host: 'ad-3' }, ...basic);
    t.match(hinted, { status: 401, body: { error: 'realm_hint' } });
    t.match(hinted.text, ad.realm);
  });

  await t.test('get no ticket for a device, and no other path of the server', async (t) => {
    t.equal((await carol.run('kvno', [`HTTP/${JOIN_SERVER}@${REALM}`])).code, 0);
    t.not((await carol.run('kvno', [`host/ad-1@${REALM}`])).code, 0);
    for (const path of ['/v1/login', '/v1/login/start', '/v1/login/redeem']) {
      for (const as of [upn, negotiate])
        t.match((await curl(server, carol, path, '--json', '{}', ...as)).status, /^40[134]$/, path);
    }
    const alice = newcomer();
    await loginAtAd(alice, ad, 'alice');
    const { code, output } = await alice.run('kvno', [`host/ad-1@${REALM}`]);
    t.equal(code, 0, output);
  });

  await t.test('are none without a group: nobody else joins a device', async (t) => {
    const mallory = newcomer();
    await loginAtAd(mallory, ad, 'mallory');
    t.match(await curlJoin(server, mallory, { host: 'ad-4' }, ...negotiate), {
      status: 403,
      body: { error: 'may-not-join' },
    });
  });
});
