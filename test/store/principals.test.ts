import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { RealmwardError } from '../../src/base/errors.ts';
import { openStore } from '../../src/store/open.ts';
import { capturedLog } from '../support/captured-log.ts';
import { present } from '../support/present.ts';
import {
  someKey,
  someService,
  STORE_REALM,
  temporaryDir,
  temporaryStore,
} from '../support/temporary-store.ts';

const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);

await t.test('a store that did not exist', async (t) => {
  const store = await temporaryStore(t);

  await t.test('is made in a folder of mode 0700 with files of mode 0600', async (t) => {
    await store.principals.add(someService({ name: 'host/device1.example' }));
    t.equal(mode(store.data), '700');
    for (const file of ['store.sqlite', 'store.sqlite-wal', 'store.sqlite-shm', 'master.key']) {
      t.equal(mode(join(store.data, file)), '600', file);
    }
  });

  await t.test('holds what was put into it when it is opened again', async (t) => {
    await store.close();
    const again = await temporaryStore(t, { data: store.data });
    t.equal((await again.principals.find('host/device1.example'))?.name, 'host/device1.example');
  });
});

await t.test('principals', async (t) => {
  const { principals, data } = await temporaryStore(t);
  const count = (sql: string): unknown => {
    const db = new DatabaseSync(join(data, 'store.sqlite'), { readOnly: true });
    const row = db.prepare(`select count(*) as n from ${sql}`).get();
    db.close();
    return row?.['n'];
  };

  await t.test('come back as they were put in, strongest key of the highest kvno first', async (t) => {
    const s2kparams = Uint8Array.of(0, 0, 0x20, 0);
    const keys = [
      someKey({ etype: 17, kvno: 1, created: undefined }),
      someKey({ etype: 23, kvno: 2 }),
      someKey({ etype: 18, kvno: 2, salt: 'REALM1.EXAMPLEjörg', s2kparams }),
      someKey({ etype: 20, kvno: 2, salt: '' }),
    ];
    const added = await principals.add({
      name: 'jörg',
      kind: 'user',
      right: 'Viewer',
      disabled: true,
      expires: 1_900_000_000,
      passwordExpires: 0,
      passwordChanged: 1_700_000_001,
      maxLife: 3600,
      maxRenew: 7200,
      keys,
    });
    const found = await principals.find('jörg');
    t.same(found, added);
    const { id, keys: foundKeys, ...fields } = present(found);
    t.same(fields, {
      name: 'jörg',
      kind: 'user',
      rid: id,
      right: 'Viewer',
      disabled: true,
      expires: 1_900_000_000,
      passwordExpires: 0,
      passwordChanged: 1_700_000_001,
      maxLife: 3600,
      maxRenew: 7200,
      lockedUntil: undefined,
    });
    const order = [3, 2, 1, 0].map((index) => keys[index]);
    t.same(
      foundKeys.map(({ key, ...rest }) => ({ ...rest, etype: key.etype, bytes: key.bytes })),
      order.map((key) => {
        const { key: secret, ...rest } = present(key);
        return { ...rest, etype: secret.etype, bytes: secret.bytes };
      }),
    );
  });

  await t.test('are undefined when the realm has none of that name', async (t) => {
    t.equal(await principals.find('nobody'), undefined);
    t.equal(await principals.summary('nobody'), undefined);
  });

  await t.test('may be without any key', async (t) => {
    await principals.add(someService({ name: 'keyless', keys: [] }));
    t.same((await principals.find('keyless'))?.keys, []);
    const { kvno, etypes } = present(await principals.summary('keyless'));
    t.same({ kvno, etypes }, { kvno: 0, etypes: [] });
  });

  await t.test('have RIDs from 2000 up that are not given again after the newest was removed', async (t) => {
    const fresh = await temporaryStore(t);
    const rids = [];
    for (const name of ['a', 'b', 'c']) rids.push((await fresh.principals.add(someService({ name }))).rid);
    t.same(rids, [2000, 2001, 2002]);
    await fresh.principals.remove('c');
    await fresh.close();
    const again = await temporaryStore(t, { data: fresh.data });
    await again.principals.addMany([someService({ name: 'a' }), someService({ name: 'd' })]);
    t.equal((await again.principals.find('d'))?.rid, 2003);
  });

  await t.test('have names that stay apart in one canonical form (CVE-2025-4404)', async (t) => {
    await principals.add(someService({ name: 'straße' }));
    await t.rejects(principals.add(someService({ name: 'straße' })), {
      code: 'exists',
      message: '"straße" exists already',
    });
    for (const name of ['Straße', 'STRASSE', 'ｓtraße']) {
      await t.rejects(principals.add(someService({ name })), {
        code: 'exists',
        message: new RegExp(`"${name}" cannot be told from "straße"`),
      });
    }
    t.equal(await principals.find('STRASSE'), undefined, 'look-ups are exact all the same');
    t.same(
      [...(await principals.taken(['STRASSE', 'straße', 'strasse2']))],
      [
        ['STRASSE', 'straße'],
        ['straße', 'straße'],
      ],
    );
  });

  await t.test('may be called anything: a name is never part of a query', async (t) => {
    const name = `x'; drop table principal; --" \\/%_`;
    await principals.add(someService({ name }));
    t.equal((await principals.find(name))?.name, name);
    t.equal(await principals.find('x%'), undefined);
    await principals.remove(name);
    t.equal(await principals.find(name), undefined);
  });

  await t.test('change in the fields that are given, and lose those given as undefined', async (t) => {
    await principals.add(someService({ name: 'changing', expires: 5, maxLife: 60 }));
    const changed = await principals.change('changing', { disabled: true, expires: undefined });
    t.match(changed, { disabled: true, expires: undefined, maxLife: 60, keys: [{ kvno: 1 }] });
    t.same(await principals.find('changing'), changed);
  });

  await t.test('are changed by one after the other when two change them at once', async (t) => {
    await principals.add(someService({ name: 'twice' }));
    const next = () =>
      principals.change('twice', (current) => ({
        keys: [someKey({ kvno: (current.keys[0]?.kvno ?? 0) + 1 })],
      }));
    const [first, second] = await Promise.all([next(), next()]);
    t.same([first.keys[0]?.kvno, second.keys[0]?.kvno], [2, 3]);
    t.same((await principals.find('twice'))?.keys[0]?.key.bytes, second.keys[0]?.key.bytes);
  });

  await t.test('are not written when a change changes nothing', async (t) => {
    await principals.add(someService({ name: 'still' }));
    const before = count('change');
    await principals.change('still', (current) => ({ disabled: false, keys: current.keys }));
    t.equal(count('change'), before);
  });

  await t.test('stay as they were when the function that changes them throws', async (t) => {
    await t.rejects(
      principals.change('still', () => {
        throw new RealmwardError('wrong-kind', 'no');
      }),
      { code: 'wrong-kind' },
    );
    t.equal((await principals.find('still'))?.disabled, false);
  });

  await t.test(
    'are written when another process has ended its transaction, and the event loop goes on meanwhile',
    async (t) => {
      const elsewhere = new DatabaseSync(join(data, 'store.sqlite'));
      elsewhere.exec('begin immediate');
      const adding = principals.add(someService({ name: 'patient' }));
      const first = await Promise.race([adding.then(() => 'added'), sleep(60).then(() => 'slept')]);
      t.equal(first, 'slept');
      elsewhere.exec('commit');
      elsewhere.close();
      t.equal((await adding).name, 'patient');
    },
  );

  await t.test('that do not exist cannot be changed or removed', async (t) => {
    await t.rejects(principals.change('nobody', { disabled: true }), { code: 'not-found' });
    await t.rejects(principals.remove('nobody'), { code: 'not-found' });
  });

  await t.test('are added many at once, but for those that exist', async (t) => {
    const many = ['many1', 'still', 'many2', 'many1'].map((name) => someService({ name }));
    const before = await principals.find('still');
    t.equal(await principals.addMany(many), 2);
    t.same(await principals.find('still'), before);
    t.ok(await principals.find('many2'));
  });

  await t.test('are added none at all when one of many cannot be told from another', async (t) => {
    for (const name of ['STILL', 'MORE1']) {
      const many = ['more1', name, 'more2'].map((each) => someService({ name: each }));
      await t.rejects(principals.addMany(many), { code: 'exists' });
    }
    t.equal(await principals.find('more1'), undefined);
  });

  await t.test('are listed by name, all or of one kind, without keys', async (t) => {
    const all = await principals.list();
    t.same(
      all.map(({ name }) => name),
      all.map(({ name }) => name).toSorted(),
    );
    const [user, ...others] = await principals.list({ kind: 'user' });
    t.equal(others.length, 0);
    t.match(user, { name: 'jörg', kvno: 2, etypes: [20, 18, 23], failures: 0, lastSuccess: undefined });
    t.notOk(Object.keys(user ?? {}).includes('keys'));
    t.same(await principals.summary('jörg'), user);
  });
});

