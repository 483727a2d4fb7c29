/** examples/device: a device that asks the login proxy, as a process of its own, against a realm that runs. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { makeApReq } from '../../src/ap/ap-req.ts';
import { getInitialTicket, getServiceTicket, nameOf, parsePrincipal } from '../../src/client/index.ts';
import { readKeytab } from '../../src/codec/keytab.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { findEvent } from '../support/event-log.ts';
import {
  type ExampleDevice,
  LOCAL_CA,
  localCertificate,
  type Page,
  startExample,
  urlOf,
  visit,
} from '../support/example-device.ts';
import { startHttps } from '../support/kdc-proxy.ts';
import { startRealmwardKdc } from '../support/realmward-kdc.ts';
import { temporaryFolder } from '../support/run.ts';
import { TwoRealms } from '../support/two-realms.ts';

t.setTimeout(240_000);

const user = (name: string, right?: 'Administrator' | 'Viewer' | 'Join-Realm') => ({
  name,
  password: `${name}.Pass1`,
  ...(right === undefined ? {} : { right }),
});
const as = (name: string, realm = 'REALM1.EXAMPLE'): string => `${realm}\\${name}:${name}.Pass1`;

const kdc = await startRealmwardKdc(t, {
  users: [
    user('alice', 'Administrator'),
    user('bob', 'Viewer'),
    user('carl'),
    user('dave', 'Viewer'),
    user('erin', 'Viewer'),
    user('stage', 'Join-Realm'),
  ],
  https: { names: ['127.0.0.2'] },
});
const realmUrl = `https://127.0.0.2:${kdc.port}`;
const caFile = join(kdc.dir, 'data', 'ca.pem');
const dir = temporaryFolder(t);
const data = join(dir, 'data');
const tokenFile = join(dir, 'join.token');
await kdc.cli(['token', 'create', '--uses', '1', '--ttl', '1h', '--out', tokenFile]);

const start = (ready = true): Promise<ExampleDevice> =>
  startExample(
    t,
    'device',
    dir,
    ['--data', data, '--host', 'phone1', '--server', realmUrl, '--ca', caFile, '--token-file', tokenFile],
    { ready },
  );
const emergency = (): string =>
  `emergency:${readFileSync(join(data, 'emergency-password.txt'), 'utf8').trim()}`;

/** Asserts status and class of the page with which somebody is not let in; gives it. */
const refused = async (t: Test, page: Promise<Page>, status: number, result: string): Promise<string> => {
  const { status: got, text, headers } = await page;
  t.equal(got, status, result);
  t.match(text, `<p class="${result}">`);
  t.equal(
    headers['www-authenticate'] !== undefined,
    status === 401,
    'asks for another password with 401 alone',
  );
  return text;
};

let device: ExampleDevice;

await t.test('a device that starts before its realm joins it when it is there, once', async (t) => {
  await kdc.stop();
  device = await start(false);
  while (!device.daemon.log().includes('does not answer')) await sleep(20);
  await kdc.restart();
  device.url = await urlOf(device.daemon);
  t.match(device.daemon.log(), `phone1 of REALM1.EXAMPLE: ${device.url}`);
  for (const file of ['device.keytab', 'identity.json', 'emergency.json', 'emergency-password.txt'])
    t.equal(statSync(join(data, file)).mode & 0o777, 0o600, file);
  t.equal(statSync(data).mode & 0o777, 0o700);
  const [entry] = readKeytab(readFileSync(join(data, 'device.keytab')));
  t.same(entry?.name.nameString, ['host', 'phone1']);
  t.notMatch(readFileSync(join(data, 'emergency.json'), 'utf8'), emergency().slice('emergency:'.length));

  await device.daemon.stop();
  t.equal(device.daemon.ended(), 0);
  rmSync(tokenFile);
  device = await start();
  const { stdout } = await kdc.cli(['device', 'show', 'phone1', '--json']);
  t.match(JSON.parse(stdout), { host: 'phone1', joinedBy: /^token / });
});

