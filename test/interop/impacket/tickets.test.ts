/** impacket: gets a TGT as it comes, and no service ticket, since its TGS-REQ carries no checksum of its body. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { KdcConfig, TestKdc } from '../../support/kdc.ts';
import { requireKdc, requireRealmward, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import type { Scope } from '../../support/run.ts';
import { newSession } from '../../support/session.ts';

const SERVICE = 'host/device1.realm1.example';
const PROGRAM = fileURLToPath(new URL('client.py', import.meta.url));

await t.test('impacket, unpatched', async (t) => {
  if (!requirePeer(t, 'impacket') || !requireKdc(t)) return;

  await t.test('getTGT: reads our AS-REP and writes a ccache that klist reads', async (t) => {
    const { kdc, ccache, said, output } = await impacket(t, {});
    t.equal(said.get('wrong password'), 'KDC_ERR_PREAUTH_FAILED');
    if (!requireRealmward(t)) {
      t.match(output, /EncASRepPart/, "MIT's KDC is one of those that impacket cannot read");
      return;
    }
    t.equal(said.get('tgt etype'), '18', output);
    t.equal(said.get('ccache'), 'written', output);
    if (!requirePeer(t, 'mit-client')) return;
    const klist = await newSession(kdc).run('klist', ['-c', ccache]);
    t.equal(klist.code, 0, klist.output);
    t.match(klist.output, `krbtgt/${kdc.realm}@${kdc.realm}`);
  });

  await t.test('getST: refused with KRB_AP_ERR_INAPP_CKSUM', async (t) => {
    if (!requireRealmward(t)) return;
    // impacket cannot handle a ticket that is encrypted with an aes-sha2 etype.
    const { said, output } = await impacket(t, {
      etypes: ['aes256-cts-hmac-sha1-96', 'aes128-cts-hmac-sha1-96'],
    });
    t.equal(said.get('service ticket'), 'KRB_AP_ERR_INAPP_CKSUM', output);
  });
});

/** Runs client.py against a new KDC; `said` holds its facts. */
async function impacket(
  t: Scope,
  policy: KdcConfig['policy'],
): Promise<{ kdc: TestKdc; ccache: string; said: Map<string, string>; output: string }> {
  const kdc = await startKdc(t, {
    policy: { ...policy },
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: SERVICE }],
  });
  const ccache = join(kdc.dir, 'impacket.ccache');
  const args = [PROGRAM, String(kdc.port), kdc.realm, 'alice', 'Alice.pass1', SERVICE, ccache];
  const { output } = await newSession(kdc).run('/usr/bin/python3', args);
  return {
    kdc,
    ccache,
    said: new Map(output.split('\n').map((line) => line.split(': ') as [string, string])),
    output,
  };
}
