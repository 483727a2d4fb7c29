/** Our users go to services of Active Directory. */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { speakTo } from '../../support/acceptor.ts';
import { findEvent } from '../../support/event-log.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { requirePeer } from '../../support/peers.ts';
import type { AdTrustOptions } from '../../support/samba-ad.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { cachedCredential, openTicket } from '../../support/samba-tickets.ts';
import type { Session } from '../../support/session.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, BOB, OWN_SID, REALM, startOurs } from './realms.ts';

const SAMBA_ACCEPTOR = fileURLToPath(new URL('samba-acceptor.py', import.meta.url));

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('our users at Active Directory', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'python-gssapi')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad);
  const bob = async (): Promise<Session> => {
    const session = newSession(kdc, { others: [ad] });
    const { code, output } = await session.kinit([`bob@${REALM}`], BOB.password);
    if (code !== 0) throw new Error(output);
    return session;
  };
  const referral = `krbtgt/${ad.realm}@${REALM}`;
  const service = `${ad.service}@${ad.realm}`;

  await t.test('a service with a keytab of AD knows bob', async (t) => {
    const since = Date.now();
    const session = await bob();
    const seen = await speakTo(session, service, await ad.exportKeytab(ad.service));
    t.match(seen, { client: `bob@${REALM}`, established: true, sealed: 'show status' });
    t.equal(seen.attributes['auth-indicators'], undefined, 'rights stay at home');
    await findEvent(kdc, since, { outcome: 'issued', client: `bob@${REALM}`, server: referral });
    t.same(
      (await session.klist()).tickets.map(({ server }) => server),
      [`krbtgt/${REALM}@${REALM}`, referral, service],
    );
  });

  await t.test(
    'Samba itself verifies the ticket and its PAC, and takes bob for an account of ours',
    async (t) => {
      const { code, stdout, output } = await (
        await bob()
      ).run('/usr/bin/python3', [SAMBA_ACCEPTOR, `host/dc1.ad.example.test@${ad.realm}`, ad.dir]);
      t.equal(code, 0, output);
      const { established, sids } = JSON.parse(stdout) as { established: boolean; sids: string[] };
      t.ok(established);
      t.match(sids[0], new RegExp(`^${OWN_SID}-2\\d{3}$`));
      t.notOk(
        sids.some((sid) => sid.startsWith(ad.domainSid)),
        'no group of AD is his',
      );
    },
  );

  await t.test('we refer the client for a service that AD has, by its DNS suffix', async (t) => {
    const since = Date.now();
    const session = await bob();
    const { code, output, trace } = await session.run('kvno', [`${ad.service}@${REALM}`]);
    t.equal(code, 0, output);
    t.match(trace, `TGS reply is for bob@${REALM} -> ${referral}`);
    await findEvent(kdc, since, { outcome: 'issued', server: `${ad.service}@${REALM}` });
  });

  await t.test(
    'the ticket for AD is made with the salt of our direction, names no kvno, and no right beside the PAC',
    async (t) => {
      const session = await bob();
      await session.run('kvno', [referral]);
      const { usToAd } = ad.trust ?? { usToAd: { salt: '' } };
      const key = await nodeCrypto.stringToKey(18, AD_TRUST.password, usToAd.salt);
      const { part, ticket } = openTicket(cachedCredential(session.ccache, referral).ticket, key);
      t.equal(ticket.encPart.etype, 18);
      t.equal(ticket.encPart.kvno, undefined);
      t.equal(part.authorizationData?.length, 1, 'the PAC alone');
      t.ok([17, 18].includes(part.key.keytype), 'a session key that AD can use');
    },
  );

  await t.test('whatever kvno AD counts, and after its password was changed, our ticket opens', async (t) => {
    const reaches = async (options: Partial<AdTrustOptions>): Promise<boolean> => {
      await ad.setTrust({ ...AD_TRUST, ...options });
      return (await (await bob()).run('kvno', [service])).code === 0;
    };
    t.ok(await reaches({ kvno: 7 }));
    t.ok(await reaches({ kvno: 'none' }));
    t.ok(await reaches({ enctypes: 'none' }));
    t.ok(
      await reaches({
        password: 'Shared.Trust.Secret-2',
        previousPassword: AD_TRUST.password,
        kvno: 2,
        changedAgo: 60,
      }),
      'AD takes the previous key, too',
    );
    await ad.setTrust(AD_TRUST);
  });

  await t.test('there is no way out through a trust that is inbound only', async (t) => {
    const oneWay = await startOurs(t, ad, { direction: 'inbound' });
    const session = newSession(oneWay, { others: [ad] });
    await session.kinit([`bob@${REALM}`], BOB.password);
    const { code } = await session.run('kvno', [service]);
    t.not(code, 0);
    await findEvent(oneWay, 0, { outcome: 'refused', reason: 'unknown-server' });
  });
});
