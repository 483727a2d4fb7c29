/** A site with many devices: one administrator's session visits a thousand of them. */
import t from 'tap';
import { requireKdc, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

const SERVICES = Array.from({ length: 1000 }, (_, i) => `host/device${1000 + i}.realm1.example`);

await t.test('one kvno gets tickets for a thousand services', async (t) => {
  if (!requirePeer(t, 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: SERVICES.map((name) => ({ name })),
  });
  const alice = newSession(kdc);
  const login = await alice.kinit(['alice'], 'Alice.pass1');
  t.equal(login.code, 0, login.output);
  // Not stored: MIT reads its whole cache again for each ticket, which takes longer than all the rest.
  const { code, output } = await alice.run('kvno', ['--no-store', ...SERVICES]);
  t.equal(code, 0, output.slice(-500));
  t.same(
    output.trim().split('\n'),
    SERVICES.map((name) => `${name}@${kdc.realm}: kvno = 1`),
  );
});
