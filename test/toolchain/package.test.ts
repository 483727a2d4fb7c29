import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { onFreePort, startDaemon, untilListening } from '../support/daemon.ts';
import { findProgram } from '../support/peers.ts';
import { CLEAN_ENV, run, runOk, temporaryFolder } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  engines: { node: string };
  dependencies: Record<string, string>;
};
const env = {
  ...CLEAN_ENV,
  PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
};

await t.test('a Node that is too old says what it is, what is needed and how to get it', async (t) => {
  const bin = join(root, 'bin/realmward.js');
  const start = (node: string, pretended?: string) => {
    const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${pretended}'})`;
    return run(node, [...(pretended === undefined ? [] : ['--import', pretend]), bin, '--version']);
  };

  for (const version of ['12.22.12', '20.20.2', '24.20.9']) {
    const { code, stdout, stderr } = await start(process.execPath, version);
    t.equal(code, 1, `Node ${version} is refused`);
    t.equal(stdout, '');
    t.ok(stderr.includes(` is ${version}`) && stderr.includes('npm ci'), 'and is told what to do');
  }
  for (const version of ['24.21.0', '25.0.0']) {
    const { code, stderr } = await start(process.execPath, version);
    t.equal(code, 0, `Node ${version} is good enough: ${stderr}`);
  }
  const { stderr } = await start(process.execPath, '12.22.12');
  const needed = /needs Node (\S+) or later/.exec(stderr)?.[1];
  t.equal(manifest.engines.node, `>=${needed}`, 'package.json asks for the same');

  const system = findProgram('node');
  const version = system === undefined ? '' : (await runOk(system, ['--version'])).stdout.trim();
  if (system === undefined || Number(/\d+/.exec(version)?.[0]) >= 24) {
    t.comment('no older Node on this machine to try it with');
  } else {
    const old = await start(system);
    t.equal(old.code, 1, `${system} (${version}) is refused`);
    t.match(
      old.stderr,
      new RegExp(`^realmward needs Node ${needed} or later, and .* is ${version.slice(1)}: `),
    );
  }
});

await t.test('the packed package runs where it is installed, with its own dependencies alone', async (t) => {
  const folder = temporaryFolder(t);
  const clone = join(folder, 'clone');
  mkdirSync(clone);
  for (const name of [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'bin',
    'src',
    'realm-config',
    'packaging',
    'LICENSE',
    'NOTICE',
    'CHANGELOG.md',
  ]) {
    cpSync(join(root, name), join(clone, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));

  // Without the hooks that tap hands to Node's children: Node cannot load a program without extension, as tsc is, through them.
  const pack = ['npm', 'pack', '--json', '--loglevel=error', '--pack-destination', folder];
  const packed = await runOk('env', ['-u', 'NODE_OPTIONS', ...pack], { cwd: clone, env });
  const [report] = JSON.parse(packed.stdout) as { filename: string; files: { path: string }[] }[];
  if (report === undefined) throw new Error(`npm pack reported nothing:\n${packed.output}`);
  const files = report.files.map((file) => file.path);
  for (const name of [
    'bin/realmward.js',
    'dist/cli/main.js',
    'dist/cli/main.d.ts',
    'realm-config/demo.yaml',
    'LICENSE',
    'NOTICE',
  ]) {
    t.ok(files.includes(name), `${name} is in the package`);
  }
  t.strictSame(
    files.filter((name) => /^(src|test|bench|fixtures|node_modules)\//.test(name)),
    [],
    'sources, tests and other packages are not',
  );

  // As npm lays it out: the package, and beside it what it depends on.
  const modules = join(folder, 'app/node_modules');
  mkdirSync(modules, { recursive: true });
  await runOk('tar', ['-xzf', join(folder, report.filename), '-C', modules]);
  await runOk('mv', [join(modules, 'package'), join(modules, 'realmward')]);
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  const bin = join(modules, 'realmward/bin/realmward.js');
  const realmward = (...args: string[]) => run(process.execPath, [bin, ...args], { cwd: folder, env });

  const version = await realmward('--version');
  t.equal(version.stdout.trim(), manifest.version, version.stderr);
  t.equal(version.code, 0);
  const help = await realmward('--help');
  t.equal(help.code, 0);
  t.match(help.stdout, /\bserve\b/);

  const config = join(folder, 'realm.yaml');
  const { daemon } = await onFreePort(async (port) => {
    writeFileSync(config, `realm: REALM1.EXAMPLE\ndata: ./data\nlisten: { kdc: ["127.0.0.1:${port}"] }\n`);
    const started = startDaemon(t, process.execPath, [bin, 'serve', '--config', config], {
      env,
      log: join(folder, 'log'),
    });
    await untilListening(started, port);
    return started;
  });
  const ping = await realmward('ping', '--config', config);
  t.equal(ping.code, 0, `it serves a realm: ${ping.output}${daemon.log()}`);
});

await t.test('the lock file names no registry', async (t) => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  t.notMatch(lock, /"resolved"/, '.npmrc keeps these lines out: omit-lockfile-registry-resolved');
});
