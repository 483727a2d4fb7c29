import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import {
  bearerHash,
  type DeviceAccounts,
  type JoinCredential,
  joinDevice,
  type Joined,
} from '../../src/accounts/devices.ts';
import { disableDevice, enableDevice, removeDevice } from '../../src/accounts/device-life.ts';
import { createJoinToken } from '../../src/accounts/join-tokens.ts';
import { removeAccount } from '../../src/accounts/life.ts';
import { createService } from '../../src/accounts/services.ts';
import { createUser } from '../../src/accounts/users.ts';
import { toHex } from '../../src/base/bytes.ts';
import { Key } from '../../src/base/key.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { Store } from '../../src/store/open.ts';
import { present } from '../support/present.ts';
import type { Scope } from '../support/run.ts';
import { storeProcess } from '../support/store-process.ts';
import { STORE_REALM, temporaryStore } from '../support/temporary-store.ts';

const HOUR = 3600;
const ADMIN: JoinCredential = { kind: 'administrator', name: 'alice@REALM1.EXAMPLE' };
const STAGE: JoinCredential = { kind: 'join-account', name: 'stage@REALM1.EXAMPLE' };
/** The device that has that name now. */
const itself = async ({ principals }: Store, host: string): Promise<JoinCredential> => ({
  kind: 'device',
  host,
  rid: (await principals.find(`host/${host}`))?.rid ?? 0,
});
const FROM = '192.0.2.7';

async function realm(t: Scope, data?: string) {
  const clock = { now: 1_800_000_000, microseconds: () => clock.now * 1_000_000 };
  const store = await temporaryStore(t, { clock, ...(data === undefined ? {} : { data }) });
  const accounts: DeviceAccounts & Pick<Store, 'joinTokens'> = {
    realm: STORE_REALM,
    principals: store.principals,
    devices: store.devices,
    joinTokens: store.joinTokens,
    crypto: nodeCrypto,
    clock,
    etypes: [20, 19, 18, 17],
    passwordLength: 8,
    reservedHosts: ['realm.example'],
    maxTicketLife: 10 * HOUR,
  };
  return { accounts, store, clock };
}

const secrets = ({ keys }: Joined): string[] => keys.map(({ key }) => toHex(key.key.bytes));
const kvnos = (keys: readonly { kvno: number }[]): number[] => [...new Set(keys.map(({ kvno }) => kvno))];
const countRows = (store: { data: string }, table: string): unknown => {
  const db = new DatabaseSync(join(store.data, 'store.sqlite'), { readOnly: true });
  const row = db.prepare(`select count(*) as n from ${table}`).get();
  db.close();
  return row?.['n'];
};

