import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { NotInMemory } from '../../src/realm/ports.ts';
import type { Principal } from '../../src/realm/principal.ts';
import type { Store } from '../../src/store/open.ts';
import { present } from '../support/present.ts';
import { storeProcess } from '../support/store-process.ts';
import { someService, temporaryStore } from '../support/temporary-store.ts';

const LOCKOUT = { maxFailures: 5, window: 900, duration: 600 };
const NOW = 1_800_000_000;

type OpenStore = Pick<Store, 'directory' | 'principals'>;

async function current({ directory }: OpenStore, name: string): Promise<Principal> {
  try {
    return present(directory.get(name));
  } catch (error) {
    if (!(error instanceof NotInMemory)) throw error;
    await directory.load(name);
    return present(directory.get(name));
  }
}

/** The summary once `seen` holds for it, or as it is after ten seconds. */
async function eventually<T>(read: () => Promise<T>, seen: (value: T) => boolean): Promise<T> {
  let value = await read();
  for (let waited = 0; waited < 10_000 && !seen(value); waited += 20) {
    await sleep(20);
    value = await read();
  }
  return value;
}

await t.test('the recorder of logins', async (t) => {
  await t.test('writes times and failures behind the back of the request', async (t) => {
    const store = await temporaryStore(t);
    await store.principals.add(someService({ name: 'p' }));
    const p = await current(store, 'p');
    store.recorder.failed(p, NOW);
    store.recorder.failed(p, NOW + 1);
    t.match(await store.principals.summary('p'), { failures: 0 }, 'not yet');
    const after = await eventually(
      () => store.principals.summary('p'),
      (summary) => summary?.failures === 2,
    );
    t.match(after, { failures: 2, lastFailure: NOW + 1, lastSuccess: undefined });
    store.recorder.succeeded(p, NOW + 2);
    const last = await eventually(
      () => store.principals.summary('p'),
      (summary) => summary?.failures === 0,
    );
    t.match(last, { failures: 0, lastFailure: NOW + 1, lastSuccess: NOW + 2 });
  });

  await t.test('writes what is left when the store closes, in the order in which it happened', async (t) => {
    const store = await temporaryStore(t);
    await store.principals.addMany(['p', 'q'].map((name) => someService({ name })));
    const p = await current(store, 'p');
    const q = await current(store, 'q');
    for (const at of [1, 2, 3]) store.recorder.failed(p, NOW + at);
    store.recorder.succeeded(p, NOW + 4);
    store.recorder.failed(p, NOW + 5);
    store.recorder.failed(q, NOW + 6);
    store.recorder.succeeded(q, NOW + 7);
    await store.close();
    const { principals } = await temporaryStore(t, { data: store.data });
    t.match(await principals.summary('p'), { failures: 1, lastFailure: NOW + 5, lastSuccess: NOW + 4 });
    t.match(await principals.summary('q'), { failures: 0, lastFailure: NOW + 6, lastSuccess: NOW + 7 });
  });

  await t.test('leaves the principals in memory as they are', async (t) => {
    const store = await temporaryStore(t, { lockout: LOCKOUT });
    await store.principals.add(someService({ name: 'p' }));
    const p = await current(store, 'p');
    store.recorder.failed(p, NOW);
    store.recorder.succeeded(p, NOW);
    await eventually(
      () => store.principals.summary('p'),
      (summary) => summary?.lastSuccess === NOW,
    );
    await sleep(250);
    t.equal(store.directory.get('p'), p);
  });

  await t.test('does not mind that a principal was removed meanwhile', async (t) => {
    const store = await temporaryStore(t, { lockout: LOCKOUT });
    await store.principals.addMany(['p', 'q'].map((name) => someService({ name })));
    const p = await current(store, 'p');
    const q = await current(store, 'q');
    await store.principals.remove('p');
    for (let i = 0; i < 5; i++) store.recorder.failed(p, NOW);
    store.recorder.succeeded(p, NOW);
    store.recorder.failed(q, NOW);
    t.match(
      await eventually(
        () => store.principals.summary('q'),
        (summary) => summary?.failures === 1,
      ),
      { failures: 1 },
    );
    t.same(store.log.lines, []);
  });

  await t.test('waits for another process that writes, and loses nothing', async (t) => {
    const store = await temporaryStore(t);
    await store.principals.addMany(['p', 'q'].map((name) => someService({ name })));
    const p = await current(store, 'p');
    const elsewhere = new DatabaseSync(join(store.data, 'store.sqlite'));
    elsewhere.exec('begin immediate');
    store.recorder.failed(p, NOW);
    await sleep(200);
    const turn = process.hrtime.bigint();
    await sleep(1);
    t.ok(process.hrtime.bigint() > turn, 'the event loop goes on');
    store.recorder.failed(p, NOW);
    t.equal((await current(store, 'q')).name, 'q', 'and so do look-ups');
    elsewhere.exec('rollback');
    elsewhere.close();
    t.match(
      await eventually(
        () => store.principals.summary('p'),
        (summary) => summary?.failures === 2,
      ),
      { failures: 2 },
    );
  });
});

