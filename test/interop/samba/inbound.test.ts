/** Users of Active Directory come to our devices, and their groups decide what they may do there. */
import t from 'tap';
import type { Accepted } from '../../support/acceptor.ts';
import { speakTo } from '../../support/acceptor.ts';
import { findEvent } from '../../support/event-log.ts';
import type { TestKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import type { AdUserName } from '../../support/samba-ad.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import type { Session } from '../../support/session.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, BOB, DEVICE, REALM, loginAtAd, startOurs } from './realms.ts';

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('users of Active Directory', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'python-gssapi')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad);
  const keytab = await kdc.exportKeytab(DEVICE);
  const newcomer = (): Session => newSession(kdc, { others: [ad] });

  /** Logs in at AD and speaks to the device; what the device learned. */
  const visit = async (user: AdUserName): Promise<Accepted> => {
    const session = newcomer();
    await loginAtAd(session, ad, user);
    return speakTo(session, `${DEVICE}@${REALM}`, keytab);
  };
  const indicators = async (user: AdUserName): Promise<readonly string[]> =>
    (await visit(user)).attributes['auth-indicators'] ?? [];
  /** The same at another of our realms that trusts the domain. */
  const rightsAt = async (realm: TestKdc, user: AdUserName): Promise<readonly string[]> => {
    const session = newSession(realm, { others: [ad] });
    await loginAtAd(session, ad, user);
    const seen = await speakTo(session, `${DEVICE}@${REALM}`, await realm.exportKeytab(DEVICE));
    return seen.attributes['auth-indicators'] ?? [];
  };

  await t.test('alice of the operators is Administrator: the highest right of her groups', async (t) => {
    const since = Date.now();
    const seen = await visit('alice');
    t.equal(seen.client, `alice@${ad.realm}`);
    t.ok(seen.established);
    t.equal(seen.sealed, 'show status');
    t.same(seen.attributes['auth-indicators'], ['realmward:Administrator']);
    const event = await findEvent(kdc, since, { client: `alice@${ad.realm}`, server: `${DEVICE}@${REALM}` });
    t.match(event, { outcome: 'issued', right: 'Administrator' });
    t.match(event.groups, ad.groups['fleet-operators'].sid, 'the log names her groups');
  });

  await t.test('carol of the viewers is Viewer', async (t) => {
    t.same(await indicators('carol'), ['realmward:Viewer']);
  });

  await t.test(
    'mallory, in no group that counts, gets a ticket without a right, and the log says which groups came',
    async (t) => {
      const since = Date.now();
      const seen = await visit('mallory');
      t.ok(seen.established);
      t.equal(seen.attributes['auth-indicators'], undefined);
      const event = await findEvent(kdc, since, { client: `mallory@${ad.realm}`, outcome: 'issued' });
      t.match(event, { right: undefined, groups: `${ad.domainSid}-513 S-1-18-1` }, 'Domain Users, no more');
    },
  );

  await t.test('dave, disabled, is refused by AD', async (t) => {
    const before = kdc.log();
    const { code, output } = await newcomer().kinit([`dave@${ad.realm}`], ad.users.dave.password);
    t.not(code, 0);
    t.match(output, /credentials have been revoked/);
    t.equal(kdc.log(), before, 'and never asks us');
  });

  await t.test(
    'an enterprise name, with and without canonicalization, has the right of its account',
    async (t) => {
      for (const [options, client] of [
        [['-C', '-E'], `carol@${ad.realm}`],
        [['-E'], `carol\\@corp.example@${ad.realm}`],
      ] as const) {
        const carol = newcomer();
        const login = await carol.kinit(
          [...options, `carol@corp.example@${ad.realm}`],
          ad.users.carol.password,
        );
        t.equal(login.code, 0, login.output);
        const seen = await speakTo(carol, `${DEVICE}@${REALM}`, keytab);
        t.equal(seen.client, client);
        t.same(seen.attributes['auth-indicators'], ['realmward:Viewer']);
      }
    },
  );

  await t.test('who leaves a group loses its right at the next login', async (t) => {
    await ad.removeFromGroup('fleet-operators', 'alice');
    t.same(await indicators('alice'), ['realmward:Viewer'], 'the viewers she is still in');
    await ad.removeFromGroup('fleet-viewers', 'alice');
    t.same(await indicators('alice'), []);
    await ad.addToGroup('fleet-operators', 'alice');
    await ad.addToGroup('fleet-viewers', 'alice');
    t.same(await indicators('alice'), ['realmward:Administrator']);
  });

  await t.test('AD refers its users to us for a service of ours', async (t) => {
    const since = Date.now();
    const alice = newcomer();
    await loginAtAd(alice, ad, 'alice');
    // Asked of AD by name: the client knows no domain_realm for it.
    const { code, output, trace } = await alice.run('kvno', [`${DEVICE}@${ad.realm}`]);
    t.equal(code, 0, output);
    t.match(trace, `TGS reply is for alice@${ad.realm} -> krbtgt/${REALM}@${ad.realm}`);
    await findEvent(kdc, since, {
      outcome: 'issued',
      client: `alice@${ad.realm}`,
      server: `${DEVICE}@${REALM}`,
    });
  });

  await t.test(
    'AD refers our users to us, and we refer its users to AD, when they log in by enterprise name',
    async (t) => {
      const bob = newcomer();
      const atAd = await bob.kinit(['-C', '-E', `bob@realm1.example@${ad.realm}`], BOB.password);
      t.equal(atAd.code, 0, atAd.output + atAd.trace);
      t.match(atAd.trace, `Following referral to realm ${REALM}`);
      t.equal((await bob.klist()).client, `bob@${REALM}`);

      const since = Date.now();
      const alice = newcomer();
      const atOurs = await alice.kinit(['-C', '-E', 'alice@ad.example.test'], ad.users.alice.password);
      t.equal(atOurs.code, 0, atOurs.output + atOurs.trace);
      t.match(atOurs.trace, `Following referral to realm ${ad.realm}`);
      t.equal((await alice.klist()).client, `alice@${ad.realm}`);
      await findEvent(kdc, since, { reason: 'client-referral' });
    },
  );

  await t.test('a rule for a group that alice is in by nesting counts', async (t) => {
    const rights = [{ rid: ad.groups['fleet-nested'].rid, right: 'Viewer' as const }];
    const nested = await startOurs(t, ad, { rights });
    t.same(await rightsAt(nested, 'alice'), ['realmward:Viewer']);
    t.same(await rightsAt(nested, 'carol'), []);
  });

  await t.test('a group of the same RID in another domain is another group', async (t) => {
    const { rid } = ad.groups['fleet-operators'];
    const child = 'S-1-5-21-7-8-9';
    const elsewhere = await startOurs(t, ad, {
      domainSid: [ad.domainSid, child],
      rights: [{ sid: `${child}-${rid}`, right: 'Administrator' }],
    });
    t.same(await rightsAt(elsewhere, 'alice'), []);
  });

  await t.test('a trust that is report-only grants nothing, and the log says what it would', async (t) => {
    const watching = await startOurs(t, ad, { reportOnly: true });
    for (const [user, wouldGrant] of [
      ['alice', 'Administrator'],
      ['mallory', 'none'],
    ] as const) {
      t.same(await rightsAt(watching, user), []);
      await findEvent(watching, 0, { outcome: 'issued', client: `${user}@${ad.realm}`, wouldGrant });
    }
  });
});