await t.test('a device that joins', async (t) => {
  const { accounts, store, clock } = await realm(t);

  await t.test(
    'gets a principal with random keys of every etype, and a record of who joined it',
    async (t) => {
      const joined = await joinDevice(accounts, STAGE, {
        host: 'SN-0001',
        serial: 'SN-0001',
        model: 'phone',
        from: FROM,
        token: true,
      });
      const device = {
        host: 'sn-0001',
        serial: 'SN-0001',
        model: 'phone',
        joined: clock.now,
        joinedBy: 'stage@REALM1.EXAMPLE',
        joinedFrom: FROM,
        lastSeen: undefined,
      };
      t.same(joined.device, device);
      t.equal(joined.repeated, false);
      t.same(
        joined.keys.map(({ name, key }) => [name, key.kvno, key.key.etype]),
        [20, 19, 18, 17].map((etype) => ['host/sn-0001', 1, etype]),
      );
      const principal = present(await store.principals.find('host/sn-0001'));
      t.match(principal, { kind: 'service', right: undefined, disabled: false });
      t.same(
        principal.keys.map(({ key }) => toHex(key.bytes)),
        secrets(joined),
      );
      t.same(await store.devices.summary('sn-0001'), {
        ...device,
        disabled: false,
        kvno: 1,
        etypes: [20, 19, 18, 17],
        keysMade: clock.now,
        http: false,
      });
      const active = { ...device, rid: present(await store.principals.find('host/sn-0001')).rid };
      t.same(await store.deviceDirectory.find('sn-0001'), active);
      t.same(await store.deviceDirectory.findByToken(bearerHash(present(joined.token))), active);
      t.equal(await store.deviceDirectory.findByToken(bearerHash('another')), undefined);
      t.equal(await store.deviceDirectory.find('SN-0001'), undefined, 'the record has one name');
    },
  );

  await t.test('gets keys of the etypes that it asks for, and HTTP/ beside host/', async (t) => {
    const { keys } = await joinDevice(accounts, STAGE, {
      host: 'web1',
      etypes: [18, 17, 18],
      http: true,
      from: FROM,
    });
    t.same(
      keys.map(({ name, key }) => [name, key.key.etype]),
      [
        ['host/web1', 18],
        ['host/web1', 17],
        ['HTTP/web1', 18],
        ['HTTP/web1', 17],
      ],
    );
    t.equal(new Set(keys.map(({ key }) => toHex(key.key.bytes))).size, 4, 'each a key of its own');
  });

  await t.test('may bring keys of its own', async (t) => {
    const key = { key: nodeCrypto.randomKey(18), salt: undefined, s2kparams: undefined };
    const joined = await joinDevice(accounts, STAGE, { host: 'own1', keys: [key], http: true, from: FROM });
    t.same(secrets(joined), [toHex(key.key.bytes), toHex(key.key.bytes)]);
    const bad = (etype: number, bytes: Uint8Array, twice = false) => {
      const one = { ...key, key: new Key(etype, bytes) };
      const keys = twice ? [one, one] : [one];
      return joinDevice(accounts, STAGE, { host: 'own2', keys, from: FROM });
    };
    await t.rejects(bad(18, new Uint8Array(32)), { code: 'bad-keys' }, 'all zero');
    await t.rejects(bad(18, new Uint8Array(32).fill(7)), { code: 'bad-keys' }, 'all the same');
    await t.rejects(bad(18, nodeCrypto.randomBytes(31)), { code: 'bad-keys' }, 'too short');
    await t.rejects(bad(23, nodeCrypto.randomBytes(16)), { code: 'unsupported-etype' }, 'RC4');
    await t.rejects(bad(17, nodeCrypto.randomBytes(16), true), { code: 'bad-keys' }, 'two of one etype');
    await t.rejects(joinDevice(accounts, STAGE, { host: 'own2', keys: [], from: FROM }), {
      code: 'bad-keys',
    });
    await t.rejects(joinDevice(accounts, STAGE, { host: 'own2', etypes: [], from: FROM }), {
      code: 'unsupported-etype',
    });
    t.equal(await store.principals.find('host/own2'), undefined, 'and nothing is left of it');
  });

  await t.test('has a host name, in one canonical form, that is nobody else’s', async (t) => {
    const code = async (host: string): Promise<string> => {
      const error = await joinDevice(accounts, STAGE, { host, from: FROM }).then(
        () => new Error('joined'),
        (error: unknown) => error,
      );
      return (error as { code?: string }).code ?? 'joined';
    };
    const bad = [
      '',
      '.',
      'a.',
      '.a',
      '-a',
      'a-',
      'a b',
      'a/b',
      'a@b',
      'a\\b',
      'ä',
      '\u212a1',
      'a\0',
      '192.0.2.1',
    ];
    for (const host of [...bad, 'a'.repeat(64), `${'a.'.repeat(126)}aa`])
      t.equal(await code(host), 'bad-host', host);
    for (const host of ['realm.example', 'REALM.example', 'localhost'])
      t.equal(await code(host), 'reserved-name', host);
    for (const host of ['1234567', 'a_b-c.d', 'a'.repeat(63)]) t.equal(await code(host), 'joined', host);
    for (const host of ['sn-0001', 'Sn-0001']) t.equal(await code(host), 'already-joined', host);
    await createService(accounts, { name: 'host/Mixed' });
    t.equal(
      await code('mixed'),
      'exists',
      'CVE-2025-4404: not beside a service whose name differs in letter case',
    );
  });

  await t.test('is never one that exists as something else', async (t) => {
    await createService(accounts, { name: 'host/made' });
    await createService(accounts, { name: 'HTTP/made2' });
    await createUser(accounts, { name: 'host/person', password: 'Passw0rd!' });
    await t.rejects(joinDevice(accounts, STAGE, { host: 'made', from: FROM }), { code: 'exists' });
    await t.rejects(joinDevice(accounts, STAGE, { host: 'made2', http: true, from: FROM }), {
      code: 'exists',
    });
    await t.rejects(joinDevice(accounts, ADMIN, { host: 'person', from: FROM }), { code: 'wrong-kind' });
    t.equal(await store.principals.find('host/made2'), undefined, 'all or nothing');
    t.match(await joinDevice(accounts, STAGE, { host: 'made2', from: FROM }), { repeated: false });
    t.match(await joinDevice(accounts, ADMIN, { host: 'made', from: FROM }), {
      keys: [{ name: 'host/made', key: { kvno: 2 } }],
    });
    t.match(await joinDevice(accounts, ADMIN, { host: 'made2', http: true, from: FROM }), {
      keys: { length: 8 },
    });
  });
});

