/** The client's core runs without Node: what it imports, and what it needs of the world. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../..');

/** Every file that `entries` load, by following their imports; and every package and built-in beside. */
function loaded(...entries: string[]): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(file, 'utf8').replace(/\/\*[^]*?\*\//g, '');
    // A type is gone when Node has stripped it: only what is loaded counts.
    for (const [statement, specifier = ''] of text.matchAll(
      /^\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"][^'"]+['"]|\bimport\(/gm,
    )) {
      if (/^\s*(import|export)\s+type\b/.test(statement)) continue;
      if (specifier === '') throw new Error(`${file}: cannot follow ${statement.trim()}`);
      if (specifier.startsWith('.')) visit(resolve(dirname(file), specifier));
      else packages.add(specifier);
    }
  };
  for (const entry of entries) visit(join(root, entry));
  return { files: [...files].map((file) => relative(root, file)), packages: [...packages].toSorted() };
}

const CORE = ['src/client/portable.ts'];

await t.test('what the core loads is ours, or noble', async (t) => {
  const { files, packages } = loaded(...CORE);
  t.ok(files.length > 40, `the graph was walked: ${files.length} files`);
  for (const needed of ['src/codec/krb5/kdc.ts', 'src/ap/ap-req.ts', 'src/crypto/rfc3962.ts'])
    t.ok(files.includes(needed), needed);
  t.strictSame(
    packages.filter((name) => !name.startsWith('@noble/')),
    [],
  );
  t.ok(packages.length > 3, 'noble was seen');
  t.strictSame(
    files.filter((file) => /\/node(-[^/]*)?\.ts$/.test(file)),
    [],
  );
});

await t.test('the walk would find a built-in', async (t) => {
  const { packages } = loaded('src/client/node.ts');
  for (const name of ['node:dgram', 'node:net', 'node:dns', 'dns-packet'])
    t.ok(packages.includes(name), name);
});

await t.test('nothing of it names what only Node has', async (t) => {
  const { files } = loaded(...CORE);
  for (const file of files) {
    const code = readFileSync(join(root, file), 'utf8')
      .replace(/\/\*[^]*?\*\//g, '')
      .replace(/\/\/.*$/gm, '');
    t.notMatch(code, /\b(Buffer|process|require|setImmediate|__dirname)\b/, file);
  }
});
