/** Devices that joined over HTTPS, with curl and MIT's programs: what their keys are good for, and when no more. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { requireRealmward } from '../../support/kdc.ts';
import {
  curl,
  curlJoin,
  JOIN_SERVER,
  saveKeytab,
  STAGE_PASSWORD,
  startJoinServer,
} from '../../support/join-server.ts';
import { requirePeer } from '../../support/peers.ts';
import { newSession } from '../../support/session.ts';

const STAGE = ['--user', `stage:${STAGE_PASSWORD}`];
const NEGOTIATE = ['--negotiate', '--user', ':'];

await t.test('a device that joined over HTTPS', async (t) => {
  if (!requirePeer(t, 'mit-client', 'curl') || !requireRealmward(t)) return;
  const server = await startJoinServer(t);
  const { kdc } = server;
  const alice = newSession(kdc);
  await alice.kinit(['alice'], 'Alice.pass1');
  const cliOk = async (...args: string[]): Promise<void> => {
    const { code, output } = await kdc.cli(args);
    if (code !== 0) throw new Error(output);
    // What another process changes, the server knows within one second.
    await sleep(1000);
  };

  await t.test('logs in with its keytab, and administrators get tickets that it opens', async (t) => {
    const device = newSession(kdc);
    const keytab = saveKeytab(
      await curlJoin(server, device, { host: 'D1' }, ...STAGE),
      join(kdc.dir, 'd1.keytab'),
    );
    const { code, output } = await device.kinit(['-k', '-t', keytab, 'host/d1']);
    t.equal(code, 0, output);
    const opened = await alice.run('kvno', ['-k', keytab, 'host/d1']);
    t.match(opened.output, /kvno = 1, keytab entry valid/);
  });

  await t.test(
    'gives itself new keys with its own ticket, or its token; the old ones still open tickets',
    async (t) => {
      const device = newSession(kdc);
      const first = await curlJoin(server, device, { host: 'd2', http: true }, ...STAGE);
      const keytab = saveKeytab(first, join(kdc.dir, 'd2.keytab'));
      await alice.run('kvno', ['host/d2']);
      await device.kinit(['-k', '-t', keytab, 'host/d2']);
      const again = await curlJoin(server, device, {}, ...NEGOTIATE);
      t.match(again, {
        status: 200,
        body: { device: { host: 'd2', kvno: 2, joinedBy: `stage@${kdc.realm}` } },
      });
      const newer = saveKeytab(again, join(kdc.dir, 'd2-new.keytab'));
      t.equal((await newSession(kdc).kinit(['-k', '-t', newer, 'host/d2'])).code, 0);
      t.equal(
        (await newSession(kdc).kinit(['-k', '-t', keytab, 'host/d2'])).code,
        1,
        'nobody logs in with an old key',
      );
      t.match((await alice.run('kvno', ['-k', keytab, 'host/d2'])).output, /kvno = 1, keytab entry valid/);
      const bearer = ['--header', `Authorization: Bearer ${again.body.token}`];
      t.match(await curlJoin(server, device, {}, ...bearer), { status: 200, body: { device: { kvno: 3 } } });
      t.match(await curlJoin(server, device, { host: 'd1' }, ...bearer), {
        status: 403,
        body: { error: 'not-its-own-name' },
      });
      const { stdout } = await kdc.cli(['device', 'show', 'd2', '--json']);
      t.match(JSON.parse(stdout), { lastSeen: String, kvno: 3, joinedFrom: '127.0.0.1' });
    },
  );

  await t.test('is not taken over by who may join new ones alone', async (t) => {
    const stage = newSession(kdc);
    await stage.kinit(['stage'], STAGE_PASSWORD);
    for (const as of [STAGE, NEGOTIATE])
      t.match(await curlJoin(server, stage, { host: 'd1' }, ...as), {
        status: 409,
        body: { error: 'already-joined' },
      });
    t.match(await curlJoin(server, stage, { host: 'd3' }, ...NEGOTIATE), { status: 200 }, 'a new one may be');
    t.match(await curlJoin(server, alice, { host: 'd3' }, ...NEGOTIATE), {
      status: 200,
      body: { device: { kvno: 2, joinedBy: `alice@${kdc.realm}` } },
    });
  });

  for (const [how, change] of [
    ['removed', ['device', 'remove', '--yes']],
    ['disabled', ['device', 'disable']],
  ] as const) {
    const host = `gone-${how}`;
    await t.test(
      `is nobody from the moment that it is ${how}: key, tickets, renewals and token`,
      async (t) => {
        const device = newSession(kdc);
        const joined = await curlJoin(server, device, { host }, ...STAGE);
        const keytab = saveKeytab(joined, join(kdc.dir, `${host}.keytab`));
        const bearer = ['--header', `Authorization: Bearer ${joined.body.token}`];
        await device.kinit(['-k', '-t', keytab, '-r', '1d', `host/${host}`]);
        t.equal((await device.run('kvno', [`HTTP/${JOIN_SERVER}`])).code, 0);
        await alice.run('kvno', [`host/${host}`]);

        const [verb, ...rest] = change;
        await cliOk(verb, ...rest, host);
        t.equal((await newSession(kdc).kinit(['-k', '-t', keytab, `host/${host}`])).code, 1, 'its key');
        t.equal((await device.run('kinit', ['-R'])).code, 1, 'a renewal of its ticket-granting ticket');
        t.equal((await device.run('kvno', ['host/d1'])).code, 1, 'that ticket at the TGS');
        t.equal(
          (await curlJoin(server, device, {}, ...NEGOTIATE)).status,
          401,
          'a service ticket that it has',
        );
        t.equal((await curlJoin(server, device, {}, ...bearer)).status, 401, 'its token');
        const fresh = newSession(kdc);
        await fresh.kinit(['alice'], 'Alice.pass1');
        t.equal((await fresh.run('kvno', [`host/${host}`])).code, 1, 'nobody gets tickets for it');

        if (how === 'disabled') {
          await cliOk('device', 'enable', host);
          t.equal((await curlJoin(server, device, {}, ...bearer)).status, 200);
          return;
        }
        const anew = saveKeytab(
          await curlJoin(server, device, { host }, ...STAGE),
          join(kdc.dir, 'anew.keytab'),
        );
        t.equal((await device.run('kvno', ['host/d1'])).code, 1, 'a new device of the name is another one');
        t.equal((await curlJoin(server, device, {}, ...NEGOTIATE)).status, 401);
        t.equal((await newSession(kdc).kinit(['-k', '-t', anew, `host/${host}`])).code, 0);
      },
    );
  }

  await t.test('joins by realmward join, once; an Administrator joins it again', async (t) => {
    const keytab = join(kdc.dir, 'cli.keytab');
    const joins = (user: string, password: string, ...more: string[]) =>
      kdc.cli(
        [
          ...[
            'join',
            '--server',
            server.addressUrl,
            '--ca',
            server.ca,
            '--host',
            'CLI-1',
            '--keytab',
            keytab,
          ],
          ...['--user', user, '--password-stdin', ...more],
        ],
        `${password}\n`,
      );
    const first = await joins('stage', STAGE_PASSWORD, '--model', 'phone');
    t.equal(first.code, 0, first.output);
    t.match(first.stdout, `Joined host/cli-1@${kdc.realm}: key version 1`);
    t.equal((await newSession(kdc).kinit(['-k', '-t', keytab, 'host/cli-1'])).code, 0);
    t.match((await joins('stage', STAGE_PASSWORD)).stdout, /nothing was done/);
    t.equal((await joins('stage', STAGE_PASSWORD, '--again')).code, 4, 'not by who joined it');
    t.equal((await joins('bob', 'Bob.pass1', '--again')).code, 6);
    const again = await joins('alice', 'Alice.pass1', '--again');
    t.match(again.stdout, /key version 2/);
    t.equal((await newSession(kdc).kinit(['-k', '-t', keytab, 'host/cli-1'])).code, 0);
  });

  await t.test('a Join-Realm account gets nowhere else', async (t) => {
    const stage = newSession(kdc);
    await stage.kinit(['stage'], STAGE_PASSWORD);
    t.equal(
      (await stage.run('kvno', [`HTTP/${JOIN_SERVER}`])).code,
      0,
      'but to the server that it joins devices at',
    );
    for (const service of ['host/d1', 'kadmin/changepw'])
      t.equal((await stage.run('kvno', [service])).code, 1, service);
    for (const path of ['/v1/login', '/v1/login/start', '/v1/login/redeem']) {
      for (const as of [STAGE, NEGOTIATE]) {
        const { status } = await curl(server, stage, path, '--json', '{}', ...as);
        t.ok([401, 403, 404].includes(status), `${path}: ${status}`);
      }
    }
    const bob = newSession(kdc);
    await bob.kinit(['bob'], 'Bob.pass1');
    t.match(await curlJoin(server, bob, { host: 'd9' }, ...NEGOTIATE), {
      status: 403,
      body: { error: 'may-not-join' },
    });
  });
});
