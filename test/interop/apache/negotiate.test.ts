/** Apache with mod_auth_gssapi as a device's web server, and curl --negotiate as the browser. */
import t from 'tap';
import { APACHE_HOST as HOST, fetchPage, startApache } from '../../support/apache.ts';
import { requireKdc, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

await t.test('Apache mod_auth_gssapi', async (t) => {
  if (!requirePeer(t, 'apache', 'curl', 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: `HTTP/${HOST}` }],
  });
  const keytab = await kdc.exportKeytab(`HTTP/${HOST}`);
  const port = await startApache(t, kdc, keytab);

  await t.test('lets nobody in without a ticket', async (t) => {
    const { status, text } = await fetchPage(newSession(kdc), port);
    t.equal(status, 401, text);
    t.match(text, /^WWW-Authenticate: Negotiate\r$/m);
  });

  for (const etype of [
    'aes256-cts-hmac-sha384-192',
    'aes128-cts-hmac-sha256-128',
    'aes256-cts-hmac-sha1-96',
    'aes128-cts-hmac-sha1-96',
  ]) {
    await t.test(`knows the user by a ticket with a session key of ${etype}`, async (t) => {
      const alice = newSession(kdc, { libdefaults: { permitted_enctypes: etype } });
      await alice.kinit(['alice'], 'Alice.pass1');
      const { status, text } = await fetchPage(alice, port, '--negotiate', '-u', ':');
      t.equal(status, 200, text);
      t.match(text, /^the device$/m);
      t.match(text, `X-Remote-User: alice@${kdc.realm}\r\n`);
      t.match(text, /^WWW-Authenticate: Negotiate \S+\r$/m, 'the server proved itself, too');
      t.equal((await alice.klist()).ticket(`HTTP/${HOST}`).sessionEtype, etype);
    });
  }

  await t.test('stays closed to a user without tickets', async (t) => {
    const { status, text } = await fetchPage(newSession(kdc), port, '--negotiate', '-u', ':');
    t.equal(status, 401, text);
  });
});
