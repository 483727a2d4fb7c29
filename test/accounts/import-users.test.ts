import t from 'tap';
import { fromHex } from '../../src/base/bytes.ts';
import { type ImportProgress, importUsers, type UserRow } from '../../src/accounts/import-users.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { present } from '../support/present.ts';
import type { Scope } from '../support/run.ts';
import { storeProcess } from '../support/store-process.ts';
import { STORE_REALM, temporaryDir, temporaryStore } from '../support/temporary-store.ts';

const KEY18 = '0123456789abcdef'.repeat(4);
const KEY17 = 'fedcba9876543210'.repeat(2);

async function realm(t: Scope) {
  const { principals } = await temporaryStore(t);
  const clock = { microseconds: () => 1_800_000_000_000_000 };
  return {
    realm: STORE_REALM,
    principals,
    crypto: nodeCrypto,
    clock,
    etypes: [20, 19, 18, 17],
    passwordLength: 8,
  };
}

const rows = (...fields: Omit<UserRow, 'line'>[]): UserRow[] =>
  fields.map((row, index) => ({ line: index + 2, ...row }));

await t.test('an import of users', async (t) => {
  await t.test('takes passwords, keys, or neither', async (t) => {
    const accounts = await realm(t);
    const list = rows(
      { name: 'pass', right: 'Viewer', password: 'secret words' },
      { name: 'keys', right: '', password: '', keys: ` 18:${KEY18}  aes128-cts:${KEY17.toUpperCase()}` },
      { name: 'neither@REALM1.EXAMPLE', right: 'Join-Realm' },
    );
    t.same(await importUsers(accounts, list), { rows: 3, added: 3, skipped: 0 });

    const pass = present(await accounts.principals.find('pass'));
    t.match(pass, { kind: 'user', right: 'Viewer', passwordChanged: 1_800_000_000 });
    t.same(
      pass.keys[0]?.key.bytes,
      (await nodeCrypto.stringToKey(20, 'secret words', 'REALM1.EXAMPLEpass')).bytes,
    );
    const keys = present(await accounts.principals.find('keys'));
    t.equal(keys.right, undefined);
    t.same(
      keys.keys.map(({ key, kvno, salt }) => [key.etype, key.bytes, kvno, salt]),
      [
        [18, fromHex(KEY18), 1, undefined],
        [17, fromHex(KEY17), 1, undefined],
      ],
    );
    const neither = present(await accounts.principals.find('neither'));
    t.match(neither, { right: 'Join-Realm' });
    t.same(
      neither.keys.map(({ key }) => key.etype),
      [20, 19, 18, 17],
    );
  });

  await t.test(
    'adds thousands in batches, says how far it is, and skips them all the second time',
    async (t) => {
      const accounts = await realm(t);
      async function* list(): AsyncGenerator<UserRow> {
        for (let line = 0; line < 5000; line++) yield { line, name: `user${line}` };
      }
      const progress: ImportProgress[] = [];
      t.same(await importUsers(accounts, list(), (each) => progress.push(each)), {
        rows: 5000,
        added: 5000,
        skipped: 0,
      });
      t.same(
        progress.map(({ rows }) => rows),
        [1000, 2000, 3000, 4000, 5000],
      );
      t.equal((await accounts.principals.list({ kind: 'user' })).length, 5000);
      const before = await accounts.principals.find('user4999');
      t.same(await importUsers(accounts, list()), { rows: 5000, added: 0, skipped: 5000 });
      t.same(await accounts.principals.find('user4999'), before);
    },
  );

  await t.test('commits sooner where passwords take their time', async (t) => {
    const accounts = { ...(await realm(t)), etypes: [17] };
    const list = Array.from({ length: 120 }, (_, line) => ({
      line,
      name: `user${line}`,
      password: 'password',
    }));
    const progress: number[] = [];
    await importUsers(accounts, list, ({ added }) => progress.push(added));
    t.same(progress, [50, 100, 120]);
  });

  await t.test(
    'ends at a bad row, naming line and reason, with all rows before it in the store',
    async (t) => {
      const bad: Record<string, [Omit<UserRow, 'line'>, RegExp]> = {
        'no name': [{ name: '' }, /empty/],
        'a reserved name': [{ name: 'krbtgt/X' }, /reserved/],
        'another realm': [{ name: 'x@OTHER' }, /belongs to the realm/],
        'an unknown right': [{ name: 'x', right: 'administrator' }, /"administrator" is no right/],
        'a bad password': [{ name: 'x', password: 'a\nb' }, /control/],
        'a short password': [{ name: 'x', password: 'short' }, /5 characters, and at least 8/],
        'a name as password': [{ name: 'margarete', password: 'MARGARETE' }, /name of the user/],
        both: [{ name: 'x', password: 'a', keys: `18:${KEY18}` }, /both/],
        'an unknown etype': [{ name: 'x', keys: `99:${KEY18}` }, /does not use the etype etype-99/],
        RC4: [{ name: 'x', keys: `23:${KEY17}` }, /does not use/],
        'no etype': [{ name: 'x', keys: KEY18 }, /no etype in front/],
        'a wrong etype name': [{ name: 'x', keys: `aes:${KEY18}` }, /"aes" is no etype/],
        'a short key': [{ name: 'x', keys: `18:${KEY17}` }, /not 32 bytes/],
        'no hex': [{ name: 'x', keys: `17:${'g'.repeat(32)}` }, /not 16 bytes in hexadecimal/],
        'one etype twice': [{ name: 'x', keys: `17:${KEY17} 17:${KEY17}` }, /two of aes128/],
        'letter case': [{ name: 'BEFORE' }, /cannot be told from "before"/],
      };
      for (const [what, [row, message]] of Object.entries(bad)) {
        const accounts = await realm(t);
        const list = rows({ name: 'before' }, { name: 'too' }, row, { name: 'after' });
        const error = await importUsers(accounts, list).catch((caught: unknown) => caught);
        t.match(
          error,
          { code: 'bad-row', message, hint: /2 added, 0 existed.*import the list again/s },
          what,
        );
        t.match(error, { message: /^line 4 / });
        t.notMatch((error as Error).message, /0123456789abcdef|fedcba9876543210/i);
        t.same(
          (await accounts.principals.list()).map(({ name }) => name),
          ['before', 'too'],
          what,
        );
      }
    },
  );

  await t.test('ends at a name that differs from an existing one by its case alone', async (t) => {
    const accounts = await realm(t);
    await importUsers(accounts, rows({ name: 'Alice' }));
    const list = rows({ name: 'bob' }, { name: 'Alice' }, { name: 'alice' }, { name: 'carol' });
    await t.rejects(importUsers(accounts, list), {
      code: 'bad-row',
      message:
        'line 4 ("alice"): "alice" cannot be told from "Alice", which exists: letter case does not make another name',
      hint: /1 added, 1 existed/,
    });
    t.ok(await accounts.principals.find('bob'));
    t.equal(await accounts.principals.find('carol'), undefined);
  });

  await t.test('takes a name that stands twice in the list once', async (t) => {
    const accounts = await realm(t);
    t.same(await importUsers(accounts, rows({ name: 'a' }, { name: 'a' })), {
      rows: 2,
      added: 1,
      skipped: 1,
    });
  });

  await t.test('that was killed leaves whole batches and a store that works', async (t) => {
    const data = `${temporaryDir(t)}/data`;
    const importing = storeProcess(t, data, 'import', '100000');
    const told = Number(await importing.line());
    await importing.kill();
    const { principals } = await temporaryStore(t, { data });
    const users = await principals.list();
    t.ok(users.length >= told && users.length < 100_000, `${users.length} users`);
    t.equal(users.length % 1000, 0);
    for (const name of ['user0', `user${users.length - 1}`])
      t.equal((await principals.find(name))?.keys.length, 4);

    const accounts = { ...(await realm(t)), principals };
    const list = Array.from({ length: users.length + 10 }, (_, line) => ({ line, name: `user${line}` }));
    t.same(await importUsers(accounts, list), { rows: list.length, added: 10, skipped: users.length });
  });
});
