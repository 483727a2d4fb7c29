/** Our client at real KDCs over real sockets: MIT's krb5kdc, Heimdal's kdc and realmward itself. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeApRep, verifyApRep } from '../../../src/ap/ap-rep.ts';
import { makeApReq } from '../../../src/ap/ap-req.ts';
import { keysOf, verifyApReq } from '../../../src/ap/verify-ap-req.ts';
import {
  type Credential,
  fromCcache,
  getInitialTicket,
  getServiceTicket,
  grantingRealm,
  nameOf,
  parsePrincipal,
  type Principal,
  renewTicket,
  showPrincipal,
  toCcache,
} from '../../../src/client/index.ts';
import { readCcache, writeCcache } from '../../../src/codec/ccache.ts';
import { readKeytab } from '../../../src/codec/keytab.ts';
import { etypeName } from '../../../src/crypto/etypes.ts';
import { TicketFlag } from '../../../src/spec/flags.ts';
import { type HeimdalKdc, startHeimdalKdc } from '../../support/heimdal-kdc.ts';
import type { KdcConfig } from '../../support/kdc.ts';
import { startMitKdc } from '../../support/mit-kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { startRealmwardKdc } from '../../support/realmward-kdc.ts';
import { newSession } from '../../support/session.ts';
import { clientOf } from './client.ts';

const PASSWORD = 'Alice. päss 1';
const HOST = nameOf('host', 'device1.realm1.example');
const CONFIG: KdcConfig = {
  users: [{ name: 'alice', password: PASSWORD, right: 'Administrator' }],
  services: [{ name: HOST.nameString.join('/') }],
};

/** Whether both are the same principal; the type of a name is a hint, and Heimdal has its own. */
function is(t: Test, actual: Principal, expected: Principal, message = showPrincipal(expected)): void {
  t.equal(showPrincipal(actual), showPrincipal(expected), message);
}