await t.test('sealed keys', async (t) => {
  const { principals, data } = await temporaryStore(t);
  await principals.add(someService({ name: 'low' }));
  await principals.add(someService({ name: 'high' }));
  const db = new DatabaseSync(join(data, 'store.sqlite'));
  t.teardown(() => db.close());

  await t.test('are not in the file in clear', async (t) => {
    const { bytes } = present((await principals.find('low'))?.keys[0]?.key);
    const row = db.prepare(`select keys from principal where name = 'low'`).get();
    t.notOk(Buffer.from(row?.['keys'] as Uint8Array).includes(Buffer.from(bytes)));
  });

  await t.test('do not open in the row of another principal', async (t) => {
    db.exec(
      `update principal set keys = (select keys from principal where name = 'high') where name = 'low'`,
    );
    await t.rejects(principals.find('low'), { code: 'broken-seal', hint: /backup/ });
    t.ok(await principals.find('high'));
  });

  await t.test('do not open with another kvno or other etypes beside them', async (t) => {
    for (const change of ['kvno = kvno + 1', `etypes = '17'`]) {
      db.exec(`update principal set ${change} where name = 'high'`);
      await t.rejects(principals.find('high'), { code: 'broken-seal' }, change);
      db.exec(`update principal set kvno = 1, etypes = '18' where name = 'high'`);
      t.ok(await principals.find('high'));
    }
  });

  await t.test('do not open when a bit is flipped or the end is missing', async (t) => {
    const sealed = db.prepare(`select keys from principal where name = 'high'`).get()?.['keys'] as Uint8Array;
    const update = db.prepare(`update principal set keys = ? where name = 'high'`);
    for (let at = 4; at < sealed.length; at += 7) {
      const flipped = sealed.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      update.run(flipped);
      await t.rejects(principals.find('high'), { code: 'broken-seal' }, `byte ${at}`);
    }
    for (const length of [0, 3, 20, sealed.length - 1]) {
      update.run(sealed.subarray(0, length));
      await t.rejects(principals.find('high'), { code: 'broken-seal' }, `${length} bytes`);
    }
  });
});