await t.test('an Administrator changes settings, a Viewer sees them', async (t) => {
  const change = (name: string, headers = {}): Promise<Page> =>
    device.settings(as(name), { form: { ringtone: `of ${name} <>` }, headers });
  const { status, text } = await device.settings(as('alice'));
  t.equal(status, 200);
  t.match(text, 'alice@REALM1.EXAMPLE, Administrator');
  t.match((await change('alice')).text, 'value="of alice &#60;&#62;"');
  const viewer = await device.settings('bob@REALM1.EXAMPLE:bob.Pass1');
  t.equal(viewer.status, 200);
  t.match(viewer.text, 'bob@REALM1.EXAMPLE, Viewer');
  t.match(viewer.text, 'of alice');
  t.equal((await change('bob')).status, 403);
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }])
    t.equal((await change('alice', headers)).status, 403, 'from the page of somebody else');
  t.equal((await change('alice', { origin: device.url })).status, 200);
  t.match((await device.settings(as('bob'))).text, 'of alice');
  await findEvent(kdc, 0, { exchange: 'login', outcome: 'granted', client: 'alice@REALM1.EXAMPLE' });
  const { outcome } = await findEvent(kdc, 0, { exchange: 'login', client: 'bob@REALM1.EXAMPLE' });
  t.equal(outcome, 'granted');
});

await t.test('a login is asked about once for a while, and its secret is the one that counts', async (t) => {
  const before = (await granted()).length;
  for (let i = 0; i < 3; i++) t.equal((await device.settings('alice:alice.Pass1')).status, 200);
  t.equal((await device.settings('alice:alice.Pass2')).status, 401);
  await findEvent(kdc, 0, { exchange: 'login', outcome: 'refused' });
  t.equal((await granted()).length, before + 1);
});

/** Lines of the realm's log about logins of alice that were granted. */
async function granted(): Promise<string[]> {
  return kdc
    .log()
    .split('\n')
    .filter(
      (line) => line.includes('"exchange":"login"') && line.includes('"granted"') && line.includes('alice@'),
    );
}

await t.test('each refusal is told what it is, and opens no emergency account', async (t) => {
  t.equal((await visit(device.url)).status, 200);
  const anonymous = await device.settings();
  t.equal(anonymous.status, 401);
  t.match(anonymous.headers['www-authenticate'], /^Basic /);
  for (const broken of ['Basic', 'Basic !', 'Basic Zm9v', 'Bearer x'])
    t.equal((await device.settings(undefined, { headers: { authorization: broken } })).status, 401, broken);
  t.equal((await visit(`${device.url}/other`)).status, 404);
  t.equal((await visit(`${device.url}//`)).status, 404);

  t.match(
    await refused(t, device.settings(as('carl')), 403, 'no_right'),
    /carl@REALM1\.EXAMPLE .*<li>S-1-5-21-/s,
  );
  await refused(t, device.settings(as('stage')), 403, 'no_right');
  await refused(t, device.settings('bob:wrong'), 401, 'refused');
  await refused(t, device.settings('nobody:wrong'), 401, 'refused');
  await refused(t, device.settings('bob@ELSEWHERE:wrong'), 401, 'refused');
  const hint = await refused(t, device.settings('realm1.example\\bob:bob.Pass1'), 401, 'realm_hint');
  t.match(hint, '<b>REALM1.EXAMPLE\\</b>');
  t.match(await refused(t, device.settings(emergency()), 401, 'refused'), 'emergency account is closed');
  await kdc.disable('dave');
  await refused(t, device.settings(as('dave')), 403, 'locked');
  await kdc.expirePassword('erin');
  t.match(
    await refused(t, device.settings(as('erin')), 403, 'expired_password'),
    'href="/login-at-realm"',
    'and there is a way to choose a new one',
  );
});

