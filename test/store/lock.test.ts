import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { lockDataDir } from '../../src/store/lock.ts';
import { storeProcess } from '../support/store-process.ts';
import { someService, temporaryDir, temporaryStore } from '../support/temporary-store.ts';

const clock = { microseconds: () => 1_800_000_000_000_000 };

await t.test('the data folder of a server', async (t) => {
  await t.test('is refused to a second one, which is told who holds it since when', async (t) => {
    const data = temporaryDir(t);
    const server = storeProcess(t, data, 'lock');
    t.equal(await server.line(), 'locked');
    const refused = {
      code: 'data-in-use',
      message: new RegExp(
        `uses the data folder ${data}: process ${server.pid} on .+, since 2027-01-15T08:00:00.000Z`,
      ),
      hint: /Stop that server/,
    };
    t.throws(() => lockDataDir(data, clock), refused);
    t.throws(() => lockDataDir(data, clock), refused, 'asking does not loosen the lock');

    await server.kill();
    t.ok(existsSync(join(data, 'server.json')), 'it could not tidy up');
    lockDataDir(data, clock).release();
  });

  await t.test('is refused within one process too, and free after release', async (t) => {
    const data = temporaryDir(t);
    const lock = lockDataDir(data, clock);
    t.throws(() => lockDataDir(data, clock), {
      code: 'data-in-use',
      message: new RegExp(`process ${process.pid} on`),
    });
    t.equal(statSync(join(data, 'server.lock')).mode & 0o777, 0o600);
    lock.release();
    t.notOk(existsSync(join(data, 'server.json')));
    const again = lockDataDir(data, clock);
    const other = storeProcess(t, data, 'lock');
    t.equal(await other.ended(), 1, 'another process sees the lock as well');
    again.release();
  });

  await t.test('can be worked on by commands while the server runs', async (t) => {
    const { principals, data } = await temporaryStore(t);
    const lock = lockDataDir(data, clock);
    t.teardown(() => lock.release());
    t.equal(await storeProcess(t, data, 'add', 'beside').ended(), 0);
    t.ok(await principals.find('beside'));
    await principals.add(someService({ name: 'mine' }));
  });

  await t.test('that does not exist is an error with a reason', async (t) => {
    t.throws(() => lockDataDir(join(temporaryDir(t), 'nowhere'), clock), {
      code: 'bad-data-dir',
      message: /ENOENT/,
    });
  });
});
