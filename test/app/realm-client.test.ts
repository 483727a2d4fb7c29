import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { loginRealms } from '../../src/app/compose/login-realms.ts';
import { realmClient, type RealmClientOptions } from '../../src/app/compose/realm-client.ts';
import { getInitialTicket, getServiceTicket, nameOf, parsePrincipal } from '../../src/client/index.ts';
import { decode } from '../../src/codec/der/type.ts';
import { AsReq } from '../../src/codec/krb5/kdc.ts';
import { PaType } from '../../src/spec/pa-types.ts';
import { startTransports } from '../../src/transport/listen.ts';
import { capturedLog } from '../support/captured-log.ts';
import { AD_REALM, adTrust } from '../support/foreign-tickets.ts';
import { REALM } from '../support/memory-realm.ts';
import type { Scope } from '../support/run.ts';
import { PASSWORD, TwoRealms } from '../support/two-realms.ts';

/** Our realm, and the trusted one on sockets of loopback; what the latter was sent. */
async function start(t: Scope, change: Partial<RealmClientOptions> = {}) {
  const realms = await TwoRealms.create();
  const now = Math.floor(Date.now() / 1000);
  for (const { clock } of [realms.ours, realms.theirs]) clock.now = now * 1_000_000;
  const sent: { transport: string; password: boolean }[] = [];
  const delay = { milliseconds: 0 };
  const transports = await startTransports({
    listen: ['127.0.0.1:0'],
    log: capturedLog(),
    async handler(request, peer) {
      const padata = request[0] === 0x6a ? (decode(AsReq, request).padata ?? []) : [];
      const password = padata.some(({ padataType }) => padataType === PaType.ENC_TIMESTAMP);
      sent.push({ transport: peer.transport, password });
      if (password) await sleep(delay.milliseconds);
      return realms.theirs.kdc(request, peer);
    },
  });
  t.teardown(() => transports.close());
  const kdcs = [`127.0.0.1:${transports.addresses[0]?.port}`];
  const client = realmClient({
    realm: REALM,
    policy: { clockSkew: 300 },
    kdc: realms.ours.kdc,
    kpasswd: async () => undefined,
    trusts: realms.ours.options.trusts,
    records: {
      find: async (realm) => (realm === AD_REALM ? { ...realms.trust, kdcs } : undefined),
    },
    ...change,
  });
  const context = { ...client.on('192.0.2.7'), settings: { minIterations: 1 } };
  return { realms, sent, delay, client, context };
}

await t.test('our own KDC is asked in this process, on behalf of an address', async (t) => {
  const { realms, sent, context } = await start(t);
  await realms.ours.addUser('bob', PASSWORD);
  const bob = parsePrincipal('bob', REALM);
  t.match(await getInitialTicket(context, { client: bob, proof: { password: PASSWORD } }), { client: bob });
  t.match(realms.ours.lastEvent(), { transport: 'https', address: '192.0.2.7', outcome: 'issued' });
  t.same(sent, []);
});

await t.test('a password goes to a trusted realm once, over TCP, however slow that is', async (t) => {
  const { realms, sent, delay, context } = await start(t);
  realms.ours.add({ name: 'host/phone1' });
  // Longer than one transport of a silent KDC is waited for elsewhere.
  delay.milliseconds = 1300;
  const client = parsePrincipal('alice', AD_REALM);
  const tgt = await getInitialTicket(context, { client, proof: { password: PASSWORD } });
  t.same(
    sent.filter(({ password }) => password),
    [{ transport: 'tcp', password: true }],
  );
  const { credential } = await getServiceTicket(context, tgt, {
    name: nameOf('host', 'phone1'),
    realm: REALM,
  });
  t.match(credential.server, { realm: REALM, name: { nameString: ['host', 'phone1'] } });
});

