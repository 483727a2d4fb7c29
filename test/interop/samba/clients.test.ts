/** Users of Active Directory come to our devices with other clients than MIT's kinit: Heimdal, Java, curl. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { findEvent } from '../../support/event-log.ts';
import { APACHE_HOST, fetchPage, startApache } from '../../support/apache.ts';
import { HEIMDAL_ROOT, heimdalLibraryPath, requirePeer } from '../../support/peers.ts';
import { requireSambaAd, startSambaAd } from '../../support/samba-ad.ts';
import { newSession } from '../../support/session.ts';
import { AD_TRUST, BOB, DEVICE, REALM, loginAtAd, startOurs } from './realms.ts';

const JAVA_PROGRAM = fileURLToPath(new URL('../java/Login.java', import.meta.url));

// Foreign programs start, one after the other, on a machine that may be busy.
t.setTimeout(240_000);

await t.test("other clients of Active Directory's users", async (t) => {
  if (!requireSambaAd(t)) return;
  const ad = await startSambaAd(t, { trust: AD_TRUST });
  const kdc = await startOurs(t, ad, {}, { services: [{ name: DEVICE }, { name: `HTTP/${APACHE_HOST}` }] });
  const alice = { name: `alice@${ad.realm}`, password: ad.users.alice.password };
  const toDevice = { outcome: 'issued', client: alice.name, server: `${DEVICE}@${REALM}` };

  await t.test('Heimdal: there and back', async (t) => {
    if (!requirePeer(t, 'heimdal')) return;
    const session = newSession(kdc, { others: [ad], env: { LD_LIBRARY_PATH: heimdalLibraryPath() } });
    const heimdal = (program: string, ...args: string[]): ReturnType<typeof session.run> =>
      session.run(join(HEIMDAL_ROOT, 'usr/bin', program), args);
    const kinit = async (name: string, password: string): Promise<void> => {
      const file = `${session.ccache}.password`;
      writeFileSync(file, `${password}\n`);
      const { code, output } = await heimdal('kinit.heimdal', `--password-file=${file}`, name);
      t.equal(code, 0, output);
    };
    const since = Date.now();
    await kinit(alice.name, alice.password);
    const there = await heimdal('kgetcred', `${DEVICE}@${REALM}`);
    t.equal(there.code, 0, there.output);
    t.equal((await findEvent(kdc, since, toDevice)).right, 'Administrator');
    await kinit(`bob@${REALM}`, BOB.password);
    const back = await heimdal('kgetcred', `${ad.service}@${ad.realm}`);
    t.equal(back.code, 0, back.output);
  });

  await t.test('Java: a GSS context with a device', async (t) => {
    if (!requirePeer(t, 'java')) return;
    const session = newSession(kdc, { others: [ad], libdefaults: { forwardable: true } });
    const compiled = await session.run('javac', ['-d', kdc.dir, JAVA_PROGRAM]);
    t.equal(compiled.code, 0, compiled.output);
    const { code, output } = await session.run('java', [
      `-Djava.security.krb5.conf=${session.env['KRB5_CONFIG']}`,
      '-XX:TieredStopAtLevel=1',
      ...['-cp', kdc.dir, 'Login', alice.name, alice.password, DEVICE, await kdc.exportKeytab(DEVICE)],
    ]);
    t.equal(code, 0, output);
    t.match(output, 'established: true');
    t.match(output, `source: ${alice.name}`);
    t.match(output, 'there: show status');
  });

  await t.test("curl --negotiate at a device's web page", async (t) => {
    if (!requirePeer(t, 'apache', 'curl', 'mit-client')) return;
    const port = await startApache(t, kdc, await kdc.exportKeytab(`HTTP/${APACHE_HOST}`));
    const session = newSession(kdc, { others: [ad] });
    await loginAtAd(session, ad, 'alice');
    const { status, text } = await fetchPage(session, port, '--negotiate', '-u', ':');
    t.equal(status, 200, text);
    t.match(text, `X-Remote-User: ${alice.name}\r\n`);
  });
});
