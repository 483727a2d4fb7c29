/** What a real domain controller sends over a trust: first to MIT's KDC, which shows that the fixture is right, then as we read it. */
import t from 'tap';
import type { Key } from '../../../src/base/key.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { checkPacConsistency } from '../../../src/pac/consistency.ts';
import { decodeContents } from '../../../src/pac/contents.ts';
import { filterForeignPac } from '../../../src/pac/foreign.ts';
import { verifyForeignPac } from '../../../src/pac/verify.ts';
import { parseSid } from '../../../src/base/sid.ts';
import { startMitKdc } from '../../support/mit-kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import type { AdTrustOptions, AdUserName } from '../../support/samba-ad.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import type { OpenedTicket } from '../../support/samba-tickets.ts';
import { cachedCredential, inboundTrustKey, openTicket } from '../../support/samba-tickets.ts';
import type { Session } from '../../support/session.ts';
import { newSession } from '../../support/session.ts';

const REALM = 'REALM1.EXAMPLE';
const SERVICE = 'host/device1.realm1.example';
const OWN_SID = parseSid('S-1-5-21-1111111111-2222222222-3333333333');
const TRUST: AdTrustOptions = { realm: REALM, password: 'Shared.Trust.Secret-1' };

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('referral tickets of Samba', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'mit-kdc')) return;
  const ad = await startSambaAd(t, { trust: TRUST });
  const mit = await startMitKdc(t, {
    realm: REALM,
    users: [{ name: 'bob', password: 'Bob.pass1' }],
    services: [{ name: SERVICE }],
    trusts: [{ realm: ad.realm, secret: TRUST.password, direction: 'both' }],
  });
  const session = (): Session => newSession(mit, { others: [ad] });
  const referral = `krbtgt/${REALM}@${ad.realm}`;

  /** Logs in at AD and asks it for the ticket with which the client goes on to our realm. */
  const refer = async (
    client: string,
    user: AdUserName,
    options: readonly string[] = [],
  ): Promise<Uint8Array> => {
    const person = session();
    const login = await person.kinit([...options, client], ad.users[user].password);
    if (login.code !== 0) throw new Error(login.output);
    const { code, output } = await person.run('kvno', [referral]);
    if (code !== 0) throw new Error(output);
    return cachedCredential(person.ccache, referral).ticket;
  };
  const key = (etype = 18, salt?: string): Promise<Key> =>
    inboundTrustKey(ad.trust ?? missing(), etype, salt);

  await t.test('MIT gives its services to users of AD, and its users go to a service of AD', async (t) => {
    const alice = session();
    t.equal((await alice.kinit([`alice@${ad.realm}`], ad.users.alice.password)).code, 0);
    const there = await alice.run('kvno', [`${SERVICE}@${REALM}`]);
    t.equal(there.code, 0, there.output);
    const listing = await alice.klist();
    t.equal(listing.client, `alice@${ad.realm}`);
    t.equal(listing.ticket(referral).ticketEtype, 'aes256-cts-hmac-sha1-96');

    // The way back takes a PAC that MIT's database does not keep: AD says so, and it has opened the ticket by then.
    const bob = session();
    t.equal((await bob.kinit([`bob@${REALM}`], 'Bob.pass1')).code, 0);
    const back = await bob.run('kvno', [`${ad.service}@${ad.realm}`]);
    t.not(back.code, 0);
    t.match(await bob.klist().then(({ tickets }) => tickets.map(({ server }) => server)), [
      `krbtgt/${REALM}@${REALM}`,
      `krbtgt/${ad.realm}@${REALM}`,
    ]);
  });

  await t.test('a disabled user is refused by AD, and welcome again when enabled', async (t) => {
    const { code, output } = await session().kinit([`dave@${ad.realm}`], ad.users.dave.password);
    t.not(code, 0);
    t.match(output, /revoked/);
    await ad.setEnabled('dave', true);
    t.equal((await session().kinit([`dave@${ad.realm}`], ad.users.dave.password)).code, 0);
    await ad.setEnabled('dave', false);
  });

  await t.test('AD counts wrong passwords once it has a threshold, and locks the account', async (t) => {
    const wrong = async (): Promise<string> =>
      (await session().kinit([`mallory@${ad.realm}`], 'wrong')).output;
    await wrong();
    t.same(await ad.failedLogons('mallory'), { count: 0, locked: false }, 'no threshold, no count');
    await ad.setLockoutThreshold(2);
    await wrong();
    t.same(await ad.failedLogons('mallory'), { count: 1, locked: false });
    await wrong();
    t.same(await ad.failedLogons('mallory'), { count: 2, locked: true });
    t.match((await session().kinit([`mallory@${ad.realm}`], ad.users.mallory.password)).output, /revoked/);
    await ad.setLockoutThreshold(0);
  });

  await t.test(
    'the PAC of a referral verifies with the key of the trust, agrees with itself, and passes the filter',
    async (t) => {
      const ticket = await refer(`alice@${ad.realm}`, 'alice');
      const opened = openTicket(ticket, await key());
      t.equal(opened.ticket.encPart.kvno, 1);
      t.equal(opened.part.transited.contents.length, 0);
      const pac = verifyForeignPac(nodeCrypto, opened.pac ?? missing(), await key());
      if (typeof pac === 'string') return t.fail(pac);
      t.same(
        pac.buffers.map(({ type }) => type).toSorted((a, b) => a - b),
        [1, 6, 7, 10, 12, 17, 18],
        'neither a ticket nor a full signature',
      );
      const contents = decodeContents(pac);
      t.equal(contents.requesterSid, ad.users.alice.sid);
      t.equal(contents.attributes, 2, 'the client did not ask for a PAC; it gets one');
      t.same(contents.upnDnsInfo, {
        upn: 'alice@ad.example.test',
        dnsDomainName: ad.realm,
        flags: 2,
        account: { samName: 'alice', sid: ad.users.alice.sid },
      });
      t.equal(checkPacConsistency(contents, clientOf(opened)), undefined);
      const filtered = filterForeignPac(contents, {
        ownSid: OWN_SID,
        domains: [{ sid: ad.domainSid, netbios: ad.netbios }],
      });
      if (typeof filtered === 'string') return t.fail(filtered);
      const { groups } = ad;
      const held = new Set(filtered.groups);
      for (const name of ['fleet-operators', 'fleet-viewers', 'fleet-nested', 'fleet-local'] as const)
        t.ok(held.has(groups[name].sid), name);
      t.notOk(held.has(groups['fleet-dist'].sid), 'a distribution group is no security group');
      t.ok(held.has(parseSid('S-1-18-1')), 'that AD has seen the password is passed on');
      t.same(filtered.dropped, []);
      return undefined;
    },
  );

  await t.test('the other direction’s salt, and another password, open nothing', async (t) => {
    const ticket = await refer(`alice@${ad.realm}`, 'alice');
    const wrongSide = await key(18, ad.trust?.usToAd.salt);
    t.throws(() => openTicket(ticket, wrongSide), { code: 'integrity' });
    const wrongPassword = await nodeCrypto.stringToKey(18, 'other', ad.trust?.adToUs.salt ?? missing());
    t.throws(() => openTicket(ticket, wrongPassword), { code: 'integrity' });
  });

  await t.test(
    'an enterprise name is replaced when the client canonicalizes, and kept when it does not',
    async (t) => {
      const policy = { ownSid: OWN_SID, domains: [{ sid: ad.domainSid, netbios: ad.netbios }] };
      const read = async (options: readonly string[]): Promise<OpenedTicket> =>
        openTicket(await refer(`carol@corp.example@${ad.realm}`, 'carol', ['-E', ...options]), await key());
      for (const [options, cname, nameType] of [
        [['-C'], 'carol', 1],
        [[], 'carol@corp.example', 10],
      ] as const) {
        const opened = await read(options);
        t.match(clientOf(opened), { cname, nameType });
        const contents = decodeContents(
          verified(verifyForeignPac(nodeCrypto, opened.pac ?? missing(), await key())),
        );
        t.equal(contents.clientInfo?.name, cname);
        t.equal(contents.logonInfo?.effectiveName, 'carol', 'whatever the ticket calls her');
        t.equal(checkPacConsistency(contents, clientOf(opened)), undefined);
        const { logonInfo } = verified(filterForeignPac(contents, policy));
        t.equal(logonInfo.userId, ad.users.carol.rid, 'her SID is what counts');
      }
    },
  );

  await t.test('a PAC comes even when the client does not want one', async (t) => {
    const opened = openTicket(await refer(`alice@${ad.realm}`, 'alice', ['--no-request-pac']), await key());
    const contents = decodeContents(
      verified(verifyForeignPac(nodeCrypto, opened.pac ?? missing(), await key())),
    );
    t.equal(contents.attributes, 0);
    t.equal(checkPacConsistency(contents, clientOf(opened)), undefined);
  });

  await t.test('group changes are in the next ticket', async (t) => {
    const groups = async (): Promise<readonly string[]> => {
      const opened = openTicket(await refer(`alice@${ad.realm}`, 'alice'), await key());
      const info = decodeContents(
        verified(verifyForeignPac(nodeCrypto, opened.pac ?? missing(), await key())),
      ).logonInfo;
      return (info ?? missing()).groupIds.map(({ rid }) => `${ad.domainSid}-${rid}`);
    };
    const { sid } = ad.groups['fleet-operators'];
    t.ok((await groups()).includes(sid));
    await ad.removeFromGroup('fleet-operators', 'alice');
    const without = await groups();
    t.notOk(without.includes(sid));
    t.notOk(without.includes(ad.groups['fleet-nested'].sid), 'nor what she had by nesting');
    await ad.addToGroup('fleet-operators', 'alice');
    t.ok((await groups()).includes(sid));
  });

  await t.test(
    'enctype, kvno and the hour of the previous password are what the trust object says',
    async (t) => {
      const observe = async (options: Partial<AdTrustOptions>): Promise<[number, number | undefined]> => {
        await ad.setTrust({ ...TRUST, ...options });
        const ticket = await refer(`alice@${ad.realm}`, 'alice');
        for (const etype of [18, 17]) {
          try {
            const opened = openTicket(ticket, await key(etype));
            return [opened.ticket.encPart.etype, opened.ticket.encPart.kvno];
          } catch (error) {
            if (!isIntegrity(error)) throw error;
          }
        }
        return [0, undefined];
      };
      t.same(await observe({ enctypes: 'none' }), [18, 1]);
      t.same(await observe({ enctypes: 28 }), [18, 1]);
      t.same(await observe({ enctypes: 8, kvno: 7 }), [17, 7]);
      t.same(await observe({ kvno: 'none' }), [18, undefined]);
      const changed = { password: 'Shared.Trust.Secret-2', previousPassword: TRUST.password, kvno: 2 };
      t.same(
        await observe({ ...changed, changedAgo: 60 }),
        [0, undefined],
        'the present key opens nothing yet',
      );
      t.same(await observe({ ...changed, changedAgo: 4000 }), [18, 2]);
      await ad.setTrust(TRUST);
    },
  );

  await t.test('a KDC that was stopped and started keeps what it had', async (t) => {
    await ad.stop();
    t.not((await session().kinit([`alice@${ad.realm}`], ad.users.alice.password)).code, 0);
    await ad.start();
    t.equal((await session().kinit([`alice@${ad.realm}`], ad.users.alice.password)).code, 0);
  });
});

function clientOf({ part }: OpenedTicket): Parameters<typeof checkPacConsistency>[1] {
  const { cname, crealm, authtime } = part;
  return {
    cname: cname.nameString.join('/'),
    nameType: cname.nameType,
    crealm,
    authTime: authtime,
    isTgt: true,
  };
}

function verified<T extends object>(result: T | string): T {
  if (typeof result === 'string') throw new Error(result);
  return result;
}

function isIntegrity(error: unknown): boolean {
  return (error as { code?: string }).code === 'integrity';
}

function missing(): never {
  throw new Error('it is missing');
}