async function claims(t: Test, start: (t: Test, config: KdcConfig) => Promise<HeimdalKdc>): Promise<void> {
  const kdc = await start(t, CONFIG);
  const alice = parsePrincipal('alice', kdc.realm);
  const proof = { password: PASSWORD };
  const login = (context = clientOf([kdc]), more = {}): Promise<Credential> =>
    getInitialTicket(context, { client: alice, proof, ...more });

  await t.test('a password gets a ticket, and that gets one for a service', async (t) => {
    const client = clientOf([kdc]);
    const tgt = await login(client);
    t.equal(grantingRealm(tgt), kdc.realm);
    is(t, tgt.client, alice);
    t.equal(tgt.clockOffset, 0);
    const { credential } = await getServiceTicket(client, tgt, { name: HOST });
    is(t, credential.server, { realm: kdc.realm, name: HOST });

    const keytab = readKeytab(readFileSync(await kdc.exportKeytab(HOST.nameString.join('/'))));
    const sent = makeApReq(client.crypto, client.clock, credential, { mutual: true });
    const acceptor = { crypto: client.crypto, clock: client.clock, keys: keysOf(keytab), replays: undefined };
    const verified = verifyApReq(acceptor, sent.message);
    t.strictSame(verified.client.name.nameString, ['alice'], 'which the service opens with its keytab');
    verifyApRep(client.crypto, sent, makeApRep(client.crypto, verified));
  });

  await t.test('each etype alone', async (t) => {
    for (const etype of [17, 18, 19, 20]) {
      const client = clientOf([kdc], { settings: { etypes: [etype] } });
      const tgt = await login(client);
      t.equal(tgt.key.etype, etype, etypeName(etype));
      t.equal((await getServiceTicket(client, tgt, { name: HOST })).credential.key.etype, etype);
    }
  });

  await t.test('a keytab', async (t) => {
    const keytab = readKeytab(readFileSync(await kdc.exportKeytab(HOST.nameString.join('/'), 'alice')));
    const client = clientOf([kdc]);
    const host = { realm: kdc.realm, name: HOST };
    is(t, (await getInitialTicket(client, { client: host, proof: { keytab } })).client, host);
    is(t, (await getInitialTicket(client, { client: alice, proof: { keytab } })).client, alice);
    for (const entry of keytab.filter(({ name }) => name.nameString[0] === 'host')) {
      const tgt = await getInitialTicket(client, { client: host, proof: { keytab: [entry] } });
      is(t, tgt.client, host, `with ${etypeName(entry.key.etype)} alone`);
    }
  });

  await t.test('renewal', async (t) => {
    const client = clientOf([kdc]);
    const tgt = await login(client, { lifetime: 3600, renewable: 86_400, forwardable: true });
    t.equal(tgt.endtime - tgt.starttime, 3600);
    t.ok(tgt.flags & TicketFlag.FORWARDABLE);
    const renewed = await renewTicket(client, tgt);
    t.equal(renewed.endtime - renewed.starttime, 3600);
    t.equal(renewed.renewTill, tgt.renewTill);
    is(t, (await getServiceTicket(client, renewed, { name: HOST })).credential.server, {
      realm: kdc.realm,
      name: HOST,
    });
  });

  await t.test('over TCP alone', async (t) => {
    const client = clientOf([kdc], { tcp: true });
    await getServiceTicket(client, await login(client), { name: HOST });
    t.strictSame(new Set(client.transports()), new Set(['tcp answered']));
  });

  await t.test('a wrong password, a service that is not there', async (t) => {
    const client = clientOf([kdc]);
    await t.rejects(getInitialTicket(client, { client: alice, proof: { password: 'wrong' } }), {
      name: 'KerberosError',
      code: 'kdc-err-preauth-failed',
    });
    const tgt = await login(client);
    await t.rejects(getServiceTicket(client, tgt, { name: nameOf('host', 'nowhere') }), {
      code: 'kdc-err-s-principal-unknown',
    });
  });

  await t.test('a clock that is an hour off', async (t) => {
    for (const hours of [1, -1]) {
      const off = hours * 3_600_000_000;
      const client = clientOf([kdc], { clock: { microseconds: () => Date.now() * 1000 + off } });
      const tgt = await login(client);
      t.ok(Math.abs(tgt.clockOffset + off) < 60_000_000, `the client has learnt it: ${tgt.clockOffset}`);
      is(t, (await getServiceTicket(client, tgt, { name: HOST })).credential.server, {
        realm: kdc.realm,
        name: HOST,
      });
    }
  });

  await t.test(
    "a cache of ours is read by MIT's klist and used by its kvno, and the other way round",
    async (t) => {
      if (!requirePeer(t, 'mit-client')) return;
      const session = newSession(kdc);
      const client = clientOf([kdc]);
      const tgt = await login(client, { renewable: 86_400 });
      const { credential } = await getServiceTicket(client, tgt, { name: HOST });
      writeFileSync(session.ccache, writeCcache(toCcache([tgt, credential])));
      const list = await session.klist();
      t.equal(list.client, `alice@${kdc.realm}`);
      t.equal(list.tickets.length, 2);
      const listed = list.ticket(`krbtgt/${kdc.realm}`);
      t.equal(listed.start, tgt.starttime);
      t.equal(listed.end, tgt.endtime);
      t.equal(listed.renewUntil, tgt.renewTill);
      t.equal(listed.sessionEtype, etypeName(tgt.key.etype));
      writeFileSync(session.ccache, writeCcache(toCcache([tgt])));
      const { code, output } = await session.run('kvno', [HOST.nameString.join('/')]);
      t.equal(code, 0, output);

      await session.kinit(['alice'], PASSWORD);
      const [theirs] = fromCcache(readCcache(readFileSync(session.ccache)));
      const got = await getServiceTicket(client, theirs as Credential, { name: HOST });
      t.strictSame(got.credential.client.name.nameString, ['alice']);
    },
  );
}

