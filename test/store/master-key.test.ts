import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Principal } from '../../src/realm/principal.ts';
import { MasterKeyRing, masterKeySource, newMasterKey } from '../../src/store/master-key.ts';
import { openStore, type StoreOptions } from '../../src/store/open.ts';
import { seal, sealingKeyId, unseal } from '../../src/store/seal.ts';
import { capturedLog } from '../support/captured-log.ts';
import { present } from '../support/present.ts';
import { storeProcess } from '../support/store-process.ts';
import {
  someKey,
  someService,
  STORE_REALM,
  temporaryDir,
  temporaryStore,
} from '../support/temporary-store.ts';

const KEY = '5a'.repeat(32);
const OTHER = 'a5'.repeat(32);

const openAndClose = async (data: string, environment: StoreOptions['environment'] = {}): Promise<void> => {
  const store = await openStore({ data, realm: STORE_REALM, environment, log: capturedLog() });
  await store.close();
};

const keyFile = (data: string): string => join(data, 'master.key');
const keysIn = (data: string): string[] =>
  readFileSync(keyFile(data), 'utf8')
    .split('\n')
    .filter((line) => /^[^#]/.test(line));
const secretOf = (principal: Principal | undefined): Uint8Array => present(principal?.keys[0]?.key.bytes);

await t.test('the seal', async (t) => {
  const [key, other] = [newMasterKey(), newMasterKey()];
  const ring = new MasterKeyRing({ name: 'test', read: () => [key], write: undefined });
  const secret = Uint8Array.from({ length: 32 }, (_, i) => i);

  await t.test('gives the secret back, and never the same bytes twice', async (t) => {
    const sealed = seal(key, 'mine', secret);
    t.same(new Uint8Array(unseal(ring, 'mine', sealed)), secret);
    t.notSame(seal(key, 'mine', secret), sealed);
    t.equal(sealingKeyId(sealed), key.id);
  });

  await t.test('does not open for another context, another key or changed bytes', async (t) => {
    const sealed = seal(key, 'mine', secret);
    t.throws(() => unseal(ring, 'yours', sealed), { code: 'broken-seal' });
    t.throws(() => unseal(ring, 'mine', seal(other, 'mine', secret)), { code: 'unknown-master-key' });
    const forged = seal(other, 'mine', secret);
    forged.set(sealed.subarray(0, 4));
    t.throws(() => unseal(ring, 'mine', forged), { code: 'broken-seal' });
    t.throws(() => unseal(ring, 'mine', sealed.subarray(0, 31)), { code: 'broken-seal' });
  });
});

await t.test('where the master key comes from', async (t) => {
  await t.test('a file of the data folder, made once', async (t) => {
    const data = join(temporaryDir(t), 'data');
    await openAndClose(data);
    const [made] = keysIn(data);
    t.match(made, /^[A-Za-z0-9+/]{43}=$/);
    await openAndClose(data);
    t.same(keysIn(data), [made]);
  });

  await t.test('the environment, in hexadecimal or base64, without a file', async (t) => {
    const data = join(temporaryDir(t), 'data');
    await openAndClose(data, { REALMWARD_MASTER_KEY: KEY });
    await openAndClose(data, { REALMWARD_MASTER_KEY: `${Buffer.from(KEY, 'hex').toString('base64')}\n` });
    t.notOk(existsSync(keyFile(data)));
  });

  await t.test('a systemd credential, whose mode says nothing', async (t) => {
    const dir = temporaryDir(t);
    const credentials = join(dir, 'credentials');
    mkdirSync(credentials);
    const file = join(credentials, 'realmward-master-key');
    writeFileSync(file, KEY);
    chmodSync(file, 0o440);
    const environment = { CREDENTIALS_DIRECTORY: credentials };
    await openAndClose(join(dir, 'data'), environment);
    t.notOk(existsSync(keyFile(join(dir, 'data'))));
    await openAndClose(join(dir, 'data'), { REALMWARD_MASTER_KEY: KEY });
    rmSync(file);
    await openAndClose(join(dir, 'other'), environment);
    t.ok(existsSync(keyFile(join(dir, 'other'))), 'another service may have other credentials in its folder');
  });

  await t.test('two processes that make a store at once agree on one key', async (t) => {
    const data = join(temporaryDir(t), 'data');
    const both = [storeProcess(t, data, 'add', 'first'), storeProcess(t, data, 'add', 'second')];
    t.same(await Promise.all(both.map((process) => process.ended())), [0, 0]);
    t.equal(keysIn(data).length, 1);
    const { principals } = await temporaryStore(t, { data });
    t.ok(await principals.find('first'));
    t.ok(await principals.find('second'));
    t.same(
      readdirSync(data).filter((name) => name.endsWith('.new')),
      [],
    );
  });
});

await t.test('a master key that is refused', async (t) => {
  const data = join(temporaryDir(t), 'data');
  await openAndClose(data);
  const good = readFileSync(keyFile(data));

  await t.test('because others can read the file', async (t) => {
    for (const mode of [0o644, 0o640, 0o604, 0o620]) {
      chmodSync(keyFile(data), mode);
      await t.rejects(openAndClose(data), {
        code: 'exposed-master-key',
        message: new RegExp(`master\\.key can be read by others: its mode is 0${mode.toString(8)}`),
        hint: /^chmod 600 .*master\.key/,
      });
    }
    chmodSync(keyFile(data), 0o600);
    await openAndClose(data);
  });

  await t.test('because it is another one', async (t) => {
    await t.rejects(openAndClose(data, { REALMWARD_MASTER_KEY: KEY }), {
      code: 'unknown-master-key',
      message:
        /sealed with the master key [0-9a-f]{8}, which \$REALMWARD_MASTER_KEY does not hold: it holds [0-9a-f]{8}/,
      hint: /right key/,
    });
  });

  await t.test('because it is gone: a new one would not open the store', async (t) => {
    rmSync(keyFile(data));
    await t.rejects(openAndClose(data), {
      code: 'unknown-master-key',
      message: /there is none/,
      hint: /backup/,
    });
    t.notOk(existsSync(keyFile(data)));
    writeFileSync(keyFile(data), good, { mode: 0o600 });
  });

  await t.test('because it is none, which is told without showing it', async (t) => {
    for (const text of ['', ' \n', 'short', '5a'.repeat(31), `${'z'.repeat(50)}!`]) {
      const error = await openAndClose(data, { REALMWARD_MASTER_KEY: text }).catch(
        (caught: unknown) => caught,
      );
      t.match(error, {
        code: 'bad-master-key',
        message: /^\$REALMWARD_MASTER_KEY holds no master key/,
        hint: /openssl rand/,
      });
      if (text.length > 4) t.notMatch((error as Error).message, text);
    }
  });

  await t.test('because it cannot be read', async (t) => {
    rmSync(keyFile(data));
    mkdirSync(keyFile(data), { mode: 0o700 });
    await t.rejects(openAndClose(data), { code: 'bad-master-key' });
    rmSync(keyFile(data), { recursive: true });
  });
});

await t.test('rotation', async (t) => {
  await t.test('seals everything anew and lets the old key go', async (t) => {
    const { principals, rotateMasterKey, data } = await temporaryStore(t);
    const names = Array.from({ length: 450 }, (_, i) => `p${i}`);
    await principals.addMany([
      ...names.map((name) => someService({ name })),
      someService({ name: 'keyless', keys: [] }),
    ]);
    const before = secretOf(await principals.find('p7'));
    const old = readFileSync(keyFile(data), 'utf8');
    const [oldKey] = keysIn(data);
    const progress: number[] = [];
    const result = await rotateMasterKey((done) => progress.push(done));
    t.match(result, { id: /^[0-9a-f]{8}$/, resealed: 450, resumed: false, oldKeysIn: undefined });
    t.equal(progress.at(-1), 451);
    t.same(secretOf(await principals.find('p7')), before);
    t.equal(keysIn(data).length, 1);
    t.not(keysIn(data)[0], oldKey);
    t.equal((statSync(keyFile(data)).mode & 0o777).toString(8), '600');

    const db = new DatabaseSync(join(data, 'store.sqlite'), { readOnly: true });
    const ids = db
      .prepare('select distinct hex(substr(keys, 1, 4)) as id from principal where keys is not null')
      .all();
    db.close();
    t.same(
      ids.map(({ id }) => String(id).toLowerCase()),
      [result.id],
    );

    const again = await temporaryStore(t, { data });
    t.same(secretOf(await again.principals.find('p7')), before);
    await again.close();
    writeFileSync(keyFile(data), old, { mode: 0o600 });
    await t.rejects(openAndClose(data), { code: 'unknown-master-key' });
  });

  await t.test(
    'goes on while a server reads and writes, which never meets a key that it cannot open',
    async (t) => {
      const server = await temporaryStore(t, { maxPrincipals: 4 });
      const names = Array.from({ length: 1500 }, (_, i) => `p${i}`);
      await server.principals.addMany(names.map((name) => someService({ name })));
      const rotating = storeProcess(t, server.data, 'rotate');
      let turns = 0;
      const rotation = { ended: false };
      void rotating.ended().then(() => (rotation.ended = true));
      while (!rotation.ended) {
        const name = `p${(turns * 37) % 1500}`;
        const kvno = 2 + turns++;
        await server.directory.load(name);
        secretOf(server.directory.get(name));
        await server.principals.change(name, { keys: [someKey({ kvno })] });
        if ((await server.principals.find(name))?.keys[0]?.kvno !== kvno)
          throw new Error(`${name} lost its key`);
        // SQLite never waits, so nothing above lets the news in that the other process has ended.
        await sleep(1);
      }
      t.equal(await rotating.ended(), 0);
      t.ok(turns > 0);
      t.equal(keysIn(server.data).length, 1);
      await server.close();
      const again = await temporaryStore(t, { data: server.data });
      for (const name of names) secretOf(await again.principals.find(name));
    },
  );

  await t.test('that was killed leaves a store that works, and the next one finishes it', async (t) => {
    const first = await temporaryStore(t);
    const names = Array.from({ length: 1500 }, (_, i) => `p${i}`);
    await first.principals.addMany(names.map((name) => someService({ name })));
    const before = secretOf(await first.principals.find('p1499'));
    const rotating = storeProcess(t, first.data, 'rotate');
    t.ok(await rotating.line());
    await rotating.kill();
    await first.close();

    const { principals, rotateMasterKey } = await temporaryStore(t, { data: first.data });
    t.equal(keysIn(first.data).length, 2);
    const [next] = keysIn(first.data);
    for (const name of ['p0', 'p1499']) secretOf(await principals.find(name));
    await principals.add(someService({ name: 'between' }));
    const result = await rotateMasterKey();
    t.match(result, { resumed: true });
    t.ok(result.resealed > 0 && result.resealed < 1500, `${result.resealed} were left`);
    t.same(keysIn(first.data), [next]);
    t.same(secretOf(await principals.find('p1499')), before);
    t.match(await rotateMasterKey(), { resumed: false, resealed: 1501 });
  });

  await t.test('by two at once ends with one key that opens everything', async (t) => {
    const { principals, data } = await temporaryStore(t);
    await principals.addMany(Array.from({ length: 600 }, (_, i) => someService({ name: `p${i}` })));
    const both = [storeProcess(t, data, 'rotate'), storeProcess(t, data, 'rotate')];
    await Promise.all(both.map((process) => process.ended()));
    const again = await temporaryStore(t, { data });
    await again.rotateMasterKey();
    t.equal(keysIn(data).length, 1);
    for (let i = 0; i < 600; i++) secretOf(await again.principals.find(`p${i}`));
  });

  await t.test(
    'with keys from outside uses the one in front, and says where the old one still stands',
    async (t) => {
      const data = join(temporaryDir(t), 'data');
      const first = await temporaryStore(t, { data, environment: { REALMWARD_MASTER_KEY: KEY } });
      await first.principals.add(someService({ name: 'p' }));
      await t.rejects(first.rotateMasterKey(), {
        code: 'no-new-master-key',
        hint: /new key, a comma, and the old key/,
      });
      await first.close();

      const environment = { REALMWARD_MASTER_KEY: `${OTHER}, ${KEY}` };
      const second = await temporaryStore(t, { data, environment });
      t.match(await second.rotateMasterKey(), { resealed: 1, oldKeysIn: '$REALMWARD_MASTER_KEY' });
      await second.close();
      await openAndClose(data, { REALMWARD_MASTER_KEY: OTHER });
      await t.rejects(openAndClose(data, { REALMWARD_MASTER_KEY: KEY }), { code: 'unknown-master-key' });
    },
  );

  await t.test('reads a file again only where the source is one', async (t) => {
    const dir = temporaryDir(t);
    writeFileSync(join(dir, 'master.key'), `${KEY}\n`, { mode: 0o600 });
    const ring = new MasterKeyRing(masterKeySource(dir, {}));
    const [old] = ring.reload();
    const next = newMasterKey();
    ring.source.write?.([next, present(old)]);
    t.equal(ring.get(next.id).id, next.id, 'an unknown id makes it look again');
    ring.source.write?.([next]);
    t.equal(ring.get(present(old).id).id, old?.id, 'what was read with the old key can still be opened');
  });
});
