/** Our client through a KDC proxy that we did not write: kdcproxy, which FreeIPA uses. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeApReq } from '../../../src/ap/ap-req.ts';
import { keysOf, verifyApReq } from '../../../src/ap/verify-ap-req.ts';
import {
  getInitialTicket,
  getServiceTicket,
  nameOf,
  parsePrincipal,
  renewTicket,
} from '../../../src/client/index.ts';
import { readKeytab } from '../../../src/codec/keytab.ts';
import { makeCa } from '../../support/certificates.ts';
import { onFreePort, startDaemon, untilListening } from '../../support/daemon.ts';
import { requireKdc, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { CLEAN_ENV } from '../../support/run.ts';
import { clientOf } from '../client/client.ts';

const PASSWORD = 'Alice. päss 1';
const HOST = nameOf('host', 'device1.realm1.example');
const SCRIPT = join(import.meta.dirname, 'serve.py');

await t.test('through kdcproxy', { timeout: 120_000 }, async (t) => {
  if (!requirePeer(t, 'kdcproxy', 'openssl') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    users: [{ name: 'alice', password: PASSWORD, right: 'Administrator' }],
    services: [{ name: HOST.nameString.join('/') }],
  });
  const ca = await makeCa(t);
  const server = await ca.issue(['localhost']);
  const file = (name: string, text: string): string => {
    const path = join(kdc.dir, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const [cert, key] = [file('proxy.pem', server.cert), file('proxy.key', server.key)];
  const config = file(
    'kdcproxy.conf',
    `[global]\nuse_dns = false\n[${kdc.realm}]\nkerberos = kerberos+tcp://127.0.0.1:${kdc.port}\n`,
  );
  const { port } = await onFreePort(async (port) => {
    const daemon = startDaemon(t, '/usr/bin/python3', [SCRIPT, String(port), cert, key], {
      env: { ...CLEAN_ENV, KDCPROXY_CONFIG: config },
      log: join(kdc.dir, 'kdcproxy.log'),
    });
    await untilListening(daemon, port);
    return daemon;
  });
  const url = `https://localhost:${port}/KdcProxy`;
  const tls = { ca: ca.cert };
  const alice = parsePrincipal('alice', kdc.realm);

  await t.test('a password gets a ticket, a ticket for a service, and is renewed', async (t) => {
    const client = clientOf([], { realms: { [kdc.realm]: [url] }, tls });
    const tgt = await getInitialTicket(client, {
      client: alice,
      proof: { password: PASSWORD },
      renewable: 86_400,
    });
    const { credential } = await getServiceTicket(client, await renewTicket(client, tgt), { name: HOST });
    const keys = keysOf(readKeytab(readFileSync(await kdc.exportKeytab(HOST.nameString.join('/')))));
    const { message } = makeApReq(client.crypto, client.clock, credential);
    const acceptor = { crypto: client.crypto, clock: client.clock, keys, replays: undefined };
    t.strictSame(verifyApReq(acceptor, message).client.name.nameString, ['alice']);
    t.strictSame(new Set(client.transports()), new Set(['https answered']));
  });

  await t.test('a wrong password is told as elsewhere, and asked about once', async (t) => {
    const client = clientOf([], { realms: { [kdc.realm]: [url, `127.0.0.1:${kdc.port}`] }, tls });
    const wrong = { client: alice, proof: { password: 'wrong' } };
    await t.rejects(getInitialTicket(client, wrong), { code: 'kdc-err-preauth-failed' });
    t.strictSame(client.transports(), ['https answered', 'https answered']);
  });

  await t.test('a realm that it does not serve is looked for at the next server', async (t) => {
    const client = clientOf([], { realms: { ELSEWHERE: [url] }, tls });
    const request = { client: parsePrincipal('alice@ELSEWHERE'), proof: { password: PASSWORD } };
    await t.rejects(getInitialTicket(client, request), { code: 'no-answer', message: /HTTP status 503/ });
  });
});
