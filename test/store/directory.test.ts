import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { NotInMemory, type PrincipalDirectory } from '../../src/realm/ports.ts';
import type { Principal } from '../../src/realm/principal.ts';
import { createDirectory, MAX_UNKNOWN_NAMES } from '../../src/store/directory.ts';
import { KEPT_CHANGES } from '../../src/store/change-log.ts';
import { present } from '../support/present.ts';
import { storeProcess } from '../support/store-process.ts';
import { someKey, someService, temporaryStore } from '../support/temporary-store.ts';

/** As the KDC asks: at once, and again after loading. */
async function ask(directory: PrincipalDirectory, name: string): Promise<Principal | undefined> {
  for (;;) {
    try {
      return directory.get(name);
    } catch (error) {
      if (!(error instanceof NotInMemory)) throw error;
      await directory.load(error.name);
    }
  }
}

function inMemory(directory: PrincipalDirectory, name: string): boolean {
  try {
    directory.get(name);
    return true;
  } catch (error) {
    if (error instanceof NotInMemory) return false;
    throw error;
  }
}

function principal(name: string): Principal {
  return {
    id: 2000,
    rid: 2000,
    name,
    kind: 'service',
    disabled: false,
    passwordChanged: 0,
    keys: [],
  } as unknown as Principal;
}

/** Whether `seen` becomes true; it is looked for often, and for long on a busy machine. */
async function soon(seen: () => Promise<boolean> | boolean): Promise<boolean> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    if (await seen()) return true;
    await sleep(20);
  }
  return false;
}

await t.test('the directory', async (t) => {
  await t.test('answers from memory what was loaded, and says when it cannot tell', async (t) => {
    let asked = 0;
    const directory = createDirectory(async (name) => {
      asked++;
      return name === 'known' ? principal(name) : undefined;
    });
    t.throws(() => directory.get('known'), new NotInMemory('known'));
    await directory.load('known');
    await directory.load('unknown');
    t.equal(directory.get('known')?.name, 'known');
    t.equal(directory.get('unknown'), undefined);
    await Promise.all([directory.load('known'), directory.load('unknown')]);
    t.equal(asked, 2);
    t.equal(directory.get('known'), directory.get('known'), 'the same object');
  });

  await t.test('asks the store once for many who wait for the same name', async (t) => {
    let asked = 0;
    const directory = createDirectory(async (name) => {
      asked++;
      await sleep(5);
      return principal(name);
    });
    await Promise.all(Array.from({ length: 20 }, () => directory.load('one')));
    t.equal(asked, 1);
  });

  await t.test(
    'keeps names that are in use while others come and go, and stays within its bound',
    async (t) => {
      const directory = createDirectory(async (name) => principal(name), { maxPrincipals: 100 });
      await directory.load('busy');
      const names = Array.from({ length: 1000 }, (_, i) => `p${i}`);
      for (const name of names) {
        await directory.load(name);
        directory.get('busy');
      }
      t.ok(inMemory(directory, 'busy'));
      const kept = names.filter((name) => inMemory(directory, name)).length;
      t.ok(kept <= 100 && kept >= 50, `${kept} kept`);
    },
  );

  await t.test('lets a flood of invented names push nobody out', async (t) => {
    const directory = createDirectory(async (name) => (name.startsWith('p') ? principal(name) : undefined));
    const names = Array.from({ length: 50 }, (_, i) => `p${i}`);
    for (const name of names) await directory.load(name);
    const invented = Array.from({ length: 3 * MAX_UNKNOWN_NAMES }, (_, i) => `x${i}`);
    for (const name of invented) await directory.load(name);
    t.ok(names.every((name) => inMemory(directory, name)));
    const remembered = invented.filter((name) => inMemory(directory, name)).length;
    t.ok(remembered <= MAX_UNKNOWN_NAMES, `${remembered} remembered`);
  });

  await t.test('keeps nothing of a name that is longer than any can be', async (t) => {
    const directory = createDirectory(() => t.fail('asked the store') as never);
    t.equal(directory.get('x'.repeat(513)), undefined);
  });

  await t.test('asks again when a change came to be known while it was asking', async (t) => {
    let version = 1;
    const directory = createDirectory(async (name) => {
      const read = version;
      await sleep(5);
      return { ...principal(name), id: read };
    });
    const loading = directory.load('raced');
    version = 2;
    directory.forget(['raced']);
    await loading;
    t.equal(directory.get('raced')?.id, 2);

    const again = directory.load('other');
    version = 3;
    directory.forgetAll();
    await again;
    t.equal(directory.get('other')?.id, 3);
  });

  await t.test('passes on that the store failed, and asks again the next time', async (t) => {
    let failing = true;
    const directory = createDirectory(async (name) => {
      if (failing) throw new Error('disk on fire');
      return principal(name);
    });
    await t.rejects(directory.load('p'), /disk on fire/);
    failing = false;
    await directory.load('p');
    t.ok(directory.get('p'));
  });
});