await t.test('joining again', async (t) => {
  const { accounts, store, clock } = await realm(t);
  const first = await joinDevice(accounts, STAGE, {
    host: 'd1',
    http: true,
    model: 'phone',
    from: FROM,
    token: true,
  });
  const before = present(await store.principals.find('host/d1'));
  const works = async (token: string | undefined): Promise<boolean> =>
    (await store.deviceDirectory.findByToken(bearerHash(present(token)))) !== undefined;

  await t.test('is not for a Join-Realm account, nor for a token: no device is taken over', async (t) => {
    const { joinToken } = await createJoinToken(accounts, { uses: 1, ttl: HOUR });
    for (const by of [STAGE, { kind: 'join-token', id: joinToken.id } as const]) {
      await t.rejects(joinDevice(accounts, by, { host: 'D1', from: FROM }), { code: 'already-joined' });
    }
    t.match(await store.joinTokens.list(), [{ used: 0 }], 'nor does it cost a use');
    t.same(await store.principals.find('host/d1'), before);
    t.ok(await works(first.token));
  });

  await t.test('is for the device itself, and lets its old keys live as long as tickets may', async (t) => {
    await t.rejects(joinDevice(accounts, await itself(store, 'other'), { host: 'd1', from: FROM }), {
      code: 'not-its-own-name',
    });
    clock.now += HOUR;
    const again = await joinDevice(accounts, await itself(store, 'd1'), {
      host: 'd1',
      from: '192.0.2.8',
      token: true,
    });
    t.same(
      [...new Set(again.keys.map(({ name, key }) => `${name} ${key.kvno}`))],
      ['host/d1 2', 'HTTP/d1 2'],
    );
    const after = present(await store.principals.find('host/d1'));
    t.equal(after.id, before.id, 'it is the same account');
    t.same(kvnos(after.keys), [2, 1]);
    t.match(again.device, {
      joined: clock.now - HOUR,
      joinedBy: 'stage@REALM1.EXAMPLE',
      joinedFrom: FROM,
      model: 'phone',
    });
    t.ok(await works(first.token), 'the token before stays good until it is known that the new one arrived');
    t.ok(await works(again.token));
    t.notOk(await works(first.token));
    clock.now += 10 * HOUR + 1;
    await joinDevice(accounts, await itself(store, 'd1'), { host: 'd1', from: FROM, etypes: [17] });
    t.same(kvnos(present(await store.principals.find('host/d1')).keys), [3, 2]);
    await joinDevice(accounts, await itself(store, 'd1'), { host: 'd1', from: FROM });
    const { keys } = present(await store.principals.find('host/d1'));
    t.same(
      keys.filter(({ kvno }) => kvno === 4).map(({ key }) => key.etype),
      [17],
      'of the etypes that it has',
    );
  });

  await t.test('again and again does not make a principal grow without bound', async (t) => {
    for (let i = 0; i < 10; i++)
      await joinDevice(accounts, await itself(store, 'd1'), { host: 'd1', from: FROM });
    t.equal(kvnos(present(await store.principals.find('host/d1')).keys).length, 8);
  });

  await t.test(
    'by an Administrator replaces the device: what the old one holds is worthless at once',
    async (t) => {
      const old = present(await store.principals.find('host/d1'));
      const held = await joinDevice(accounts, await itself(store, 'd1'), {
        host: 'd1',
        from: FROM,
        token: true,
      });
      await store.principals.change('host/d1', { maxLife: HOUR });
      const { device } = await joinDevice(accounts, ADMIN, { host: 'd1', from: '192.0.2.9' });
      t.match(device, {
        joined: clock.now,
        joinedBy: 'alice@REALM1.EXAMPLE',
        joinedFrom: '192.0.2.9',
        model: undefined,
      });
      const now = present(await store.principals.find('host/d1'));
      t.not(now.rid, old.rid, 'CVE-2021-42287: another account, so tickets of the old one are refused');
      t.equal(kvnos(now.keys).length, 1);
      t.equal(now.maxLife, HOUR);
      t.not(now.keys[0]?.kvno, held.keys[0]?.key.kvno);
      t.notOk(await works(held.token));
      t.equal(countRows(store, 'device'), 1);
      t.match(await store.devices.summary('d1'), { http: true });
    },
  );

  await t.test('gives nothing to a device that was replaced while its request was under way', async (t) => {
    // It proves who it is with its headers, and may send the body half a minute later.
    const old = await itself(store, 'd1');
    const { keys } = await joinDevice(accounts, ADMIN, { host: 'd1', from: FROM });
    await t.rejects(joinDevice(accounts, old, { host: 'd1', from: FROM, token: true }), {
      code: 'device-gone',
    });
    const now = present(await store.principals.find('host/d1'));
    t.same(kvnos(now.keys), [present(keys[0]).key.kvno]);
    t.equal(
      (await joinDevice(accounts, await itself(store, 'd1'), { host: 'd1', from: FROM })).repeated,
      false,
    );
  });
});

