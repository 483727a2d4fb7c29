import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { run, temporaryFolder } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');
const ALWAYS = ['base', 'spec'];

/** Rows of ARCHITECTURE.md's table of floors, in its order. */
const rows = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  .split('\n')
  .map((line) => /^\| (\d) +\| `(\w+)\/` +\| (.*?) +\| (.*?) +\|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, floor, folder, what, may]) => ({
    floor: Number(floor),
    folder: folder as string,
    later: (what as string).includes('_later_'),
    may: may as string,
  }));
const folders = rows.map((row) => row.folder);

/** Folders, or parts of them (`admin/schema`), that this row's cell names. */
function named(row: (typeof rows)[number]): string[] {
  if (row.may === 'nothing') return [];
  if (row.may === 'everything but cli')
    return folders.filter((folder) => folder !== row.folder && folder !== 'cli');
  return row.may.split(' ').flatMap((word) => (word === '0' ? ALWAYS : [word]));
}

await t.test('the table of floors in ARCHITECTURE.md is about the folders that are there', async (t) => {
  const there = readdirSync(join(root, 'src'), { withFileTypes: true }).filter(
    (entry) => !entry.isDirectory() || readdirSync(join(root, 'src', entry.name)).length > 0,
  );
  t.strictSame(
    there.filter((entry) => !entry.isDirectory()).map((entry) => entry.name),
    [],
    'no file lies beside the folders of src/',
  );
  t.strictSame(
    there.map((entry) => entry.name).toSorted(),
    rows
      .filter((row) => !row.later)
      .map((row) => row.folder)
      .toSorted(),
    'every folder has a row, and a row without a folder says "later"',
  );
  for (const row of rows) {
    for (const entry of named(row)) {
      const lower = rows.find((other) => other.folder === entry.split('/')[0]);
      t.ok(lower !== undefined && lower.floor < row.floor, `${row.folder} is above ${entry}`);
    }
  }
});

/** One import in one file, and whether the linter must refuse it. */
interface Case {
  readonly file: string;
  readonly code: string;
  readonly refused: boolean;
}

await t.test('the linter allows exactly the imports that the table names', async (t) => {
  const cases = rows.flatMap((row) =>
    folders
      .filter((folder) => folder !== row.folder)
      .flatMap((folder): Case[] => {
        const refused = !named(row).includes(folder);
        return [
          { file: `src/${row.folder}/to-${folder}.ts`, code: `import '../${folder}/thing.ts';`, refused },
          {
            file: `src/${row.folder}/deep/to-${folder}.ts`,
            code: `import '../../${folder}/deep/thing.ts';`,
            refused,
          },
        ];
      }),
  );
  t.ok(cases.length > 900, 'every pair of folders is tried');
  await compare(t, cases);
});