await t.test('a data folder that cannot be used says why and what to do', async (t) => {
  const open = async (data: string, realm = STORE_REALM) => {
    const store = await openStore({ data, realm, environment: {}, log: capturedLog() });
    await store.close();
  };

  await t.test('when it belongs to another realm', async (t) => {
    const data = join(temporaryDir(t), 'data');
    await open(data);
    await t.rejects(open(data, 'realm1.example'), {
      code: 'other-realm',
      message: /belongs to the realm "REALM1.EXAMPLE", not to "realm1.example"/,
      hint: /case-sensitive/,
    });
    await open(data);
  });

  await t.test('when it is a file', async (t) => {
    const data = join(temporaryDir(t), 'data');
    writeFileSync(data, '');
    await t.rejects(open(data), { code: 'bad-data-dir', hint: /folder/ });
  });

  await t.test('when the store is no database', async (t) => {
    const data = temporaryDir(t);
    writeFileSync(
      join(data, 'store.sqlite'),
      'not a database, but long enough to be taken for one'.repeat(100),
    );
    await t.rejects(open(data), { code: 'bad-store', message: /not a database/, hint: /backup/ });
  });

  await t.test('when a newer realmward wrote it', async (t) => {
    const data = join(temporaryDir(t), 'data');
    await open(data);
    const db = new DatabaseSync(join(data, 'store.sqlite'));
    db.exec(`insert into kysely_migration values ('9999-future', '2099-01-01T00:00:00.000Z')`);
    db.close();
    await t.rejects(open(data), { code: 'newer-store', message: /9999-future/, hint: /version/ });
  });

  await t.test('and a folder that others may write to is pointed out', async (t) => {
    const data = temporaryDir(t);
    chmodSync(data, 0o777);
    const { log } = await temporaryStore(t, { data });
    t.match(log.lines, [{ level: 'warn', message: /chmod go-w/ }]);
  });
});
