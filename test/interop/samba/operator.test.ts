/** What an operator does to set a trust up and to keep it, on both sides, as docs/active-directory.md says. */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { speakTo } from '../../support/acceptor.ts';
import { findEvent } from '../../support/event-log.ts';
import { REASONS } from '../../../src/kdc/reason.ts';
import { requirePeer } from '../../support/peers.ts';
import type { RunResult } from '../../support/run.ts';
import { run } from '../../support/run.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import type { Session } from '../../support/session.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, BOB, DEVICE, OWN_SID, REALM, loginAtAd, startOurs } from './realms.ts';

const SAMBA_TRUST = fileURLToPath(new URL('../../../docs/samba_trust.py', import.meta.url));

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('the Samba side', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client')) return;
  const ad = await startSambaAd(t);
  const kdc = await startOurs(t, ad);
  const sambaTrust = (args: readonly string[], input = ''): Promise<RunResult> =>
    run('/usr/bin/python3', [SAMBA_TRUST, '-s', join(ad.dir, 'smb.conf'), ...args], { input });
  const set = (secret: string, direction: string): Promise<RunResult> =>
    sambaTrust(
      ['set', REALM, '--netbios', 'REALM1', '--sid', OWN_SID, '--direction', direction],
      `${secret}\n`,
    );
  const arrives = async (): Promise<boolean> => {
    const alice = newSession(kdc, { others: [ad] });
    await loginAtAd(alice, ad, 'alice');
    return (await alice.run('kvno', [`${DEVICE}@${REALM}`])).code === 0;
  };
  const leaves = async (): Promise<boolean> => {
    const bob = newSession(kdc, { others: [ad] });
    await bob.kinit([`bob@${REALM}`], BOB.password);
    return (await bob.run('kvno', [`${ad.service}@${ad.realm}`])).code === 0;
  };

  await t.test('there is no trust at first, and the script says so', async (t) => {
    const { code, output } = await sambaTrust(['show', REALM]);
    t.not(code, 0);
    t.match(output, /There is no trust with REALM1\.EXAMPLE\. Realm names are case-sensitive\./);
    t.notOk(await arrives());
  });

  await t.test('samba_trust.py makes it, both ways', async (t) => {
    const { code, output } = await set(AD_TRUST.password, 'both');
    t.equal(code, 0, output);
    t.equal(
      output,
      `Trust with ${REALM}
  direction, as this domain counts: both
  our users go there:   yes
  their users come here: yes
  encryption types (8 aes128, 16 aes256): 24
  secret number 1
`,
    );
    t.ok(await arrives());
    t.ok(await leaves());
  });

  await t.test('inbound, as AD counts, lets users of AD come to us, and not the other way', async (t) => {
    await set(AD_TRUST.password, 'inbound');
    t.ok(await arrives());
    t.notOk(await leaves());
    await set(AD_TRUST.password, 'outbound');
    t.notOk(await arrives());
    t.ok(await leaves());
  });

  await t.test('a changed secret keeps the one before it for an hour', async (t) => {
    await set(AD_TRUST.password, 'both');
    const { output } = await set('Shared.Trust.Secret-2', 'both');
    t.match(output, 'secret number 5');
    t.ok(await arrives(), 'AD goes on with the secret that we have');
    t.ok(await leaves(), 'and takes it');
  });

  await t.test('a removed trust is gone at once', async (t) => {
    t.equal((await sambaTrust(['remove', REALM])).code, 0);
    t.notOk(await arrives());
  });
});

await t.test('from no trust to a right on a device, with nothing but what trust add says', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'python-gssapi')) return;
  const ad = await startSambaAd(t);
  const kdc = await startOurs(t, ad, {}, { trusts: [] });
  const { rid } = ad.groups['fleet-operators'];
  const added = await kdc.cli(
    // prettier-ignore
    ['trust', 'add', ad.realm, '--netbios', ad.netbios, '--domain-sid', ad.domainSid, '--direction', 'inbound',
     '--rights', `${rid}=Administrator`, '--password-stdin'],
    `${AD_TRUST.password}\n`,
  );
  t.equal(added.code, 0, added.output);
  t.match(added.output, 'one-way: incoming', 'what AD calls the direction');
  const command = /samba_trust\.py (set .*)$/m.exec(added.output)?.[1] ?? '';
  t.match(command, `set ${REALM} `);
  const other = await run(
    '/usr/bin/python3',
    [SAMBA_TRUST, '-s', join(ad.dir, 'smb.conf'), ...command.split(' ')],
    { input: `${AD_TRUST.password}\n` },
  );
  t.equal(other.code, 0, other.output);

  const alice = newSession(kdc, { others: [ad] });
  await loginAtAd(alice, ad, 'alice');
  const seen = await speakTo(alice, `${DEVICE}@${REALM}`, await kdc.exportKeytab(DEVICE));
  t.same(seen.attributes['auth-indicators'], ['realmward:Administrator']);

  const removed = await kdc.cli(['trust', 'remove', ad.realm, '--yes']);
  t.equal(removed.code, 0, removed.output);
  await sleep(1000);
  const since = Date.now();
  const late = newSession(kdc, { others: [ad] });
  await loginAtAd(late, ad, 'alice');
  t.not((await late.run('kvno', [`${DEVICE}@${REALM}`])).code, 0);
  await findEvent(kdc, since, { outcome: 'refused', reason: 'not-our-ticket' });
});

