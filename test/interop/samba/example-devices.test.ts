/** The devices of examples/, and people of Active Directory who administer them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type ExampleDevice, startExample } from '../../support/example-device.ts';
import { temporaryFolder } from '../../support/run.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { AD_TRUST, DEVICE, startOurs } from './realms.ts';

t.setTimeout(240_000);

await t.test('a device lets in who has a right by a group of Active Directory', async (t) => {
  if (!requireSambaAd(t)) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad, {}, { https: { names: ['127.0.0.2'] } });
  const dir = temporaryFolder(t);
  const tokenFile = join(dir, 'join.token');
  await kdc.cli(['token', 'create', '--uses', '1', '--ttl', '1h', '--out', tokenFile]);
  const ca = join(kdc.dir, 'data', 'ca.pem');
  const server = `https://127.0.0.2:${kdc.port}`;
  const byProxy = await startExample(t, 'device', dir, [
    ...['--data', join(dir, 'proxy'), '--host', 'phone1', '--server', server],
    ...['--ca', ca, '--token-file', tokenFile],
  ]);
  const itself = await startExample(t, 'kerberos-device', dir, [
    ...['--data', join(dir, 'itself'), '--keytab', await kdc.exportKeytab(DEVICE)],
    ...['--kdc', `${kdc.realm}=127.0.0.1:${kdc.port}`, '--kdc', `${ad.realm}=${ad.address}:${ad.port}`],
  ]);
  const { alice, carol, mallory, dave } = ad.users;
  const devices: readonly (readonly [string, ExampleDevice])[] = [
    ['proxy', byProxy],
    ['itself', itself],
  ];

  for (const [name, { settings }] of devices) {
    const seen = async (who: { name: string; password: string }, realm = ad.realm) => {
      const { status, text } = await settings(`${realm}\\${who.name}:${who.password}`);
      return `${status} ${text}`;
    };
    t.match(await seen(alice), /^200 .*alice@AD\.EXAMPLE\.TEST, Administrator/s, name);
    t.match(await seen(carol), /^200 .*carol@AD\.EXAMPLE\.TEST, Viewer/s, name);
    t.match(await seen(mallory), /^403 .*class="no_right"/s, name);
    t.match(await seen({ ...carol, password: 'wrong' }), /^401 .*class="refused"/s, name);
    t.match(await seen(dave), /^403 .*class="locked"/s, name);
    t.match(await seen(carol, 'ad.example.test'), /^401 .*class="realm_hint".*<b>AD\.EXAMPLE\.TEST/s, name);
  }
  const { text } = await byProxy.settings(`${ad.realm}\\mallory:${mallory.password}`);
  t.match(text, `<li>${ad.domainSid}-513</li>`, 'the groups that AD has sent');

  await ad.stop();
  for (const [name, { settings }] of devices) {
    const password = readFileSync(join(dir, name, 'emergency-password.txt'), 'utf8').trim();
    t.match(await settings(`${ad.realm}\\mallory:x`), { status: 503, text: /class="unreachable"/ }, name);
    t.match(
      await settings(`${ad.realm}\\emergency:${password}`),
      { status: 200 },
      'the emergency account works for who is of AD, as nobody can tell there',
    );
    t.match(
      await settings(`emergency:${password}`),
      { status: 401 },
      'and for our own, who can log in, it does not',
    );
  }
});
