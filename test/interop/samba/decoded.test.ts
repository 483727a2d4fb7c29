/** Every ticket on the way between the two realms, opened and read by others than us: impacket, Samba's own decoder, tshark. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { toHex } from '../../../src/base/bytes.ts';
import type { Key } from '../../../src/base/key.ts';
import { parseSid, withRid } from '../../../src/base/sid.ts';
import { readKeytab, writeKeytab } from '../../../src/codec/keytab.ts';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { decodeContents } from '../../../src/pac/contents.ts';
import { decodePac } from '../../../src/pac/pac.ts';
import { parseName } from '../../../src/realm/name.ts';
import { RightRid } from '../../../src/spec/right-rids.ts';
import { asFixture } from '../../pac/vectors.ts';
import { requirePeer } from '../../support/peers.ts';
import { startRecorder, toPcap } from '../../support/recorder.ts';
import { CLEAN_ENV, runOk } from '../../support/run.ts';
import type { SambaAd, TrustKeyFacts } from '../../support/samba-ad.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { cachedCredential, keyIn, openTicket } from '../../support/samba-tickets.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, BOB, DEVICE, OWN_SID, REALM, loginAtAd, startOurs } from './realms.ts';

const SCRIPT = fileURLToPath(new URL('read-tickets.py', import.meta.url));
const AES256 = 18;
const SHA1 = ['aes256-cts-hmac-sha1-96', 'aes128-cts-hmac-sha1-96'];

interface Reading {
  readonly client: { readonly cname: string; readonly crealm: string };
  readonly expected: Record<string, unknown> & { readonly types: readonly number[] };
  readonly signatures: Readonly<Record<string, boolean | null>>;
}

const trustKey = ({ salt }: TrustKeyFacts, etype = AES256): Promise<Key> =>
  nodeCrypto.stringToKey(etype, AD_TRUST.password, salt);

function trustFacts(ad: SambaAd): NonNullable<SambaAd['trust']> {
  if (ad.trust === undefined) throw new Error('there is no trust');
  return ad.trust;
}

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test('impacket and Samba read every ticket as we do', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'impacket')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad, {}, { policy: { etypes: SHA1 } });
  const ours = {
    server: keyIn(await kdc.exportKeytab(DEVICE), AES256),
    kdc: keyIn(await kdc.exportRealmKey(), AES256),
  };
  const theirs = {
    server: keyIn(await ad.exportKeytab(ad.service), AES256),
    kdc: keyIn(await ad.exportKeytab(`krbtgt/${ad.realm}`), AES256),
  };
  const { adToUs, usToAd } = trustFacts(ad);

  const alice = newSession(kdc, { others: [ad] });
  await loginAtAd(alice, ad, 'alice');
  await alice.run('kvno', [`${DEVICE}@${REALM}`]);
  const bob = newSession(kdc, { others: [ad] });
  await bob.kinit([`bob@${REALM}`], BOB.password);
  await bob.run('kvno', [`${ad.service}@${ad.realm}`]);

  // Who may verify which signature: nobody but AD has the key of AD's own KDC, unless it is read out of its directory.
  const tickets = [
    { ccache: alice.ccache, server: adToUs.principal, serverKey: await trustKey(adToUs), kdcKey: theirs.kdc },
    { ccache: alice.ccache, server: `${DEVICE}@${REALM}`, serverKey: ours.server, kdcKey: ours.kdc },
    { ccache: bob.ccache, server: `krbtgt/${REALM}@${REALM}`, serverKey: ours.kdc, kdcKey: ours.kdc },
    {
      ccache: bob.ccache,
      server: usToAd.principal,
      serverKey: await trustKey(usToAd),
      kdcKey: await trustKey(usToAd),
    },
    {
      ccache: bob.ccache,
      server: `${ad.service}@${ad.realm}`,
      serverKey: theirs.server,
      kdcKey: theirs.kdc,
    },
  ].map((row) => ({ ...row, ticket: cachedCredential(row.ccache, row.server).ticket }));
  const shown = (key: Key): { etype: number; hex: string } => ({ etype: key.etype, hex: toHex(key.bytes) });
  const { stdout } = await runOk('/usr/bin/python3', [SCRIPT], {
    input: JSON.stringify(
      tickets.map(({ ticket, serverKey, kdcKey }) => ({
        ticket: toHex(ticket),
        serverKey: shown(serverKey),
        kdcKey: shown(kdcKey),
      })),
    ),
  });
  const readings = JSON.parse(stdout) as Reading[];

  for (const [i, { server, ticket, serverKey }] of tickets.entries()) {
    await t.test(server, async (t) => {
      const { pac, part } = openTicket(ticket, serverKey);
      const reading = readings[i] as Reading;
      t.match(reading.client, { cname: part.cname.nameString.join('/'), crealm: part.crealm });
      const { types, ...contents } = reading.expected;
      const decoded = decodePac(pac ?? new Uint8Array(0));
      t.strictSame(
        decoded.buffers.map(({ type }) => type),
        types,
      );
      t.strictSame(asFixture(decodeContents(decoded)), contents);
      const isService = !server.startsWith('krbtgt/');
      t.strictSame(
        reading.signatures,
        isService ? { server: true, kdc: true, ticket: true, full: true } : { server: true, kdc: true },
      );
    });
  }

  await t.test(
    'the right is an extra SID of ours in the ticket of AD’s user, and a group in that of our own',
    async (t) => {
      const [, device, , referral, service] = readings as [Reading, Reading, Reading, Reading, Reading];
      const right = withRid(parseSid(OWN_SID), RightRid.Administrator);
      t.match(device.expected, { logonInfo: { logonDomainId: ad.domainSid, logonDomainName: ad.netbios } });
      t.match(JSON.stringify(device.expected['logonInfo']), `{"sid":"${right}","attributes":7}`);
      for (const one of [referral, service]) {
        t.match(one.expected, { logonInfo: { logonDomainId: OWN_SID, effectiveName: BOB.name } });
        t.match(
          JSON.stringify(one.expected['logonInfo']),
          `{"rid":${RightRid.Administrator},"attributes":7}`,
        );
      }
    },
  );
});

await t.test('tshark reads the exchanges with aes-sha2 keys', async (t) => {
  if (!requireSambaAd(t) || !requirePeer(t, 'mit-client', 'tshark')) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad, {}, { policy: { udpReplyLimit: 4096 } });
  const recorder = await startRecorder(t, kdc.port);
  // Nothing over TCP, which is not recorded.
  const alice = newSession(kdc, {
    others: [ad],
    kdc: `127.0.0.1:${recorder.port}`,
    libdefaults: { udp_preference_limit: 30_000 },
  });
  await loginAtAd(alice, ad, 'alice');
  // One after the other: a program that AD has sent to TCP stays with it.
  await alice.run('kvno', [`krbtgt/${REALM}@${ad.realm}`]);
  const { code, output } = await alice.run('kvno', [`${DEVICE}@${REALM}`]);
  t.equal(code, 0, output);

  const { adToUs } = trustFacts(ad);
  const [client = '', realm = ''] = adToUs.principal.split('@');
  const trustEntry = {
    realm,
    name: { nameType: 2, nameString: parseName(client) },
    timestamp: 0,
    kvno: 1,
    key: await trustKey(adToUs),
  };
  const files = [await kdc.exportRealmKey(), await kdc.exportKeytab(DEVICE)];
  const keytab = join(kdc.dir, 'all.keytab');
  writeFileSync(
    keytab,
    writeKeytab([trustEntry, ...files.flatMap((file) => readKeytab(readFileSync(file)))]),
  );
  const capture = join(kdc.dir, 'exchange.pcap');
  writeFileSync(capture, toPcap(recorder.datagrams));
  const { stdout } = await runOk(
    'tshark',
    // prettier-ignore
    ['-r', capture, '-K', keytab, '-o', 'kerberos.decrypt:TRUE', '-T', 'fields', '-E', 'aggregator=|', '-E', 'separator=;',
     '-e', 'kerberos.msg_type', '-e', '_ws.malformed', '-e', 'kerberos.pac.type', '-e', '_ws.expert.message'],
    { env: { ...CLEAN_ENV, HOME: kdc.dir } },
  );
  const packets = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(';'));
  const [types = '', malformed, , ...experts] = packets.at(-1) ?? [];
  t.match(types, /^13/, 'a TGS-REP');
  t.equal(malformed, '');
  for (const claim of ['Verified Server checksum', 'Verified KDC checksum', 'Verified Ticket checksum']) {
    t.match(experts.join(';'), claim);
  }
  t.match(experts.join(';'), /Decrypted keytype 20 usage 2 /);
});