await t.test(
  'a browser logs in at the page of the realm, and the device never sees the password',
  async (t) => {
    /** Logs in as `name` at the page that the device has sent the browser to; where it is sent back to, and the browser's cookie for the device. */
    const logIn = async (name: string): Promise<{ back: string; cookie: string }> => {
      const sent = await visit(`${device.url}/login-at-realm`);
      t.equal(sent.status, 303);
      const cookie = cookieOf(sent);
      t.match(sent.headers['set-cookie']?.[0], /^__Host-login=.*; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
      const url = new URL(sent.headers['location'] as string);
      t.equal(url.origin, realmUrl);
      const page = await visit(url);
      const inputs = Array.from(page.text.matchAll(/<input[^>]*>/gs), ([input]) => [
        /name="([^"]*)"/.exec(input)?.[1] ?? '',
        (/value="([^"]*)"/.exec(input)?.[1] ?? '').replace(/&#(\d+);/g, (_, code) =>
          String.fromCharCode(Number(code)),
        ),
      ]);
      const done = await visit(new URL('/login', url), {
        form: { ...Object.fromEntries(inputs), user: name, password: `${name}.Pass1` },
        headers: { cookie: cookieOf(page), origin: url.origin },
      });
      t.equal(done.status, 303, done.text);
      return { back: done.headers['location'] as string, cookie };
    };
    const { back, cookie } = await logIn('bob');
    t.ok(back.startsWith(`${device.url}/logged-in?code=`));
    t.equal((await visit(back)).status, 403, 'in another browser the code is worth nothing');
    const arrived = await visit(back, { headers: { cookie } });
    t.equal(arrived.status, 303);
    t.equal(arrived.headers['location'], '/settings');
    const session = (arrived.headers['set-cookie'] as string[]).find((one) =>
      one.startsWith('__Host-session='),
    );
    const { status, text } = await device.settings(undefined, {
      headers: { cookie: session?.split(';')[0] ?? '' },
    });
    t.equal(status, 200);
    t.match(text, 'bob@REALM1.EXAMPLE, Viewer');
    await refused(t, visit(back, { headers: { cookie } }), 401, 'refused');
    t.equal((await device.settings(undefined, { headers: { cookie: '__Host-session=guess' } })).status, 401);

    const given = await visit(`${device.url}/login-at-realm`);
    const state = cookieOf(given).split('=')[1] ?? '';
    const up = await visit(`${device.url}/logged-in?error=access_denied&state=${state}`, {
      headers: { cookie: cookieOf(given) },
    });
    t.match(up, { status: 303, headers: { location: '/' } }, 'who gives up comes back to the start');
  },
);

function cookieOf({ headers }: Page): string {
  return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

await t.test('when the realm is gone, the emergency account works, and nobody else', async (t) => {
  await kdc.stop();
  t.match(await refused(t, device.settings('bob:not.remembered'), 503, 'unreachable'), 'emergency account');
  const { status, text } = await device.settings(emergency());
  t.equal(status, 200);
  t.match(text, 'Logged in as emergency, Administrator');
  await refused(t, device.settings('emergency:wrong'), 401, 'refused');
  await refused(t, device.settings(emergency().replace('emergency', 'bob')), 503, 'unreachable');
  t.equal((await visit(`${device.url}/login-at-realm`)).status, 503);
  await kdc.restart();
  await refused(t, device.settings(emergency()), 401, 'refused');
  t.equal((await device.settings('bob:bob.Pass1')).status, 200, 'and with the realm everything is as it was');
});

await t.test(
  'a server that lies is believed nothing that the key of the device does not prove',
  async (t) => {
    // It has a certificate that the device takes, and passes on what it likes.
    interface Told {
      readonly status: number;
      readonly body: string;
    }
    const asked: string[] = [];
    let answer = (real: () => Promise<Told>): Promise<Told> => real();
    const port = await startHttps(t, await localCertificate(), (request, response) => {
      void (async () => {
        let body = '';
        for await (const piece of request.setEncoding('utf8')) body += piece as string;
        asked.push(body);
        const told = await answer(() =>
          pass(request.url ?? '', request.headers.authorization ?? '', body, readFileSync(caFile)),
        );
        response.writeHead(told.status, { 'content-type': 'application/json' }).end(told.body);
      })();
    });
    const pass = (path: string, authorization: string, body: string, ca: Buffer): Promise<Told> =>
      new Promise((resolve, reject) => {
        const headers = { authorization, 'content-type': 'application/json' };
        const sent = requestHttps(`${realmUrl}${path}`, { method: 'POST', ca, agent: false, headers });
        sent.on('error', reject).on('response', (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        });
        sent.end(body);
      });
    const says = (status: number, body: object | string): void => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      answer = async () => ({ status, body: text });
    };

    await device.daemon.stop();
    const file = join(data, 'identity.json');
    const identity = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(
      file,
      JSON.stringify({ ...identity, servers: [`https://localhost:${port}`], ca: LOCAL_CA }),
    );
    device = await start();

    // The truth, in other words: only the ticket counts.
    let recorded = '';
    answer = async (real) => {
      const told = await real();
      recorded = told.body;
      const lie = { right: 'Administrator', principal: 'alice@REALM1.EXAMPLE' };
      return { status: 200, body: JSON.stringify({ ...(JSON.parse(told.body) as object), ...lie }) };
    };
    t.match((await device.settings(as('bob'))).text, 'bob@REALM1.EXAMPLE, Viewer');

    says(200, recorded);
    t.match(await refused(t, device.settings(as('alice')), 401, 'refused'), 'seen before');
    const ticket = await forgedTicket();
    says(200, { result: 'granted', right: 'Administrator', principal: 'alice@REALM1.EXAMPLE', ticket });
    t.match(
      await refused(t, device.settings(as('alice')), 401, 'refused'),
      /does not open with the service&#39;s key/,
    );
    for (const nonsense of ['', 'AAAA', undefined, 7]) {
      says(200, { result: 'granted', right: 'Administrator', ticket: nonsense });
      t.match(await refused(t, device.settings(as('alice')), 401, 'refused'), 'not proven');
    }

    // What it may say: how the device acts upon it.
    says(403, { result: 'clock', offset: -412, message: 'Clocks.', hint: 'Set them.' });
    t.match(await refused(t, device.settings(as('alice')), 403, 'clock'), '-412 seconds');
    says(403, { result: 'refused', message: '<b>', hint: '' });
    t.notMatch(await refused(t, device.settings(as('alice')), 401, 'refused'), '<b>');
    t.match(await refused(t, device.settings(emergency()), 401, 'refused'), 'closed');
    for (const [status, body] of [
      [401, { error: 'unauthenticated', message: 'Who are you?', hint: '' }],
      [429, { error: 'too-many-failures', message: 'Wait.', hint: '' }],
    ] as const) {
      says(status, body);
      await refused(t, device.settings(as('alice')), 401, 'refused');
      t.match(await refused(t, device.settings(emergency()), 401, 'refused'), 'closed', `${status}`);
    }
    for (const [status, body] of [
      [503, { result: 'unreachable', message: 'Nobody.', hint: '' }],
      [500, { error: 'internal-error', message: 'Oh.', hint: '' }],
      [502, '<html>'],
      [200, '"granted"'],
      [200, 'null'],
    ] as const) {
      says(status, body);
      await refused(t, device.settings(as('alice')), 503, 'unreachable');
      t.equal((await device.settings(emergency())).status, 200, `the emergency account works with ${status}`);
    }
    const password = emergency().slice('emergency:'.length);
    t.ok(
      asked.some((body) => body.includes('"emergency"')),
      'the realm is told that somebody tries it',
    );
    t.notOk(
      asked.some((body) => body.includes(password)),
      'its password leaves the device at no time',
    );
  },
);