await t.test('a device that is switched off', async (t) => {
  const { accounts, store } = await realm(t);
  const { token } = await joinDevice(accounts, STAGE, { host: 'd1', http: true, from: FROM, token: true });
  await disableDevice(accounts, 'D1');

  await t.test('is nobody, with both its principals, until it is switched on', async (t) => {
    for (const name of ['host/d1', 'HTTP/d1']) t.match(await store.principals.find(name), { disabled: true });
    t.equal(await store.deviceDirectory.find('d1'), undefined);
    t.equal(await store.deviceDirectory.findByToken(bearerHash(present(token))), undefined);
    t.match(await store.devices.list(), [{ host: 'd1', disabled: true }]);
    for (const by of [ADMIN, STAGE, await itself(store, 'd1')])
      await t.rejects(joinDevice(accounts, by, { host: 'd1', from: FROM }), { code: 'device-disabled' });
    await enableDevice(accounts, 'd1');
    t.match(await store.deviceDirectory.findByToken(bearerHash(present(token))), { host: 'd1' });
  });

  await t.test('is nobody either when its principal has expired', async (t) => {
    await store.principals.change('host/d1', { expires: accounts.clock.microseconds() / 1e6 });
    t.equal(await store.deviceDirectory.find('d1'), undefined);
    await store.principals.change('host/d1', { expires: undefined });
  });
});

await t.test('a device that is removed', async (t) => {
  const { accounts, store } = await realm(t);
  const joinOne = () =>
    joinDevice(accounts, STAGE, { host: 'd1', http: true, from: FROM, token: true, requestId: 'a' });

  for (const [how, remove] of [
    ['as a device', () => removeDevice(accounts, 'd1')],
    ['as a service', () => removeAccount(accounts, 'host/d1')],
  ] as const) {
    await t.test(`${how} goes with principals, token and kept answer; its name is free`, async (t) => {
      const { token, keys } = await joinOne();
      await remove();
      for (const name of ['host/d1', 'HTTP/d1']) t.equal(await store.principals.find(name), undefined);
      t.equal(await store.deviceDirectory.find('d1'), undefined);
      t.equal(await store.deviceDirectory.findByToken(bearerHash(present(token))), undefined);
      for (const table of ['device', 'device_token', 'join_answer'])
        t.equal(countRows(store, table), 0, table);
      await t.rejects(joinDevice(accounts, await itself(store, 'd1'), { host: 'd1', from: FROM }), {
        code: 'device-gone',
      });
      const again = await joinOne();
      t.notSame(
        secrets(again),
        keys.map(({ key }) => toHex(key.key.bytes)),
      );
      await removeDevice(accounts, 'd1');
    });
  }

  await t.test('that was not there is told', async (t) => {
    for (const change of [removeDevice, disableDevice, enableDevice])
      await t.rejects(change(accounts, 'd1'), { code: 'not-found' });
  });
});

