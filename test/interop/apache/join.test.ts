/** A web server on a device: Apache mod_auth_gssapi with the keytab that a join gave, and curl --negotiate as the browser. */
import { join } from 'node:path';
import t from 'tap';
import { APACHE_HOST as HOST, fetchPage, startApache } from '../../support/apache.ts';
import { requireRealmward } from '../../support/kdc.ts';
import { curlJoin, saveKeytab, STAGE_PASSWORD, startJoinServer } from '../../support/join-server.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

await t.test('Apache knows users by the keytab of a join', async (t) => {
  if (!requirePeer(t, 'apache', 'curl', 'mit-client') || !requireRealmward(t)) return;
  const server = await startJoinServer(t);
  const { kdc } = server;
  const joined = await curlJoin(
    server,
    newSession(kdc),
    { host: HOST, http: true },
    ...['--user', `stage:${STAGE_PASSWORD}`],
  );
  const port = await startApache(t, kdc, saveKeytab(joined, join(kdc.dir, 'joined.keytab')));
  const alice = newSession(kdc);
  await alice.kinit(['alice'], 'Alice.pass1');
  const { status, text } = await fetchPage(alice, port, '--negotiate', '-u', ':');
  t.equal(status, 200, text);
  t.match(text, `X-Remote-User: alice@${kdc.realm}\r\n`);
  t.match(text, /^WWW-Authenticate: Negotiate \S+\r$/m, 'and it proved itself');

  const stage = newSession(kdc);
  await stage.kinit(['stage'], STAGE_PASSWORD);
  t.equal((await fetchPage(stage, port, '--negotiate', '-u', ':')).status, 401, 'not a Join-Realm account');
});