await t.test('the linter holds the other limits on imports', async (t) => {
  await compare(t, [
    // Every way of saying it.
    {
      file: 'src/kdc/import.ts',
      code: `import { a } from '../store/a.ts';\nexport const b = a;`,
      refused: true,
    },
    {
      file: 'src/kdc/import-type.ts',
      code: `import type { A } from '../store/a.ts';\nexport type B = A;`,
      refused: true,
    },
    { file: 'src/kdc/export.ts', code: `export { a } from '../store/a.ts';`, refused: true },
    { file: 'src/kdc/export-all.ts', code: `export * from '../store/a.ts';`, refused: true },
    { file: 'src/kdc/dynamic.ts', code: `export const a = import('../store/a.ts');`, refused: true },
    { file: 'src/kdc/absolute.ts', code: `import '/src/store/a.ts';`, refused: true },
    { file: 'src/kdc/by-name.ts', code: `import '#store/a.ts';`, refused: true },
    { file: 'src/kdc/own-folder.ts', code: `import '../kdc/a.ts';\nimport './steps/a.ts';`, refused: false },
    { file: 'src/kdc/test.ts', code: `import '../../test/support/clock.ts';`, refused: true },

    // Part of a folder.
    { file: 'src/cli/schema.ts', code: `import '../admin/schema.ts';`, refused: false },
    { file: 'src/cli/schema-deep.ts', code: `import '../admin/schema/user.ts';`, refused: false },
    { file: 'src/cli/routes.ts', code: `import '../admin/routes/user.ts';`, refused: true },
    { file: 'src/cli/schematic.ts', code: `import '../admin/schematic.ts';`, refused: true },
    { file: 'src/cli/short.ts', code: `import '../admin/s.ts';`, refused: true },

    // Without Node.
    { file: 'src/codec/fs.ts', code: `import 'node:fs';`, refused: true },
    { file: 'src/base/crypto.ts', code: `import 'node:crypto';`, refused: true },
    { file: 'src/spec/util.ts', code: `import 'node:util';`, refused: true },
    { file: 'src/client/dns.ts', code: `import 'node:dns/promises';`, refused: true },
    { file: 'src/crypto/portable.ts', code: `import 'node:crypto';`, refused: true },
    { file: 'src/crypto/table.ts', code: `import './node.ts';`, refused: true },
    { file: 'src/crypto/deep/table.ts', code: `import '../node-pbkdf2.ts';`, refused: true },
    { file: 'src/crypto/node.ts', code: `import 'node:crypto';\nimport './node-pbkdf2.ts';`, refused: false },
    { file: 'src/crypto/node-pbkdf2.ts', code: `import 'node:crypto';`, refused: false },
    { file: 'src/crypto/node-store.ts', code: `import '../store/a.ts';`, refused: true },
    { file: 'src/codec/buffer.ts', code: `export const a = Buffer.alloc(1);`, refused: true },
    { file: 'src/client/process.ts', code: `export const a = process.env;`, refused: true },
    { file: 'src/crypto/node-buffer.ts', code: `export const a = Buffer.alloc(1);`, refused: false },
    {
      file: 'src/store/node.ts',
      code: `import 'node:sqlite';\nexport const a = Buffer.alloc(1);`,
      refused: false,
    },

    // Bytes to bytes.
    { file: 'src/kdc/socket.ts', code: `import 'node:dgram';`, refused: true },
    { file: 'src/kdc/file.ts', code: `import 'node:fs/promises';`, refused: true },
    { file: 'src/pac/database.ts', code: `import 'node:sqlite';`, refused: true },
    { file: 'src/kdc/assert.ts', code: `import 'node:assert';`, refused: false },
    { file: 'src/transport/socket.ts', code: `import 'node:dgram';`, refused: false },

    // Packages with one keeper.
    {
      file: 'src/ops/time-sync.ts',
      code: `import 'ntp-time-sync';\nimport '../base/ports.ts';`,
      refused: false,
    },
    { file: 'src/ops/other.ts', code: `import 'ntp-time-sync';`, refused: true },
    { file: 'src/app/time.ts', code: `import 'ntp-time-sync';`, refused: true },
    { file: 'src/ops/dynamic.ts', code: `export const a = import('ntp-time-sync');`, refused: true },
    { file: 'src/store/rows.ts', code: `import 'kysely';`, refused: false },
    { file: 'src/app/rows.ts', code: `import 'kysely';`, refused: true },
    { file: 'src/kdc/rows.ts', code: `import 'kysely/helpers/sqlite';`, refused: true },
    { file: 'src/transport/udp.ts', code: `import 'dgram-as-promised';`, refused: false },
    { file: 'src/app/udp.ts', code: `import 'dgram-as-promised';`, refused: true },
  ]);
});

await t.test('the linter sees cycles, promises nobody waits for, and switches with a gap', async (t) => {
  const folder = lintFolder(t);
  write(folder, 'src/kdc/a.ts', `import { b } from './b.ts';\nexport const a = (): number => b();`);
  write(folder, 'src/kdc/b.ts', `import { a } from './a.ts';\nexport const b = (): number => a();`);
  write(folder, 'src/kdc/floating.ts', `export function f(p: Promise<void>): void {\n  p;\n}`);
  write(
    folder,
    'src/kdc/gap.ts',
    `export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}`,
  );
  const found = await lint(folder);
  const rulesOf = (file: string): string[] => found.filter((it) => it.file === file).map((it) => it.rule);
  t.match(rulesOf('src/kdc/a.ts'), ['import(no-cycle)']);
  t.ok(rulesOf('src/kdc/floating.ts').includes('typescript(no-floating-promises)'));
  t.ok(rulesOf('src/kdc/gap.ts').includes('typescript(switch-exhaustiveness-check)'));
});

/** Lints all cases in one run and says which of them the linter judged otherwise than they say. */
async function compare(t: Test, cases: readonly Case[]): Promise<void> {
  const folder = lintFolder(t);
  for (const { file, code } of cases) write(folder, file, code);
  const refused = new Set(
    (await lint(folder)).filter(({ rule }) => rule.includes('no-restricted-')).map(({ file }) => file),
  );
  const wrong = cases.filter((it) => refused.has(it.file) !== it.refused);
  t.strictSame(wrong, [], `the linter judges ${cases.length} files as it should`);
}

/** A temporary project with this one's lint and compiler settings and packages, and no files. */
function lintFolder(t: Test): string {
  const folder = temporaryFolder(t);
  for (const file of ['oxlint.config.ts', 'tsconfig.json', 'package.json'])
    copyFileSync(join(root, file), join(folder, file));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function write(folder: string, file: string, code: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), `${code}\n`);
}

async function lint(folder: string): Promise<{ file: string; rule: string }[]> {
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  // Without the hooks that tap hands to Node's children: Node cannot load a program without extension through them.
  const { stdout, output } = await run(
    'env',
    ['-u', 'NODE_OPTIONS', process.execPath, oxlint, '--format', 'json', 'src'],
    { cwd: folder },
  );
  if (!stdout.startsWith('{')) throw new Error(`oxlint did not answer in JSON:\n${output}`);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] };
  return diagnostics.map(({ filename, code }) => ({ file: filename, rule: code }));
}
