/** RC4 for the tickets of a trust that names it, with a domain controller whose trust object has nothing else, and with MIT's KDC. */
import t from 'tap';
import { speakTo } from '../../support/acceptor.ts';
import { findEvent } from '../../support/event-log.ts';
import { startMitKdc } from '../../support/mit-kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { startRealmwardKdc } from '../../support/realmward-kdc.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, BOB, DEVICE, loginAtAd, OWN_SID, REALM, startOurs } from './realms.ts';

const RC4 = 'DEPRECATED:arcfour-hmac';
/** RC4 for tickets, AES for their session keys. */
const RC4_WITH_AES_SESSION = 36;

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('a trust with AD that has RC4 alone', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'python-gssapi')) return;
  const ad = await startSambaAd(t, { trust: { ...AD_TRUST, enctypes: RC4_WITH_AES_SESSION } });
  const kdc = await startOurs(t, ad, { enctypes: ['rc4'] });

  await t.test('a user of AD comes with an RC4 ticket, and has its right in an AES one', async (t) => {
    const since = Date.now();
    const session = newSession(kdc, { others: [ad] });
    await loginAtAd(session, ad, 'alice');
    const seen = await speakTo(session, `${DEVICE}@${REALM}`, await kdc.exportKeytab(DEVICE));
    t.match(seen, { client: `alice@${ad.realm}`, established: true });
    t.same(seen.attributes['auth-indicators'], ['realmward:Administrator']);
    await findEvent(kdc, since, { outcome: 'issued', client: `alice@${ad.realm}`, right: 'Administrator' });
    const list = await session.klist();
    t.match(list.ticket(`krbtgt/${REALM}@${ad.realm}`), {
      ticketEtype: RC4,
      sessionEtype: 'aes256-cts-hmac-sha1-96',
    });
    t.match(list.ticket(`${DEVICE}@${REALM}`), {
      ticketEtype: 'aes256-cts-hmac-sha384-192',
      sessionEtype: 'aes256-cts-hmac-sha384-192',
    });
  });

  await t.test('our user reaches a service of AD by an RC4 ticket with an RC4-signed PAC', async (t) => {
    const session = newSession(kdc, { others: [ad] });
    t.equal((await session.kinit([`bob@${REALM}`], BOB.password)).code, 0);
    const service = `${ad.service}@${ad.realm}`;
    const seen = await speakTo(session, service, await ad.exportKeytab(ad.service));
    t.match(seen, { client: `bob@${REALM}`, established: true });
    t.match((await session.klist()).ticket(`krbtgt/${ad.realm}@${REALM}`), {
      ticketEtype: RC4,
      sessionEtype: 'aes256-cts-hmac-sha1-96',
    });
  });

  await t.test('a session key of RC4 is refused, by name', async (t) => {
    await ad.setTrust({ ...AD_TRUST, enctypes: 4 });
    const since = Date.now();
    const session = newSession(kdc, { others: [ad] });
    await loginAtAd(session, ad, 'alice');
    t.not((await session.run('kvno', [`${DEVICE}@${REALM}`])).code, 0);
    await findEvent(kdc, since, { outcome: 'refused', reason: 'trust-session-key' });
  });

  await t.test('the log of the server warns at its start, trust test each time', async (t) => {
    t.match(kdc.log(), /"msg":"the trust with AD\.EXAMPLE\.TEST uses RC4, which is broken/);
    await ad.setTrust({ ...AD_TRUST, enctypes: RC4_WITH_AES_SESSION });
    const args = ['trust', 'test', ad.realm, '--user', 'alice', '--password-stdin'];
    const { code, stdout, output } = await kdc.cli(args, `${ad.users.alice.password}\n`);
    t.equal(code, 0, output);
    t.match(stdout, /It opens with the current secret's key of rc4-hmac/);
    t.match(stdout, /The server signature \(hmac-md5\) is right/);
    t.match(output, /uses RC4, which is broken/);
  });
});

await t.test('a trust with an MIT realm that has RC4 alone', async (t) => {
  if (!requirePeer(t, 'mit-client', 'mit-kdc', 'python-gssapi')) return;
  const there = 'ALPHA.EXAMPLE';
  const trust = { secret: AD_TRUST.password, direction: 'both', enctypes: ['arcfour-hmac'] } as const;
  const mit = await startMitKdc(t, {
    realm: there,
    users: [{ name: 'alice', password: 'Alice.pass1' }],
    services: [{ name: 'host/device.alpha.example' }],
    trusts: [{ realm: REALM, ...trust }],
  });
  const ours = await startRealmwardKdc(t, {
    realm: REALM,
    sid: OWN_SID,
    users: [BOB],
    services: [{ name: DEVICE }],
    trusts: [{ realm: there, kind: 'mit', ...trust }],
  });
  for (const [home, user, password, away, service] of [
    [mit, 'alice', 'Alice.pass1', ours, DEVICE],
    [ours, 'bob', BOB.password, mit, 'host/device.alpha.example'],
  ] as const) {
    const session = newSession(home, { others: [away] });
    t.equal((await session.kinit([user], password)).code, 0);
    const seen = await speakTo(session, `${service}@${away.realm}`, await away.exportKeytab(service));
    t.match(seen, { client: `${user}@${home.realm}`, established: true }, `from ${home.realm}`);
    const { ticketEtype, sessionEtype } = (await session.klist()).ticket(
      `krbtgt/${away.realm}@${home.realm}`,
    );
    t.equal(ticketEtype, RC4);
    t.match(sessionEtype, /^aes/);
  }
});