await t.test(
  'CVE-2025-59088: a realm that is not declared is asked for nowhere, not even in DNS',
  async (t) => {
    const dns = createSocket('udp4');
    let questions = 0;
    dns.on('message', () => questions++);
    dns.bind(0, '127.0.0.1');
    await once(dns, 'listening');
    t.teardown(() => void dns.close());
    const resolver = { servers: [`127.0.0.1:${dns.address().port}`], timeout: 50 };
    const { realms, client, context } = await start(t, { dns: resolver });
    const other = adTrust({ realm: 'OUT.EXAMPLE', direction: 'outbound', transits: ['BEHIND.OUT.EXAMPLE'] });
    realms.ours.trusts.set(other.realm, other);
    for (const realm of ['EVIL.EXAMPLE', AD_REALM.toLowerCase(), 'OUT.EXAMPLE', 'BEHIND.OUT.EXAMPLE']) {
      await t.rejects(context.send(realm, new Uint8Array(1)), { code: 'no-servers' }, realm);
    }
    t.equal(questions, 0);
    const behind = adTrust({ realm: 'IN.EXAMPLE', direction: 'inbound', transits: ['CHILD.IN.EXAMPLE'] });
    realms.ours.trusts.set(behind.realm, behind);
    await t.rejects(client.locate('CHILD.IN.EXAMPLE'), { code: 'no-servers' });
    t.ok(questions > 0, 'a name that the operator has written is looked for');
  },
);

await t.test(
  'passwords of a trusted realm are changed where the trust says, or beside its KDCs',
  async (t) => {
    const trust = (kdcs: string[], kpasswd: string[]) =>
      start(t, {
        records: { find: async () => ({ ...(await TwoRealms.create()).trust, kdcs, kpasswd }) },
        // Nobody listens there: DNS does not answer.
        dns: { servers: ['127.0.0.1:9'] },
      });
    const servers = async ({ client }: Awaited<ReturnType<typeof trust>>, service: 'kdc' | 'kpasswd') =>
      (await client.locate(AD_REALM, service)).servers.map(({ host, port }) => `${host}:${port}`);
    const named = await trust(['192.0.2.1:1088'], ['192.0.2.2', '192.0.2.3:1464']);
    t.same(await servers(named, 'kpasswd'), ['192.0.2.2:464', '192.0.2.3:1464']);
    t.same(await servers(named, 'kdc'), ['192.0.2.1:1088']);
    t.same(await servers(await trust(['192.0.2.1:1088'], []), 'kpasswd'), ['192.0.2.1:464']);
    const byDns = await trust([], ['192.0.2.2:1464']);
    t.same(await servers(byDns, 'kpasswd'), ['192.0.2.2:1464']);
    await t.rejects(servers(byDns, 'kdc'), { code: 'no-servers', message: /DNS/ });
  },
);

await t.test('whose users may log in: ours, those of inbound trusts, and those behind them', (t) => {
  const limit = { maxFailures: 7, window: 60 };
  const realms = loginRealms(REALM, [
    adTrust({
      realm: 'A.EXAMPLE',
      attempts: limit,
      netbios: 'A',
      domains: ['a.example'],
      transits: ['C.EXAMPLE', 'B.EXAMPLE'],
    }),
    adTrust({ realm: 'B.EXAMPLE', netbios: undefined, domains: [], kind: 'mit' }),
    adTrust({ realm: 'OUT.EXAMPLE', direction: 'outbound' }),
  ]);
  t.strictSame(
    new Set(realms),
    new Set([
      { realm: REALM, aliases: [], instances: true, limit: undefined },
      { realm: 'A.EXAMPLE', aliases: ['A', 'a.example'], instances: false, limit },
      { realm: 'C.EXAMPLE', aliases: [], instances: false, limit },
      { realm: 'B.EXAMPLE', aliases: [], instances: true, limit: { maxFailures: 3, window: 1800 } },
    ]),
  );
  t.equal(realms[0].realm, REALM, 'ours first');
  t.end();
});
