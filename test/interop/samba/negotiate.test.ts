/** Users of Active Directory negotiate with our web server: who they are, and what their groups give. */
import t from 'tap';
import type { Person } from '../../../src/http/caller.ts';
import { APACHE_HOST as HOST, fetchPage } from '../../support/apache.ts';
import { negotiating, startSite } from '../../support/negotiating-site.ts';
import { requirePeer } from '../../support/peers.ts';
import { type AdUserName, requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { newSession, type Session } from '../../support/session.ts';
import { AD_TRUST, BOB, loginAtAd, OWN_SID, startOurs } from './realms.ts';

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('Negotiate with tickets of Active Directory', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'curl')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad, {}, { services: [{ name: `HTTP/${HOST}` }] });
  const keytab = await kdc.exportKeytab(`HTTP/${HOST}`);
  const port = await startSite(t, await negotiating(kdc, { sid: OWN_SID, keytab }));

  const visit = async (login: (session: Session) => Promise<unknown>): Promise<Person> => {
    const session = newSession(kdc, { others: [ad] });
    await login(session);
    const { status, text } = await fetchPage(session, port, '--negotiate', '-u', ':');
    t.equal(status, 200, text);
    return JSON.parse(/^\{.*\}/m.exec(text)?.[0] ?? 'null') as Person;
  };
  const fromAd = (user: AdUserName) => visit((session) => loginAtAd(session, ad, user));

  await t.test('the groups that a user of AD is in decide', async (t) => {
    const alice = await fromAd('alice');
    t.match(alice, { realm: ad.realm, name: 'alice', rights: { login: 'Administrator', join: false } });
    t.ok(alice.groups.includes(ad.groups['fleet-operators'].sid));
    t.match(await fromAd('carol'), { name: 'carol', rights: { login: 'Viewer' } });
    const mallory = await fromAd('mallory');
    t.equal(mallory.rights.login, undefined, 'authenticated, and yet without a right');
    t.ok(mallory.groups.length > 0, 'with the groups that came, for whoever asks why');
  });

  await t.test('CVE-2020-25717: a name that a user may choose is no account', async (t) => {
    const carol = await visit((session) =>
      session.kinit(['-E', `carol@corp.example@${ad.realm}`], ad.users.carol.password),
    );
    t.match(
      carol,
      { realm: ad.realm, name: 'carol', rights: { login: 'Viewer' } },
      'her UPN is another name',
    );
  });

  await t.test('our own users are let in beside them', async (t) => {
    const bob = await visit((session) => session.kinit([BOB.name], BOB.password));
    t.match(bob, { realm: kdc.realm, name: 'bob', rights: { login: 'Administrator' } });
  });
});