await t.test('lockout', async (t) => {
  const fail = async (store: Store, name: string, times: number, at: number): Promise<void> => {
    const principal = await current(store, name);
    const before = present(await store.principals.summary(name));
    for (let i = 0; i < times; i++) store.recorder.failed(principal, at);
    await eventually(
      () => store.principals.summary(name),
      (summary) => summary?.failures !== before.failures || summary.lastFailure !== before.lastFailure,
    );
  };

  await t.test('comes with the failure that reaches the limit, and every process learns of it', async (t) => {
    const store = await temporaryStore(t, { lockout: LOCKOUT });
    const other = await temporaryStore(t, { data: store.data, lockout: LOCKOUT });
    await store.principals.add(someService({ name: 'p' }));
    t.equal((await current(other, 'p')).lockedUntil, undefined);
    await fail(store, 'p', 4, NOW);
    t.equal((await current(store, 'p')).lockedUntil, undefined);
    await fail(store, 'p', 1, NOW + 1);
    t.equal((await current(store, 'p')).lockedUntil, NOW + 601);
    const elsewhere = await eventually(
      () => current(other, 'p'),
      ({ lockedUntil }) => lockedUntil !== undefined,
    );
    t.equal(elsewhere.lockedUntil, NOW + 601);
  });

  await t.test(
    'is not made longer by failures while it lasts, and counting starts anew after it',
    async (t) => {
      const store = await temporaryStore(t, { lockout: LOCKOUT });
      await store.principals.add(someService({ name: 'p' }));
      await fail(store, 'p', 5, NOW);
      await fail(store, 'p', 1, NOW + 100);
      t.equal((await current(store, 'p')).lockedUntil, NOW + 600);
      for (const at of [700, 701, 702, 703]) await fail(store, 'p', 1, NOW + at);
      t.match(await store.principals.summary('p'), { failures: 4, lockedUntil: NOW + 600 });
      await fail(store, 'p', 1, NOW + 704);
      t.equal((await current(store, 'p')).lockedUntil, NOW + 1304);
    },
  );

  await t.test('does not come from failures that are far apart', async (t) => {
    const store = await temporaryStore(t, { lockout: LOCKOUT });
    await store.principals.add(someService({ name: 'p' }));
    await fail(store, 'p', 4, NOW);
    await fail(store, 'p', 1, NOW + 901);
    t.match(await store.principals.summary('p'), { failures: 1, lockedUntil: undefined });
    await fail(store, 'p', 1, NOW + 901 + 900);
    t.match(await store.principals.summary('p'), { failures: 2 });
  });

  await t.test('that has run out goes with the next success', async (t) => {
    const store = await temporaryStore(t, { lockout: LOCKOUT });
    await store.principals.add(someService({ name: 'p' }));
    await fail(store, 'p', 5, NOW);
    store.recorder.succeeded(await current(store, 'p'), NOW + 600);
    await eventually(
      () => store.principals.summary('p'),
      (summary) => summary?.failures === 0,
    );
    t.match(await store.principals.summary('p'), { failures: 0, lockedUntil: undefined });
    t.equal((await current(store, 'p')).lockedUntil, undefined);
  });

  await t.test('is not taken away by a success that another server saw before it knew', async (t) => {
    const store = await temporaryStore(t, { lockout: LOCKOUT });
    await store.principals.add(someService({ name: 'p' }));
    await fail(store, 'p', 5, NOW);
    store.recorder.succeeded(await current(store, 'p'), NOW + 1);
    await eventually(
      () => store.principals.summary('p'),
      (summary) => summary?.failures === 0,
    );
    t.match(await store.principals.summary('p'), { lockedUntil: NOW + 600 });
  });

  await t.test('is taken away by an administrator, with the count that led to it', async (t) => {
    const store = await temporaryStore(t, { lockout: LOCKOUT });
    await store.principals.add(someService({ name: 'p' }));
    await fail(store, 'p', 5, NOW);
    await store.principals.change('p', { lockedUntil: undefined });
    t.match(await store.principals.summary('p'), { failures: 0, lockedUntil: undefined });
    await fail(store, 'p', 4, NOW + 1);
    await store.principals.change('p', { lockedUntil: undefined });
    await fail(store, 'p', 4, NOW + 2);
    t.match(await store.principals.summary('p'), { failures: 4, lockedUntil: undefined });
  });

  await t.test('counts every failure at every server (CVE-2021-20251)', async (t) => {
    const store = await temporaryStore(t, { lockout: { ...LOCKOUT, maxFailures: 60 } });
    await store.principals.add(someService({ name: 'p' }));
    const servers = [1, 2, 3].map(() => storeProcess(t, store.data, 'fail', 'p', '15', String(NOW)));
    const p = await current(store, 'p');
    for (let i = 0; i < 10; i++) {
      store.recorder.failed(p, NOW);
      await sleep(1);
    }
    t.same(await Promise.all(servers.map((server) => server.ended())), [0, 0, 0]);
    const summary = await eventually(
      () => store.principals.summary('p'),
      (seen) => seen?.failures === 55,
    );
    t.match(summary, { failures: 55, lockedUntil: NOW + 600 });
  });

  await t.test('needs no wait when one server alone sees too many failures', async (t) => {
    const store = await temporaryStore(t, { lockout: LOCKOUT });
    await store.principals.add(someService({ name: 'p' }));
    const p = await current(store, 'p');
    for (let i = 0; i < 5; i++) store.recorder.failed(p, NOW);
    // Nothing but what is already on its way: no timer has run.
    for (let turn = 0; turn < 1000; turn++) await Promise.resolve();
    t.throws(() => store.directory.get('p'), new NotInMemory('p'));
    t.equal((await current(store, 'p')).lockedUntil, NOW + 600);
  });
});
