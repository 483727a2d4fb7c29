/** MIT's realms as trusted realms: both directions, three in a chain with ours in the middle, and with ours at the end. */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { speakTo } from '../../support/acceptor.ts';
import { findEvent } from '../../support/event-log.ts';
import { fromUtf8 } from '../../../src/base/bytes.ts';
import { krb5Conf } from '../../support/krb5-conf.ts';
import type { TestKdc, TrustConfig } from '../../support/kdc.ts';
import { startMitKdc } from '../../support/mit-kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { startRealmwardKdc } from '../../support/realmward-kdc.ts';
import type { Scope } from '../../support/run.ts';
import { cachedCredential, openWithKeytab } from '../../support/samba-tickets.ts';
import type { Session } from '../../support/session.ts';
import { newSession } from '../../support/session.ts';

const ALPHA = 'ALPHA.EXAMPLE';
const OURS = 'REALM1.EXAMPLE';
const GAMMA = 'GAMMA.EXAMPLE';
const SECRET: Readonly<Record<string, string>> = {
  [ALPHA]: 'Alpha.and.ours-1',
  [GAMMA]: 'Gamma.and.ours-1',
};
const ALPHA_GAMMA = 'Alpha.and.gamma-1';

/** The service that each realm has. */
const service = (realm: string): string => `host/device.${realm.toLowerCase()}`;
const user = (realm: string): { name: string; password: string } => ({
  name: 'alice',
  password: `Alice.of.${realm}-1`,
});