await t.test('the directory of a store', async (t) => {
  const { directory, principals, data } = await temporaryStore(t);
  await principals.addMany(['one', 'two', 'three'].map((name) => someService({ name })));

  await t.test('knows at once what this process changes', async (t) => {
    t.equal(await ask(directory, 'new'), undefined);
    await principals.add(someService({ name: 'new' }));
    t.ok(await ask(directory, 'new'));
    await principals.change('new', { disabled: true });
    t.equal((await ask(directory, 'new'))?.disabled, true);
    await principals.remove('new');
    t.equal(await ask(directory, 'new'), undefined);
  });

  await t.test('keeps the objects of principals that did not change', async (t) => {
    const one = await ask(directory, 'one');
    const two = await ask(directory, 'two');
    await principals.change('two', { disabled: true });
    await principals.change('one', { disabled: false });
    const changed = await ask(directory, 'two');
    await sleep(250);
    t.equal(await ask(directory, 'one'), one);
    t.not(changed, two);
    t.equal(await ask(directory, 'two'), changed, 'nor does the poll after it bring a new one');
  });

  await t.test('knows soon what another process changes', async (t) => {
    const before = present(await ask(directory, 'one'));
    t.equal(before.disabled, false);
    const two = await ask(directory, 'two');
    t.equal(await ask(directory, 'late'), undefined);

    t.equal(await storeProcess(t, data, 'change', 'one').ended(), 0);
    t.ok(await soon(async () => (await ask(directory, 'one'))?.disabled === true));
    t.equal((await ask(directory, 'one'))?.keys[0]?.kvno, 7);

    t.equal(await storeProcess(t, data, 'add', 'late').ended(), 0);
    t.ok(await soon(async () => (await ask(directory, 'late')) !== undefined));
    t.equal(await ask(directory, 'two'), two);
  });

  await t.test('starts over when more was changed elsewhere than the feed keeps', async (t) => {
    const two = present(await ask(directory, 'two'));
    const elsewhere = new DatabaseSync(join(data, 'store.sqlite'));
    t.teardown(() => elsewhere.close());
    // As if this process had been stopped while others changed more than KEPT_CHANGES principals.
    elsewhere.exec(`begin immediate;
      update sqlite_sequence set seq = seq + 50000 where name = 'change';
      insert into change (principal) values ('somebody');
      commit`);
    t.ok(await soon(() => !inMemory(directory, 'two')));
    t.not(await ask(directory, 'two'), two);
  });
});

await t.test('the change feed', async (t) => {
  await t.test('does not grow for ever', async (t) => {
    const { principals, data } = await temporaryStore(t);
    await principals.add(someService({ name: 'one' }));
    const db = new DatabaseSync(join(data, 'store.sqlite'));
    t.teardown(() => db.close());
    db.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${KEPT_CHANGES + 500})
      insert into change (principal) select 'p' || i from n`);
    await principals.change('one', { keys: [someKey({ kvno: 2 })] });
    const { rows, newest, oldest } = present(
      db.prepare('select count(*) as rows, max(seq) as newest, min(seq) as oldest from change').get(),
    );
    t.equal(rows, KEPT_CHANGES);
    t.equal(Number(newest) - Number(oldest), KEPT_CHANGES - 1);
    t.equal(db.prepare('select principal from change order by seq desc').get()?.['principal'], 'one');
  });

  await t.test('brings many changes at once, whatever their number', async (t) => {
    const { principals, directory } = await temporaryStore(t);
    const names = Array.from({ length: 4500 }, (_, i) => `p${i}`);
    t.equal(await ask(directory, 'p4499'), undefined);
    t.equal(await ask(directory, 'p0'), undefined);
    await principals.addMany(names.map((name) => someService({ name, keys: [] })));
    t.ok(await ask(directory, 'p4499'));
    t.ok(await ask(directory, 'p0'));
  });
});