await t.test('a request that is sent again', async (t) => {
  const { accounts, store, clock } = await realm(t);
  const request = { host: 'd1', serial: '1', from: FROM, token: true, requestId: 'r-1' };
  const first = await joinDevice(accounts, STAGE, request);

  await t.test('gets the same answer, from another address and after a restart, too', async (t) => {
    clock.now += 599;
    const again = await joinDevice(accounts, STAGE, { ...request, host: 'D1', from: '192.0.2.99' });
    t.same({ ...again, keys: secrets(again) }, { ...first, keys: secrets(first), repeated: true });
    const other = await realm(t, store.data);
    other.clock.now = clock.now;
    const later = await joinDevice(other.accounts, STAGE, request);
    t.same(secrets(later), secrets(first));
    t.equal(kvnos(present(await store.principals.find('host/d1')).keys).length, 1);
  });

  await t.test(
    'gets it still when the master key was rotated meanwhile, from a store that shows no key',
    async (t) => {
      await store.rotateMasterKey();
      const again = await joinDevice(accounts, STAGE, request);
      t.same(secrets(again), secrets(first));
      const db = new DatabaseSync(join(store.data, 'store.sqlite'), { readOnly: true });
      const [row] = db.prepare('select answer from join_answer').all() as { answer: Uint8Array }[];
      db.close();
      const answer = Buffer.from(present(row).answer);
      for (const secret of [present(first.token), secrets(first)[0] as string])
        t.notOk(answer.includes(secret));
    },
  );

  await t.test('by somebody else, for another host, or with another id is another request', async (t) => {
    const stranger: JoinCredential = { kind: 'join-account', name: 'stage2@REALM1.EXAMPLE' };
    await t.rejects(joinDevice(accounts, stranger, request), { code: 'already-joined' });
    await t.rejects(joinDevice(accounts, await itself(store, 'other'), request), {
      code: 'not-its-own-name',
    });
    await t.rejects(joinDevice(accounts, STAGE, { ...request, requestId: 'r-2' }), {
      code: 'already-joined',
    });
    const other = await joinDevice(accounts, STAGE, { ...request, host: 'd2' });
    t.equal(other.repeated, false);
    t.notSame(secrets(other), secrets(first));
  });

  await t.test('with another body is refused', async (t) => {
    for (const change of [
      { serial: '2' },
      { model: 'x' },
      { http: true },
      { etypes: [18] },
      { token: false },
    ])
      await t.rejects(joinDevice(accounts, STAGE, { ...request, ...change }), { code: 'request-id-reused' });
    const key = () => [{ key: nodeCrypto.randomKey(18), salt: undefined, s2kparams: undefined }];
    const own = { host: 'd3', from: FROM, requestId: 'r', keys: key() };
    await joinDevice(accounts, STAGE, own);
    t.match(await joinDevice(accounts, STAGE, own), { repeated: true });
    await t.rejects(joinDevice(accounts, STAGE, { ...own, keys: key() }), { code: 'request-id-reused' });
  });

  await t.test('ten minutes later is a new request', async (t) => {
    clock.now += 1;
    await t.rejects(joinDevice(accounts, STAGE, request), { code: 'already-joined' });
    await joinDevice(accounts, STAGE, { host: 'd8', from: FROM });
    t.equal(
      countRows(store, "join_answer where device = (select principal from device where host = 'd1')"),
      0,
    );
  });

  await t.test('many times at once joins once', async (t) => {
    const burst = await Promise.all(
      Array.from({ length: 20 }, () => joinDevice(accounts, STAGE, { ...request, host: 'd9' })),
    );
    t.equal(burst.filter(({ repeated }) => !repeated).length, 1);
    t.equal(new Set(burst.map((one) => secrets(one).join())).size, 1);
  });
});