/** An AP-REQ of a realm of the same name, whose device has the same name, and other keys. */
async function forgedTicket(): Promise<string> {
  const realms = await TwoRealms.create();
  realms.ours.add({ name: 'host/phone1' });
  await realms.ours.addUser('alice', 'Alice.pass1', { right: 'Administrator' });
  const context = realms.client();
  const tgt = await getInitialTicket(context, {
    client: parsePrincipal('alice@REALM1.EXAMPLE'),
    proof: { password: 'Alice.pass1' },
  });
  const { credential } = await getServiceTicket(context, tgt, { name: nameOf('host', 'phone1') });
  const clock = { microseconds: () => Date.now() * 1000 };
  return Buffer.from(makeApReq(nodeCrypto, clock, credential).message).toString('base64');
}

await t.test('a device that may not join says why, and ends', async (t) => {
  const wrongToken = join(dir, 'wrong.token');
  const options = { '--data': join(dir, 'other'), '--host': 'phone9', '--server': realmUrl, '--ca': caFile };
  const ends = async (change: Readonly<Record<string, string>>, says: RegExp | string): Promise<void> => {
    const args = Object.entries({ ...options, '--token-file': wrongToken, ...change }).flat();
    const { daemon } = await startExample(t, 'device', dir, args, { ready: false });
    while (daemon.ended() === undefined) await sleep(20);
    t.equal(daemon.ended(), 1);
    t.match(daemon.log(), says);
  };
  writeFileSync(wrongToken, 'no-such-token');
  await ends({}, /^The realm refuses to join phone9: .*\n$/);
  await ends({ '--token-file': caFile }, 'holds no join token');
  await ends({ '--server': 'http://127.0.0.2' }, 'an https:// address');
  await ends({ '--colour': 'red' }, "Unknown option '--colour'");
});
