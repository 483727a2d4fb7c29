import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import type { AllowedAttempt, AttemptCounter } from '../../src/realm/attempts.ts';
import { storeProcess } from '../support/store-process.ts';
import { temporaryStore } from '../support/temporary-store.ts';

const NOW = 1_800_000_000;
const LIMIT = { maxFailures: 3, window: 1800 };
const AD = 'AD.EXAMPLE';

async function reserve(attempts: AttemptCounter, user: string, at: number): Promise<AllowedAttempt> {
  const attempt = await attempts.reserve(AD, user, LIMIT, at);
  if (!attempt.allowed) throw new Error(`locked until ${attempt.lockedUntil}`);
  return attempt;
}

async function fail(attempts: AttemptCounter, user: string, at: number): Promise<void> {
  await (await reserve(attempts, user, at)).settle('failed', at);
}

await t.test('attempts at a password', async (t) => {
  const { attempts, data } = await temporaryStore(t);

  await t.test('are refused from the limit on, until the oldest failure leaves the window', async (t) => {
    await fail(attempts, 'a', NOW);
    await fail(attempts, 'a', NOW + 100);
    await fail(attempts, 'a', NOW + 200);
    t.same(await attempts.reserve(AD, 'a', LIMIT, NOW + 300), { allowed: false, lockedUntil: NOW + 1800 });
    t.same(await attempts.reserve(AD, 'a', LIMIT, NOW + 1799), { allowed: false, lockedUntil: NOW + 1800 });
    await fail(attempts, 'a', NOW + 1800);
    t.same(await attempts.reserve(AD, 'a', LIMIT, NOW + 1801), { allowed: false, lockedUntil: NOW + 1900 });
  });

  await t.test('count for one person of one realm, however the name is written', async (t) => {
    for (const user of ['Eve', 'eve', 'EVE']) await fail(attempts, user, NOW);
    t.match(await attempts.reserve(AD, 'eVe', LIMIT, NOW), { allowed: false });
    t.match(await attempts.reserve('OTHER.EXAMPLE', 'eve', LIMIT, NOW), { allowed: true });
    t.match(await attempts.reserve(AD, 'eve2', LIMIT, NOW), { allowed: true });
  });

  await t.test('side by side count before their outcome is known', async (t) => {
    const pending = await Promise.all([1, 2, 3].map(() => reserve(attempts, 'b', NOW)));
    t.match(await attempts.reserve(AD, 'b', LIMIT, NOW), { allowed: false, lockedUntil: NOW + 1800 });
    await pending[0]?.settle('untried', NOW);
    await fail(attempts, 'b', NOW);
    t.match(await attempts.reserve(AD, 'b', LIMIT, NOW), { allowed: false });
  });

  await t.test('that succeed take back what failed before them, not what failed beside them', async (t) => {
    await fail(attempts, 'c', NOW);
    const good = await reserve(attempts, 'c', NOW + 1);
    await fail(attempts, 'c', NOW + 2);
    await good.settle('succeeded', NOW + 3);
    await fail(attempts, 'c', NOW + 4);
    await fail(attempts, 'c', NOW + 5);
    t.match(await attempts.reserve(AD, 'c', LIMIT, NOW + 6), { allowed: false, lockedUntil: NOW + 1802 });
  });

  await t.test('are settled once', async (t) => {
    const attempt = await reserve(attempts, 'd', NOW);
    await attempt.settle('failed', NOW);
    await attempt.settle('untried', NOW);
    await attempt.settle('failed', NOW);
    await fail(attempts, 'd', NOW);
    await fail(attempts, 'd', NOW);
    t.match(await attempts.reserve(AD, 'd', LIMIT, NOW), { allowed: false });
  });

  await t.test('leave no name in the store, and no row when their time is over', async (t) => {
    await fail(attempts, 'MyPassw0rd!', NOW + 10_000);
    const db = new DatabaseSync(join(data, 'store.sqlite'), { readOnly: true });
    t.same(db.prepare('select count(*) as n from attempt where at < ?').get(NOW + 10_000), { n: 0 });
    t.same(
      db
        .prepare('select length(account) as length, settled from attempt')
        .all()
        .map((row) => ({ ...row })),
      [{ length: 32, settled: 1 }],
    );
    db.close();
  });
});

await t.test('all servers together allow no more attempts than the limit (CVE-2021-20251)', async (t) => {
  const { data, attempts } = await temporaryStore(t);
  const servers = [1, 2, 3].map(() => storeProcess(t, data, 'attempt', 'alice', '10', String(NOW)));
  const counts = await Promise.all(servers.map((server) => server.line()));
  t.equal(
    counts.reduce((sum, count) => sum + Number(count), 0),
    5,
  );
  t.match(
    await attempts.reserve(AD, 'alice', { maxFailures: 5, window: 900 }, NOW),
    { allowed: false },
    'nor were they settled: servers that died forgot nothing',
  );
});
