/** impacket: gets a TGT as it comes, and no service ticket, since its TGS-REQ carries no checksum of its body. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { requireKdc, startKdc, TESTED_KDC } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

const SERVICE = 'host/device1.realm1.example';
const PROGRAM = fileURLToPath(new URL('client.py', import.meta.url));

await t.test('impacket, unpatched', async (t) => {
  if (!requirePeer(t, 'impacket') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: SERVICE }],
  });
  const session = newSession(kdc);
  const args = [
    PROGRAM,
    String(kdc.port),
    kdc.realm,
    'alice',
    'Alice.pass1',
    SERVICE,
    join(kdc.dir, 'impacket.ccache'),
  ];
  const { code, output } = await session.run('/usr/bin/python3', args);
  const said = new Map(output.split('\n').map((line) => line.split(': ') as [string, string]));

  await t.test('is refused with a wrong password', async (t) => {
    t.equal(said.get('wrong password'), 'KDC_ERR_PREAUTH_FAILED');
  });

  if (TESTED_KDC === 'mit') {
    t.match(output.slice(-20_000), /EncASRepPart/, "MIT's KDC is one of those that it cannot read");
    return;
  }

  await t.test('getTGT: reads our AS-REP and writes a ccache that klist reads', async (t) => {
    t.equal(code, 0, output);
    t.equal(said.get('tgt etype'), '18');
    t.equal(said.get('ccache'), 'written');
    if (!requirePeer(t, 'mit-client')) return;
    const klist = await session.run('klist', ['-c', join(kdc.dir, 'impacket.ccache')]);
    t.equal(klist.code, 0, klist.output);
    t.match(klist.output, `krbtgt/${kdc.realm}@${kdc.realm}`);
  });

  await t.test('getST: refused with KRB_AP_ERR_INAPP_CKSUM', async (t) => {
    t.equal(said.get('service ticket'), 'KRB_AP_ERR_INAPP_CKSUM');
  });
});
