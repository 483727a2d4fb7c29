/** tshark, with the keys from our keytabs, reads everything the KDC says: nothing malformed, every ticket and PAC opened and verified. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readKeytab, writeKeytab } from '../../../src/codec/keytab.ts';
import type { TestKdc } from '../../support/kdc.ts';
import { requireKdc, requireRealmward, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { startRecorder, toPcap } from '../../support/recorder.ts';
import { CLEAN_ENV, runOk } from '../../support/run.ts';
import { newSession } from '../../support/session.ts';

const SERVICE = 'host/device1.realm1.example';

/** tshark's severity of plain information; notes, warnings and errors are above. */
const CHAT = 0x20_00_00;

await t.test('tshark decodes a captured exchange', async (t) => {
  if (!requirePeer(t, 'tshark', 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    policy: { maxLife: '10h', maxRenew: '7d', udpReplyLimit: 4096 },
    users: [
      { name: 'alice', password: 'Alice.pass1', right: 'Administrator' },
      { name: 'bob', password: 'Bob.pass1', right: 'Viewer' },
    ],
    services: [{ name: SERVICE }],
  });
  const recorder = await startRecorder(t, kdc.port);
  const kdcLine = `127.0.0.1:${recorder.port}`;

  for (const etype of [
    'aes256-cts-hmac-sha1-96',
    'aes256-cts-hmac-sha384-192',
    'aes128-cts-hmac-sha256-128',
  ]) {
    const alice = newSession(kdc, { kdc: kdcLine, libdefaults: { permitted_enctypes: etype } });
    const bob = newSession(kdc, { kdc: kdcLine, libdefaults: { permitted_enctypes: etype } });
    for (const step of [
      await alice.kinit(['-f', '-p', '-r', '1d', 'alice'], 'Alice.pass1'),
      await alice.kinit(['-R']),
      await bob.kinit(['bob'], 'Bob.pass1'),
      await alice.run('kvno', [SERVICE]),
      await alice.run('kvno', ['--u2u', bob.ccache, `bob@${kdc.realm}`]),
    ]) {
      t.equal(step.code, 0, step.output);
    }
    const wrong = await alice.kinit(['alice'], 'wrong');
    t.not(wrong.code, 0);
    const unknown = await bob.run('kvno', ['host/unknown']);
    t.not(unknown.code, 0);
  }

  const capture = join(kdc.dir, 'exchange.pcap');
  writeFileSync(capture, toPcap(recorder.datagrams));
  const keytab = await allKeys(kdc);
  const { stdout } = await runOk(
    'tshark',
    // prettier-ignore
    ['-r', capture, '-K', keytab, '-o', 'kerberos.decrypt:TRUE',
     '-T', 'fields', '-E', 'aggregator=|', '-E', 'separator=;',
     '-e', 'frame.number', '-e', '_ws.col.Info', '-e', 'kerberos.msg_type', '-e', '_ws.malformed',
     '-e', '_ws.expert.severity', '-e', '_ws.expert.message'],
    { env: { ...CLEAN_ENV, HOME: kdc.dir } },
  );
  const packets = stdout.trim().split('\n').map(readPacket);

  await t.test('every datagram is Kerberos, and none is malformed', async (t) => {
    t.equal(packets.length, recorder.datagrams.length);
    for (const { name, types, malformed } of packets) {
      t.equal(malformed, '', name);
      t.ok(types.length > 0, name);
    }
    const seen = new Set(packets.flatMap(({ types }) => types));
    t.ok(
      ['10', '11', '12', '13', '14', '30'].every((type) => seen.has(type)),
      'AS, TGS and AP requests, replies and errors were among them',
    );
  });

  const answers = packets.filter((_, i) => recorder.datagrams[i]?.from === 88);
  const replies = answers.filter(({ types }) => types.includes('11') || types.includes('13'));

  await t.test('nothing the KDC says is remarked on, but that something was decrypted', async (t) => {
    for (const packet of answers) {
      // The encrypted part of a TGS-REP has key usage 8 or 9 (RFC 4120 section 7.5.1). tshark tries 8 first, and remarks on it, before 9.
      const tried = says(packet, /^Decrypted keytype \d+ usage 9 /)
        ? /^Missing keytype \d+ usage 8 |^Used keymap/
        : /^$/;
      const remarks = packet.experts.filter(
        ({ severity, message }) => severity > CHAT && !tried.test(message),
      );
      t.same(
        remarks.map(({ message }) => message),
        [],
        packet.name,
      );
    }
  });

  await t.test('every reply was opened, ticket and encrypted part', async (t) => {
    t.ok(replies.length >= 15);
    for (const packet of replies) {
      t.ok(says(packet, /^Decrypted keytype \d+ usage 2 /), `${packet.name}: ticket`);
      t.ok(says(packet, /^Decrypted keytype \d+ usage [389] /), `${packet.name}: encrypted part`);
    }
  });

  await t.test("every ticket's PAC was opened, and its signatures verified", async (t) => {
    for (const packet of replies) {
      t.ok(says(packet, /^Verified Server checksum/), `${packet.name}: server signature`);
      t.ok(says(packet, /^Verified KDC checksum/), `${packet.name}: KDC signature`);
    }
    const forService = replies.filter((packet) => says(packet, new RegExp(`principal ${SERVICE}`)));
    t.equal(forService.length, 3);
    if (!requireRealmward(t)) return;
    for (const packet of forService) {
      t.ok(says(packet, /^Verified Ticket checksum/), `${packet.name}: ticket signature`);
    }
  });
});

/** One keytab with everything that opens anything; tshark takes no more than one. */
async function allKeys(kdc: TestKdc): Promise<string> {
  const files = [await kdc.exportRealmKey(), await kdc.exportKeytab('alice', 'bob', SERVICE)];
  const path = join(kdc.dir, 'all.keytab');
  writeFileSync(path, writeKeytab(files.flatMap((file) => readKeytab(readFileSync(file)))));
  return path;
}

function says({ experts }: Packet, pattern: RegExp): boolean {
  return experts.some(({ message }) => pattern.test(message));
}

interface Packet {
  /** Frame number and summary. */
  readonly name: string;
  /** Kerberos message types in it, tickets and AP-REQs inside included. */
  readonly types: readonly string[];
  readonly malformed: string;
  readonly experts: readonly { readonly severity: number; readonly message: string }[];
}

function readPacket(line: string): Packet {
  const [frame = '', info = '', types = '', malformed = '', severities = '', ...rest] = line.split(';');
  const messages = rest.join(';').split('|');
  return {
    name: `${frame} ${info}`,
    types: types === '' ? [] : types.split('|'),
    malformed,
    experts: severities
      .split('|')
      .filter((text) => text !== '')
      .map((severity, i) => ({ severity: Number(severity), message: messages[i] ?? '' })),
  };
}
