/** Two realms of realmward that trust each other, and a domain of AD behind one of them. */
import t from 'tap';
import { speakTo } from '../../support/acceptor.ts';
import { findEvent } from '../../support/event-log.ts';
import type { TestKdc, TrustConfig } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { startRealmwardKdc } from '../../support/realmward-kdc.ts';
import type { Scope } from '../../support/run.ts';
import { type AdUserName, requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { newSession } from '../../support/session.ts';

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

const HEAD = 'HEAD.EXAMPLE';
const HEAD_SID = 'S-1-5-21-4000000001-4000000002-4000000003';
const SITE = 'SITE.EXAMPLE';
const SITE_SID = 'S-1-5-21-3100000001-3100000002-3100000003';
const DEVICE = 'host/device1.site.example';
const USERS = [
  { name: 'admin', password: 'Admin.pass1', right: 'Administrator' },
  { name: 'viewer', password: 'Viewer.pass1', right: 'Viewer' },
  { name: 'joiner', password: 'Joiner.pass1', right: 'Join-Realm' },
  { name: 'nobody', password: 'Nobody.pass1' },
] as const;

const trust = { kind: 'realmward', secret: 'Head.and.site-1' } as const;

function site(t: Scope, change: Partial<TrustConfig>): Promise<TestKdc> {
  return startRealmwardKdc(t, {
    realm: SITE,
    sid: SITE_SID,
    services: [{ name: DEVICE }],
    trusts: [{ ...trust, realm: HEAD, domainSid: HEAD_SID, direction: 'inbound', ...change }],
  });
}

await t.test('a site that trusts the head office', async (t) => {
  if (!requirePeer(t, 'mit-client', 'python-gssapi')) return;
  const head = await startRealmwardKdc(t, {
    realm: HEAD,
    sid: HEAD_SID,
    users: USERS,
    trusts: [{ ...trust, realm: SITE, domainSid: SITE_SID, direction: 'outbound' }],
  });

  /** What a device of `away` learns of a user of the head office. */
  const rightAt = async (away: TestKdc, user: (typeof USERS)[number]): Promise<readonly string[]> => {
    const session = newSession(head, { others: [away] });
    const { code, output } = await session.kinit([user.name], user.password);
    if (code !== 0) throw new Error(output);
    const seen = await speakTo(session, `${DEVICE}@${SITE}`, await away.exportKeytab(DEVICE));
    return seen.attributes['auth-indicators'] ?? [];
  };
  const [admin, viewer, joiner, nobody] = USERS;

  await t.test('keeps the rights that it states', async (t) => {
    const keeping = await site(t, { mode: 'keep' });
    t.same(await rightAt(keeping, admin), ['realmward:Administrator']);
    t.same(await rightAt(keeping, viewer), ['realmward:Viewer']);
    t.same(await rightAt(keeping, nobody), []);
    const { server, ticketEtype } = await ticketOf(head, keeping, admin);
    t.equal(server, `krbtgt/${SITE}@${HEAD}`);
    t.equal(ticketEtype, 'aes256-cts-hmac-sha384-192', 'between two of us the strong types');
  });

  await t.test('or maps them like groups', async (t) => {
    const mapping = await site(t, { mode: 'groups', rights: [{ rid: 1001, right: 'Viewer' }] });
    t.same(await rightAt(mapping, admin), ['realmward:Viewer']);
    t.same(await rightAt(mapping, viewer), []);
  });

  await t.test('or reports alone', async (t) => {
    const watching = await site(t, { mode: 'keep', reportOnly: true });
    t.same(await rightAt(watching, admin), []);
    await findEvent(watching, 0, { outcome: 'issued', wouldGrant: 'Administrator' });
  });

  await t.test('does not let an account log in that may join devices and nothing else', async (t) => {
    const keeping = await site(t, { mode: 'keep' });
    await t.rejects(rightAt(keeping, joiner));
    await findEvent(head, 0, { outcome: 'refused', reason: 'join-only', client: `joiner@${HEAD}` });
  });

  await t.test('refuses a realm whose SID it does not know', async (t) => {
    const other = await site(t, { mode: 'keep', domainSid: 'S-1-5-21-7-8-9' });
    await t.rejects(rightAt(other, admin));
    await findEvent(other, 0, { outcome: 'refused', reason: 'pac-domain-sid' });
  });
});

await t.test('a site that trusts the head office, which trusts AD', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'python-gssapi')) return;
  const secret = 'Shared.Trust.Secret-1';
  const ad = await startSambaAd(t, { trust: { realm: HEAD, password: secret, sid: HEAD_SID } });
  const transitive = true;
  const headWith = (change: Partial<TrustConfig>): Promise<TestKdc> =>
    startRealmwardKdc(t, {
      realm: HEAD,
      sid: HEAD_SID,
      trusts: [
        {
          realm: ad.realm,
          netbios: ad.netbios,
          domainSid: ad.domainSid,
          direction: 'inbound',
          secret,
          rights: [
            { rid: ad.groups['fleet-operators'].rid, right: 'Administrator' },
            { rid: ad.groups['fleet-viewers'].rid, right: 'Viewer' },
          ],
          transitive,
          ...change,
        },
        { ...trust, realm: SITE, domainSid: SITE_SID, direction: 'outbound', transitive },
      ],
    });
  const head = await headWith({});
  const behind = { domainSid: [HEAD_SID, ad.domainSid], transits: [ad.realm] };
  const capaths = { [ad.realm]: { [SITE]: HEAD } };
  const visit = async (over: TestKdc, away: TestKdc, user: AdUserName): Promise<readonly string[]> => {
    const session = newSession(over, { others: [away, ad], capaths });
    await session.kinit([`${user}@${ad.realm}`], ad.users[user].password);
    const seen = await speakTo(session, `${DEVICE}@${SITE}`, await away.exportKeytab(DEVICE));
    return seen.attributes['auth-indicators'] ?? [];
  };

  await t.test('keeps the rights that it gives to users of AD', async (t) => {
    const keeping = await site(t, { mode: 'keep', ...behind });
    t.same(await visit(head, keeping, 'alice'), ['realmward:Administrator']);
    t.same(await visit(head, keeping, 'carol'), ['realmward:Viewer']);
    t.same(await visit(head, keeping, 'mallory'), []);
    await findEvent(keeping, 0, { outcome: 'issued', client: `alice@${ad.realm}`, right: 'Administrator' });
  });

  await t.test('takes no notice of them where it has a map of its own', async (t) => {
    const { rid } = ad.groups['fleet-operators'];
    const mapping = await site(t, {
      ...behind,
      rights: [{ sid: `${ad.domainSid}-${rid}`, right: 'Viewer' }],
    });
    t.same(await visit(head, mapping, 'alice'), ['realmward:Viewer']);
    t.same(await visit(head, mapping, 'carol'), []);
  });

  await t.test('lets nobody in who is behind the head office, unless it says so', async (t) => {
    const strict = await site(t, { mode: 'keep', domainSid: behind.domainSid });
    await t.rejects(visit(head, strict, 'alice'));
    await findEvent(strict, 0, { outcome: 'refused', reason: 'path-not-accepted' });
  });

  await t.test('is out of reach where the head office lets users of AD go no further', async (t) => {
    const keeping = await site(t, { mode: 'keep', ...behind });
    const closed = await headWith({ transitive: false });
    await t.rejects(visit(closed, keeping, 'alice'));
    await findEvent(closed, 0, { outcome: 'refused', reason: 'trust-not-transitive' });
  });
});

async function ticketOf(
  home: TestKdc,
  away: TestKdc,
  user: (typeof USERS)[number],
): Promise<{ server: string; ticketEtype: string }> {
  const session = newSession(home, { others: [away] });
  await session.kinit([user.name], user.password);
  await session.run('kvno', [`${DEVICE}@${away.realm}`]);
  return (await session.klist()).ticket(`krbtgt/${away.realm}@${home.realm}`);
}
