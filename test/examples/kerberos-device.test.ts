/** examples/kerberos-device: a device that speaks Kerberos itself, as a process of its own, against a realm that runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { findEvent } from '../support/event-log.ts';
import { type ExampleDevice, startExample } from '../support/example-device.ts';
import { startRealmwardKdc } from '../support/realmward-kdc.ts';
import { temporaryFolder } from '../support/run.ts';

t.setTimeout(240_000);

const user = (name: string, right?: 'Administrator' | 'Viewer' | 'Join-Realm') => ({
  name,
  password: `${name}.Pass1`,
  ...(right === undefined ? {} : { right }),
});
const as = (name: string): string => `REALM1.EXAMPLE\\${name}:${name}.Pass1`;
const config = {
  users: [
    user('alice', 'Administrator'),
    user('bob', 'Viewer'),
    user('carl'),
    user('dave', 'Viewer'),
    user('erin', 'Viewer'),
    user('stage', 'Join-Realm'),
  ],
  services: [{ name: 'host/phone2' }],
  https: { names: ['127.0.0.2'] },
};

const kdc = await startRealmwardKdc(t, config);
const keytab = await kdc.exportKeytab('host/phone2');
const [direct, proxied] = [`127.0.0.1:${kdc.port}`, `https://127.0.0.2:${kdc.port}/KdcProxy`];

/** Starts the device with these KDCs; `data` is where its emergency account is. */
const start = async (...args: readonly string[]): Promise<ExampleDevice & { readonly data: string }> => {
  const dir = temporaryFolder(t);
  const data = join(dir, 'data');
  const device = await startExample(t, 'kerberos-device', dir, ['--data', data, '--keytab', keytab, ...args]);
  return Object.assign(device, { data });
};
const emergency = ({ data }: { readonly data: string }): string =>
  `emergency:${readFileSync(join(data, 'emergency-password.txt'), 'utf8').trim()}`;

const device = await start('--kdc', `REALM1.EXAMPLE=${direct}`);

const refused = async (
  t: Test,
  who: string,
  status: number,
  result: string,
  at = device,
): Promise<string> => {
  const { status: got, text } = await at.settings(who);
  t.equal(got, status, `${result}: ${who}`);
  t.match(text, `<p class="${result}">`);
  return text;
};

await t.test('the right is that of the ticket, over UDP and TCP, and through a KDC proxy', async (t) => {
  const ca = join(kdc.dir, 'data', 'ca.pem');
  const viaProxy = await start('--kdc', `REALM1.EXAMPLE=${proxied}`, '--ca', ca);
  const overTcp = await start('--kdc', `REALM1.EXAMPLE=tcp/${direct}`);
  for (const one of [device, overTcp, viaProxy]) {
    t.match(await one.settings(as('alice')), { status: 200, text: /alice@REALM1\.EXAMPLE, Administrator/ });
    t.match(await one.settings('bob@REALM1.EXAMPLE:bob.Pass1'), { status: 200, text: /bob@.*, Viewer/ });
    t.equal((await one.settings('bob:bob.Pass1', { form: { ringtone: 'x' } })).status, 403);
    await refused(t, 'bob:wrong', 401, 'refused', one);
  }
  const told = await findEvent(kdc, 0, {
    exchange: 'TGS',
    outcome: 'issued',
    client: 'alice@REALM1.EXAMPLE',
  });
  t.match(told, { server: /^host\/phone2/, right: 'Administrator' });
  t.notMatch(kdc.log(), '"exchange":"login"', 'the login proxy has nothing to do with it');
});

await t.test('each refusal is told what it is, and opens no emergency account', async (t) => {
  await refused(t, as('carl'), 403, 'no_right');
  await refused(t, as('stage'), 403, 'no_right');
  t.equal(
    await refused(t, 'bob:wrong', 401, 'refused'),
    await refused(t, 'nobody:wrong', 401, 'refused'),
    'who has an account is not told',
  );
  await refused(t, 'bob@ELSEWHERE:wrong', 401, 'refused');
  await refused(t, 'REALM1.EXAMPLE\\:x', 401, 'refused');
  t.match(await refused(t, 'bob@realm1.example:x', 401, 'realm_hint'), '<b>REALM1.EXAMPLE\\</b>');
  t.match(await refused(t, emergency(device), 401, 'refused'), 'emergency account is closed');
  await kdc.disable('dave');
  await refused(t, as('dave'), 403, 'locked');
  await kdc.expirePassword('erin');
  await refused(t, as('erin'), 403, 'expired_password');
});

await t.test('a KDC that knows the passwords, and not the key of the device, is unmasked', async (t) => {
  const evil = await startRealmwardKdc(t, config);
  const misled = await start('--kdc', `REALM1.EXAMPLE=127.0.0.1:${evil.port}`);
  t.match(await refused(t, as('alice'), 401, 'refused', misled), 'is not the realm of this device');
  await findEvent(evil, 0, { exchange: 'TGS', outcome: 'issued', client: 'alice@REALM1.EXAMPLE' });
  t.match(await refused(t, emergency(misled), 401, 'refused', misled), 'closed');
});

await t.test('when no KDC answers, the emergency account works, and nobody else', async (t) => {
  await kdc.stop();
  await refused(t, 'bob:not.remembered', 503, 'unreachable');
  t.match(await device.settings(emergency(device)), { status: 200, text: /emergency, Administrator/ });
  await refused(t, 'emergency:wrong', 401, 'refused');
  await kdc.restart();
  await refused(t, emergency(device), 401, 'refused');
});

await t.test('refuses to start without what it needs', async (t) => {
  const ends = async (args: readonly string[], says: string): Promise<void> => {
    const { daemon } = await startExample(t, 'kerberos-device', temporaryFolder(t), args, { ready: false });
    while (daemon.ended() === undefined) await sleep(20);
    t.equal(daemon.ended(), 1);
    t.match(daemon.log(), says);
  };
  await ends([], '--keytab is missing');
  await ends(['--keytab', keytab, '--kdc', 'OTHER=127.0.0.1'], '--kdc REALM1.EXAMPLE=… is missing');
  await ends(['--keytab', join(kdc.dir, 'data', 'ca.pem')], 'keytab');
});