await t.test('a join token', async (t) => {
  const { accounts, store, clock } = await realm(t);
  const { token, joinToken } = await createJoinToken(accounts, { uses: 2, ttl: HOUR });
  const by: JoinCredential = { kind: 'join-token', id: joinToken.id };

  await t.test('is kept as a hash, and found by that alone', async (t) => {
    const hash = createHash('sha256').update(token).digest();
    t.equal(await store.joinTokens.find(hash, clock.now), joinToken.id);
    t.equal(await store.joinTokens.find(bearerHash(`${token}x`), clock.now), undefined);
    const db = new DatabaseSync(join(store.data, 'store.sqlite'), { readOnly: true });
    t.notOk(JSON.stringify(db.prepare('select * from join_token').all()).includes(token.slice(4)));
    db.close();
  });

  await t.test('joins as many devices as it says; a repeated request costs no use', async (t) => {
    const join = (host: string, requestId: string = randomUUID()) =>
      joinDevice(accounts, by, { host, from: FROM, requestId });
    t.match(await join('t1', 'a'), { device: { joinedBy: `token ${joinToken.id}` } });
    t.match(await join('t2', 'b'), { repeated: false });
    await t.rejects(join('t3'), { code: 'join-token-used' });
    t.equal(await store.principals.find('host/t3'), undefined);
    t.match(await join('t2', 'b'), { repeated: true }, 'used up, it still tells who asks');
    t.match(await store.joinTokens.list(), [{ id: joinToken.id, uses: 2, used: 2 }]);
  });

  await t.test('ends with its time, and with its revocation', async (t) => {
    const short = await createJoinToken(accounts, { uses: 1, ttl: 60 });
    const join = (id: string) => joinDevice(accounts, { kind: 'join-token', id }, { host: 't9', from: FROM });
    clock.now += 60;
    await t.rejects(join(short.joinToken.id), { code: 'join-token-used' });
    t.equal(await store.joinTokens.find(bearerHash(short.token), clock.now + 599), short.joinToken.id);
    t.equal(await store.joinTokens.find(bearerHash(short.token), clock.now + 600), undefined);
    const other = await createJoinToken(accounts, { uses: 1, ttl: HOUR });
    await store.joinTokens.revoke(other.joinToken.id);
    await t.rejects(join(other.joinToken.id), { code: 'join-token-used' });
    await t.rejects(store.joinTokens.revoke(other.joinToken.id), { code: 'not-found' });
    for (const wrong of [{ uses: 0 }, { uses: 1.5 }, { uses: 1e6 }, { ttl: 0 }, { ttl: 366 * 86_400 }])
      await t.rejects(createJoinToken(accounts, { uses: 1, ttl: HOUR, ...wrong }), {
        code: 'bad-join-token',
      });
  });

  await t.test('is not used more often by several servers at once', async (t) => {
    const many = await createJoinToken(accounts, { uses: 5, ttl: HOUR });
    const servers = [1, 2, 3].map((n) =>
      storeProcess(t, store.data, 'join', many.joinToken.id, `s${n}`, '4', String(clock.now)),
    );
    const counts = await Promise.all(servers.map((server) => server.line()));
    t.equal(
      counts.reduce((sum, count) => sum + Number(count), 0),
      5,
    );
    t.equal((await store.devices.list()).filter(({ host }) => /^s\d/.test(host)).length, 5);
  });
});

await t.test('when a device was seen is written behind the back of its request, to the minute', async (t) => {
  const { accounts, store, clock } = await realm(t);
  await joinDevice(accounts, STAGE, { host: 'd1', from: FROM });
  store.deviceDirectory.seen('d1', clock.now + 61);
  store.deviceDirectory.seen('gone', clock.now);
  await store.close();
  const other = await realm(t, store.data);
  t.match(await other.store.devices.list(), [{ host: 'd1', lastSeen: clock.now + 60 }]);
  other.store.deviceDirectory.seen('d1', clock.now);
  await other.store.close();
  const last = await realm(t, store.data);
  t.match(await last.store.devices.list(), [{ lastSeen: clock.now + 60 }], 'never back');
  const host = present(await last.store.principals.find('host/d1'));
  last.store.recorder.succeeded(host, clock.now + 90);
  await last.store.close();
  const { store: end } = await realm(t, store.data);
  t.match(await end.devices.list(), [{ lastSeen: clock.now + 90 }], 'a login at the KDC counts, too');
});