await t.test('the shared secret is changed on both sides while users of AD keep working', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad);
  const password = 'Shared.Trust.Secret-2';
  const newcomer = async (user: 'alice' | 'bob'): Promise<Session> => {
    const session = newSession(kdc, { others: [ad] });
    if (user === 'alice') await loginAtAd(session, ad, user);
    else await session.kinit([`bob@${REALM}`], BOB.password);
    return session;
  };
  const early = await newcomer('alice');
  await early.run('kvno', [`krbtgt/${REALM}@${ad.realm}`]);
  const older = newSession(kdc, { others: [ad] });
  copyFileSync(early.ccache, older.ccache);

  let finished = false;
  const failures: string[] = [];
  const clients = (async (): Promise<number> => {
    for (let round = 1; ; round++) {
      const { code, output } = await (await newcomer('alice')).run('kvno', [`${DEVICE}@${REALM}`]);
      if (code !== 0) failures.push(output);
      if (finished) return round;
    }
  })();
  const reachesAd = async (): Promise<number | null> =>
    (await (await newcomer('bob')).run('kvno', [`${ad.service}@${ad.realm}`])).code;
  const rotate = async (secret: string, ...options: string[]): Promise<string> => {
    const args = ['trust', 'rotate', ad.realm, '--password-stdin', ...options];
    const { code, output } = await kdc.cli(args, `${secret}\n`);
    if (code !== 0) throw new Error(output);
    // A running server takes over within a second.
    await sleep(1000);
    return output;
  };
  const changed = { ...AD_TRUST, password, previousPassword: AD_TRUST.password, kvno: 2 };

  await ad.setTrust(changed);
  await sleep(300);
  // Half a minute of the hour is left here; of AD's hour this test decides.
  const overAt = Date.now() + 30_000;
  const said = await rotate(password, '--other-side-since', '59m30s');
  t.match(said, /new secret, version 2/);
  t.notMatch(said, password);
  t.equal(await reachesAd(), 0, 'our users, too: AD takes the old secret alone for an hour, and we use it');
  // As if an hour had passed: AD uses the new one from now on.
  await ad.setTrust({ ...changed, changedAgo: 4000 });
  await sleep(300);
  finished = true;
  t.ok((await clients) > 1);
  t.same(failures, []);

  await sleep(Math.max(0, overAt + 2000 - Date.now()));
  t.equal(await reachesAd(), 0, 'our users by the new secret, without a restart');
  const late = await early.run('kvno', [`${DEVICE}@${REALM}`]);
  t.equal(late.code, 0, 'a ticket of AD from before the change is good until it ends');

  await rotate('Shared.Trust.Secret-3');
  const since = Date.now();
  t.not(
    (await older.run('kvno', [`${DEVICE}@${REALM}`])).code,
    0,
    'the secret before the last but one is gone',
  );
  await findEvent(kdc, since, { outcome: 'refused', reason: 'trust-secret' });
});

await t.test('every reason that docs/active-directory.md explains is one that the KDC gives', async (t) => {
  const page = readFileSync(new URL('../../../docs/active-directory.md', import.meta.url), 'utf8');
  const table = page.slice(
    page.indexOf('## When it does not work'),
    page.indexOf('## Change the shared secret'),
  );
  const named = [...table.matchAll(/^\| `([a-z]+(?:-[a-z]+)+)`/gm)].map(([, code = '']) => code);
  t.ok(named.length >= 10);
  t.same(
    named.filter((code) => !(code in REASONS)),
    [],
  );
});