/** A realm of MIT that trusts, both ways, the realms of `secrets`; `capaths` as its KDC reads them. */
async function mitRealm(
  t: Scope,
  realm: string,
  secrets: Readonly<Record<string, string>>,
  capaths?: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<TestKdc> {
  const kdc = await startMitKdc(t, {
    realm,
    users: [user(realm)],
    services: [{ name: service(realm) }],
    trusts: Object.entries(secrets).map(([other, secret]) => ({ realm: other, secret, direction: 'both' })),
  });
  if (capaths !== undefined) {
    writeFileSync(kdc.krb5conf, krb5Conf({ realm, port: kdc.port, capaths }));
    await kdc.restart();
  }
  return kdc;
}

/** Our realm, with trusts with these realms of MIT. */
function ourRealm(t: Scope, trusts: readonly (Partial<TrustConfig> & { realm: string })[]): Promise<TestKdc> {
  return startRealmwardKdc(t, {
    realm: OURS,
    users: [{ ...user(OURS), right: 'Administrator' }],
    services: [{ name: service(OURS) }],
    trusts: trusts.map((trust) => ({
      kind: 'mit',
      direction: 'both',
      secret: SECRET[trust.realm] ?? '',
      ...trust,
    })),
  });
}

/** Somebody who is logged in as the user of `home`, and knows `path` between the realms. */
async function loggedIn(
  home: TestKdc,
  others: readonly TestKdc[],
  capaths?: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<Session> {
  const session = newSession(home, { others, ...(capaths === undefined ? {} : { capaths }) });
  const { code, output } = await session.kinit(['alice'], user(home.realm).password);
  if (code !== 0) throw new Error(output);
  return session;
}

/** A path through `middle` between the two other realms. */
const through = (middle: string, a: string, b: string): Record<string, Record<string, string>> => ({
  [a]: { [b]: middle, [middle]: '.' },
  [b]: { [a]: middle, [middle]: '.' },
});

/** The realms that a ticket says it came through. */
function transitedOf(ticket: Uint8Array, keytab: string): string {
  return fromUtf8(openWithKeytab(ticket, keytab).part.transited.contents);
}

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('an MIT realm beside ours', async (t) => {
  if (!requirePeer(t, 'mit-client', 'mit-kdc', 'python-gssapi')) return;
  const alpha = await mitRealm(t, ALPHA, { [OURS]: SECRET[ALPHA] ?? '' });
  const ours = await ourRealm(t, [{ realm: ALPHA }]);

  await t.test('its users get tickets for our devices, and never a right', async (t) => {
    const since = Date.now();
    const session = await loggedIn(alpha, [ours]);
    const seen = await speakTo(session, `${service(OURS)}@${OURS}`, await ours.exportKeytab(service(OURS)));
    t.match(seen, { client: `alice@${ALPHA}`, established: true });
    t.equal(seen.attributes['auth-indicators'], undefined);
    await findEvent(ours, since, {
      outcome: 'issued',
      client: `alice@${ALPHA}`,
      server: `${service(OURS)}@${OURS}`,
    });
    const { ticketEtype, flags } = (await session.klist()).ticket(`krbtgt/${OURS}@${ALPHA}`);
    t.equal(ticketEtype, 'aes256-cts-hmac-sha1-96');
    t.match(flags, 'A');
  });

  await t.test('our users get tickets for its services', async (t) => {
    const session = await loggedIn(ours, [alpha]);
    const seen = await speakTo(
      session,
      `${service(ALPHA)}@${ALPHA}`,
      await alpha.exportKeytab(service(ALPHA)),
    );
    t.match(seen, { client: `alice@${OURS}`, established: true });
    t.equal(seen.attributes['auth-indicators'], undefined, 'our rights are not for others');
  });

  await t.test(
    'a referral in each direction, for who asks the own KDC for a service of the other realm',
    async (t) => {
      const session = await loggedIn(ours, [alpha]);
      const { code, output } = await session.run('kvno', [`${service(ALPHA)}@${OURS}`]);
      t.equal(code, 0, output);
    },
  );

  await t.test('the wrong secret on one side is told apart from a trust that does not exist', async (t) => {
    const wrong = await ourRealm(t, [{ realm: ALPHA, secret: 'Not.the.secret-1' }]);
    const session = await loggedIn(alpha, [wrong]);
    t.not((await session.run('kvno', [`${service(OURS)}@${OURS}`])).code, 0);
    await findEvent(wrong, 0, { outcome: 'refused', reason: 'trust-secret' });
    const none = await ourRealm(t, []);
    const stranger = await loggedIn(alpha, [none]);
    t.not((await stranger.run('kvno', [`${service(OURS)}@${OURS}`])).code, 0);
    await findEvent(none, 0, { outcome: 'refused', reason: 'not-our-ticket' });
  });
});

await t.test('MIT – ours – MIT', async (t) => {
  if (!requirePeer(t, 'mit-client', 'mit-kdc', 'python-gssapi')) return;
  const path = through(OURS, ALPHA, GAMMA);
  const alpha = await mitRealm(t, ALPHA, { [OURS]: SECRET[ALPHA] ?? '' }, path);
  const gamma = await mitRealm(t, GAMMA, { [OURS]: SECRET[GAMMA] ?? '' }, path);
  const transitive = true;
  const ours = await ourRealm(t, [
    { realm: ALPHA, transitive },
    { realm: GAMMA, transitive },
  ]);

  await t.test('users at either end reach services at the other, through us', async (t) => {
    for (const [home, away] of [
      [alpha, gamma],
      [gamma, alpha],
    ] as const) {
      const since = Date.now();
      const session = await loggedIn(home, [ours, away], path);
      const keytab = await away.exportKeytab(service(away.realm));
      const seen = await speakTo(session, `${service(away.realm)}@${away.realm}`, keytab);
      t.match(seen, { client: `alice@${home.realm}`, established: true });
      await findEvent(ours, since, {
        outcome: 'issued',
        client: `alice@${home.realm}`,
        server: `krbtgt/${away.realm}@${OURS}`,
      });
      const { ticket } = cachedCredential(session.ccache, `${service(away.realm)}@${away.realm}`);
      t.equal(transitedOf(ticket, keytab), OURS);
    }
  });

  await t.test('and nobody goes through us where one of the trusts does not lead on', async (t) => {
    const closed = await ourRealm(t, [{ realm: ALPHA, transitive }, { realm: GAMMA }]);
    const session = await loggedIn(alpha, [closed, gamma], path);
    t.not((await session.run('kvno', [`${service(GAMMA)}@${GAMMA}`])).code, 0);
    await findEvent(closed, 0, {
      outcome: 'refused',
      reason: 'trust-not-transitive',
      client: `alice@${ALPHA}`,
    });
  });

  await t.test('the far KDC refuses them when its own capaths do not name us', async (t) => {
    const strict = await mitRealm(t, GAMMA, { [OURS]: SECRET[GAMMA] ?? '' }, { [ALPHA]: { [GAMMA]: '.' } });
    const session = await loggedIn(alpha, [ours, strict], path);
    const { code, output } = await session.run('kvno', [`${service(GAMMA)}@${GAMMA}`]);
    t.not(code, 0, output);
  });
});

await t.test('MIT – MIT – ours', async (t) => {
  if (!requirePeer(t, 'mit-client', 'mit-kdc', 'python-gssapi')) return;
  const path = through(GAMMA, ALPHA, OURS);
  const alpha = await mitRealm(t, ALPHA, { [GAMMA]: ALPHA_GAMMA }, path);
  const gamma = await mitRealm(t, GAMMA, { [ALPHA]: ALPHA_GAMMA, [OURS]: SECRET[GAMMA] ?? '' }, path);

  await t.test('a user of a realm behind the trusted one is welcome when the trust lists it', async (t) => {
    const ours = await ourRealm(t, [{ realm: GAMMA, transits: [ALPHA] }]);
    const session = await loggedIn(alpha, [gamma, ours], path);
    const keytab = await ours.exportKeytab(service(OURS));
    const seen = await speakTo(session, `${service(OURS)}@${OURS}`, keytab);
    t.match(seen, { client: `alice@${ALPHA}`, established: true });
    t.equal(seen.attributes['auth-indicators'], undefined);
    const { ticket } = cachedCredential(session.ccache, `${service(OURS)}@${OURS}`);
    t.equal(transitedOf(ticket, keytab), GAMMA);
    t.match((await session.klist()).ticket(`${service(OURS)}@${OURS}`).flags, 'T');

    const back = await loggedIn(ours, [gamma, alpha], path);
    const { code, output } = await back.run('kvno', [`${service(ALPHA)}@${ALPHA}`]);
    t.equal(code, 0, output);
  });

  await t.test('and refused when it does not', async (t) => {
    const ours = await ourRealm(t, [{ realm: GAMMA }]);
    const session = await loggedIn(alpha, [gamma, ours], path);
    t.not((await session.run('kvno', [`${service(OURS)}@${OURS}`])).code, 0);
    await findEvent(ours, 0, { outcome: 'refused', reason: 'path-not-accepted', client: `alice@${ALPHA}` });
    const neighbour = await loggedIn(gamma, [alpha, ours], path);
    const { code, output } = await neighbour.run('kvno', [`${service(OURS)}@${OURS}`]);
    t.equal(code, 0, output);
  });
});
