/**
 * Packs `realmward-client`, the Kerberos client as a package of its own, from the same sources as the server: what its two entries load, and
 * nothing else. `npm run pack:client` leaves the tarball here; `npm run pack:client -- FOLDER` in that folder.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;
const root = join(here, '../..');

/** What of the server's package holds for this one, too. */
const { version, license, engines, dependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as {
  readonly version: string;
  readonly license: string;
  readonly engines: object;
  readonly dependencies: Readonly<Record<string, string>>;
};

const entry = (name: string): object => ({
  types: `./dist/client/${name}.d.ts`,
  default: `./dist/client/${name}.js`,
});
const manifest = {
  name: 'realmward-client',
  version,
  description:
    'A Kerberos client for Node, browsers and devices: AS, TGS, referrals, renewal; UDP, TCP and HTTPS (MS-KKDCP).',
  keywords: ['kerberos', 'krb5', 'kinit', 'kkdcp', 'active-directory'],
  license,
  type: 'module',
  sideEffects: false,
  engines,
  exports: { '.': entry('portable'), './node': entry('node') },
  files: ['dist', 'NOTICE'],
  dependencies: Object.fromEntries(
    ['@noble/ciphers', '@noble/hashes', 'dns-packet'].map((name) => [name, dependencies[name]]),
  ),
};

const stage = mkdtempSync(join(tmpdir(), 'realmward-client-'));
try {
  const run = (file: string, args: string[], cwd: string): void =>
    void execFileSync(file, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  const tsc = join(root, 'node_modules/.bin/tsc');
  run(tsc, ['-p', here, '--outDir', join(stage, 'dist')], root);
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const file of ['README.md', 'NOTICE']) cpSync(join(here, file), join(stage, file));
  cpSync(join(root, 'LICENSE'), join(stage, 'LICENSE'));
  const destination = resolve(process.argv[2] ?? '.');
  mkdirSync(destination, { recursive: true });
  run('npm', ['pack', '--loglevel=error', '--pack-destination', destination], stage);
} finally {
  rmSync(stage, { recursive: true, force: true });
}