await t.test("MIT's krb5kdc", async (t) => {
  if (!requirePeer(t, 'mit-kdc')) return;
  await claims(t, startMitKdc);

  await t.test('an answer that is too long for UDP is fetched over TCP', async (t) => {
    const kdc = await startMitKdc(t, { ...CONFIG, policy: { udpReplyLimit: 400 } });
    const client = clientOf([kdc]);
    const tgt = await getInitialTicket(client, {
      client: parsePrincipal('alice', kdc.realm),
      proof: { password: PASSWORD },
    });
    t.equal(grantingRealm(tgt), kdc.realm);
    t.strictSame(client.transports().slice(-2), ['udp too-big', 'tcp answered']);
  });

  await t.test(
    'the second server is asked when the first is dead, and never about a wrong password',
    async (t) => {
      const kdc = await startMitKdc(t, CONFIG);
      const dead = await startMitKdc(t, CONFIG);
      await dead.stop();
      const realms = { [kdc.realm]: [`127.0.0.1:${dead.port}`, `127.0.0.1:${kdc.port}`] };
      const client = clientOf([], { realms });
      const alice = parsePrincipal('alice', kdc.realm);
      await getInitialTicket(client, { client: alice, proof: { password: PASSWORD } });
      t.strictSame(client.transports(), [
        'udp unreachable',
        'tcp unreachable',
        'udp answered',
        'udp answered',
      ]);
      const again = clientOf([], { realms: { [kdc.realm]: realms[kdc.realm]?.toReversed() ?? [] } });
      await t.rejects(getInitialTicket(again, { client: alice, proof: { password: 'wrong' } }), {
        code: 'kdc-err-preauth-failed',
      });
      t.strictSame(again.transports(), ['udp answered', 'udp answered']);
    },
  );

  await t.test('three realms in a hierarchy, walked from one end to the other', async (t) => {
    const trust = (realm: string) => ({ realm, secret: 'Between.us-1', direction: 'both' as const });
    const [one, top, two] = await Promise.all([
      startMitKdc(t, { realm: 'ONE.TEST', users: CONFIG.users ?? [], trusts: [trust('TEST')] }),
      startMitKdc(t, { realm: 'TEST', trusts: [trust('ONE.TEST'), trust('TWO.TEST')] }),
      startMitKdc(t, { realm: 'TWO.TEST', services: [{ name: 'host/device2' }], trusts: [trust('TEST')] }),
    ]);
    const client = clientOf([one, top, two]);
    const tgt = await getInitialTicket(client, {
      client: parsePrincipal('alice@ONE.TEST'),
      proof: { password: PASSWORD },
    });
    const { credential, path } = await getServiceTicket(client, tgt, {
      name: nameOf('host', 'device2'),
      realm: 'TWO.TEST',
    });
    t.strictSame(path.map(grantingRealm), ['TEST', 'TWO.TEST']);
    t.equal(credential.server.realm, 'TWO.TEST');
    const keys = keysOf(readKeytab(readFileSync(await two.exportKeytab('host/device2'))));
    const { message } = makeApReq(client.crypto, client.clock, credential);
    const acceptor = { crypto: client.crypto, clock: client.clock, keys, replays: undefined };
    t.equal(verifyApReq(acceptor, message).client.realm, 'ONE.TEST');
    await t.rejects(getServiceTicket(client, tgt, { name: HOST, realm: 'ELSEWHERE' }), {
      code: 'kdc-err-s-principal-unknown',
    });
  });
});

await t.test("Heimdal's kdc", async (t) => {
  if (requirePeer(t, 'heimdal-kdc')) await claims(t, startHeimdalKdc);
});

await t.test('realmward', async (t) => {
  await claims(t, startRealmwardKdc);

  await t.test('through /KdcProxy, checked by its CA or by the fingerprint of that', async (t) => {
    const kdc = await startRealmwardKdc(t, { ...CONFIG, https: { names: ['127.0.0.2'] } });
    const ca = readFileSync(join(kdc.dir, 'data/ca.pem'), 'utf8');
    const { fingerprint256 } = new X509Certificate(ca);
    const realms = { [kdc.realm]: [`https://127.0.0.2:${kdc.port}/KdcProxy`, `127.0.0.1:${kdc.port}`] };
    const client = parsePrincipal('alice', kdc.realm);
    for (const tls of [{ ca }, { fingerprint: fingerprint256 }]) {
      const context = clientOf([], { realms, tls });
      const tgt = await getInitialTicket(context, {
        client,
        proof: { password: PASSWORD },
        renewable: 86_400,
      });
      const { credential } = await getServiceTicket(context, await renewTicket(context, tgt), { name: HOST });
      is(t, credential.server, { realm: kdc.realm, name: HOST });
      t.strictSame(new Set(context.transports()), new Set(['https answered']));
    }
    const wrong = clientOf([], { realms, tls: { ca } });
    await t.rejects(getInitialTicket(wrong, { client, proof: { password: 'wrong' } }), {
      code: 'kdc-err-preauth-failed',
    });
    t.strictSame(wrong.transports(), ['https answered', 'https answered'], 'and nobody else is asked');
    const distrusting = clientOf([], { realms });
    await getInitialTicket(distrusting, { client, proof: { password: PASSWORD } });
    t.strictSame(
      distrusting.transports(),
      ['https unreachable', 'udp answered', 'udp answered'],
      'whose certificate is not believed is left for the next one',
    );
  });
});
