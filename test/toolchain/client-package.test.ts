import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { startExample } from '../support/example-device.ts';
import { startRealmwardKdc } from '../support/realmward-kdc.ts';
import { CLEAN_ENV, run, runOk, temporaryFolder } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');
const folder = temporaryFolder(t);
const env = {
  ...CLEAN_ENV,
  PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
};

/** Without the hooks that tap hands to Node's children: Node cannot load a program without extension, as tsc is, through them. */
const UNHOOKED = ['-u', 'NODE_OPTIONS'];

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
}

const manifestIn = (path: string): Manifest =>
  JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest;
const server = manifestIn(root);

/** The package as npm lays it out in somebody's folder: beside it what it depends on, and nothing else. */
async function install(): Promise<{ app: string; installed: string }> {
  await runOk('env', [...UNHOOKED, process.execPath, join(root, 'packages/client/pack.ts'), folder], {
    cwd: folder,
    env,
  });
  const app = join(folder, 'app');
  const installed = join(app, 'node_modules/realmward-client');
  mkdirSync(installed, { recursive: true });
  const tarball = join(folder, `realmward-client-${server.version}.tgz`);
  await runOk('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  for (const name of Object.keys(manifestIn(installed).dependencies ?? {})) {
    const link = join(app, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
  return { app, installed };
}

const { app, installed } = await install();
const manifest = manifestIn(installed);

/** Files of the package that `entry` loads, and what else they name. */
function loaded(entry: string): { files: Set<string>; others: Set<string> } {
  const files = new Set<string>();
  const others = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/\bfrom\s*['"]([^'"]+)['"]/g))
      if (name.startsWith('.')) visit(join(dirname(file), name));
      else others.add(name);
  };
  visit(join(installed, entry));
  return { files, others };
}

const packageOf = (specifier: string): string =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

await t.test('nothing of the server comes along, and nothing under the GPL', async (t) => {
  t.match(manifest, { name: 'realmward-client', version: server.version, license: 'Apache-2.0' });
  for (const file of ['LICENSE', 'NOTICE', 'README.md']) t.ok(existsSync(join(installed, file)), file);
  t.notMatch(readFileSync(join(installed, 'NOTICE'), 'utf8'), /GPL|GNU/);

  const { stdout } = await runOk('find', ['dist', '-type', 'f'], { cwd: installed });
  const files = stdout.trim().split('\n');
  t.ok(files.length > 100, `${files.length} files`);
  const folders = new Set(files.map((file) => file.split('/')[1]));
  t.strictSame(folders, new Set(['ap', 'base', 'client', 'codec', 'crypto', 'spec']));
  const gpl = files.filter((file) => /GPL|GNU General/.test(readFileSync(join(installed, file), 'utf8')));
  t.strictSame(gpl, []);

  const wanted = Object.entries(manifest.dependencies ?? {});
  t.strictSame(
    wanted.map(([name]) => name),
    ['@noble/ciphers', '@noble/hashes', 'dns-packet'],
  );
  for (const [name, version] of wanted)
    t.equal(version, server.dependencies?.[name], `${name}, as the server has it`);
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const { license, dependencies = {} } = manifestIn(join(root, 'node_modules', name));
    t.match(license, /^(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD)$/, `${name} is under ${license}`);
    for (const next of Object.keys(dependencies)) visit(next);
  };
  for (const [name] of wanted) visit(name);
  t.ok(seen.size < 6, [...seen].join());
});

await t.test('its first entry runs without Node, the second has what it needs', async (t) => {
  const core = [...loaded(manifest.exports['.']?.default ?? '').others];
  t.strictSame([...new Set(core.map(packageOf))].toSorted(), ['@noble/ciphers', '@noble/hashes']);
  const node = [...loaded(manifest.exports['./node']?.default ?? '').others];
  t.strictSame(
    node.filter((name) => !name.startsWith('node:')),
    ['dns-packet'],
  );
});

await t.test('plain JavaScript logs in at our KDC, and a device opens the ticket', async (t) => {
  const kdc = await startRealmwardKdc(t, {
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: 'host/device1' }],
  });
  const script = `
    import { readFileSync, writeFileSync } from 'node:fs';
    import * as client from 'realmward-client';
    import { nodeClient } from 'realmward-client/node';

    const [server, realm, keytab] = process.argv.slice(2);
    const context = nodeClient({ realms: { [realm]: [server] }, dns: false });
    const alice = client.parsePrincipal('alice', realm);
    const login = (password) => client.getInitialTicket(context, { client: alice, proof: { password } });
    for (const crypto of [context.crypto, client.portableCrypto]) {
      const tgt = await client.getInitialTicket({ ...context, crypto }, { client: alice, proof: { password: 'Alice.pass1' } });
      const { credential } = await client.getServiceTicket(context, tgt, { name: client.nameOf('host', 'device1') });
      const sent = client.makeApReq(crypto, context.clock, credential, { mutual: true });
      const keys = client.keysOf(client.readKeytab(readFileSync(keytab)));
      const acceptor = { crypto, clock: context.clock, keys, replays: client.createReplayCache() };
      const verified = client.verifyApReq(acceptor, sent.message);
      client.verifyApRep(crypto, sent, client.makeApRep(crypto, verified));
      console.log(client.showPrincipal(verified.client), client.etypeName(verified.sessionKey.etype));
      const cache = client.writeCcache(client.toCcache([tgt, credential]));
      console.log(client.fromCcache(client.readCcache(cache)).length);
    }
    await login('wrong').catch((error) => console.log(error instanceof client.KerberosError, error.code));
    await login('wrong').catch((error) => console.log(error instanceof client.RealmwardError, error.hint.length > 10));
  `;
  writeFileSync(join(app, 'script.mjs'), script);
  const keytab = await kdc.exportKeytab('host/device1');
  const args = [join(app, 'script.mjs'), `127.0.0.1:${kdc.port}`, kdc.realm, keytab];
  const { stdout } = await runOk(process.execPath, args, { cwd: app, env });
  const line = `alice@${kdc.realm} aes256-cts-hmac-sha384-192`;
  t.strictSame(stdout.trim().split('\n'), [line, '2', line, '2', 'true kdc-err-preauth-failed', 'true true']);
});

await t.test('the examples are copied as they are, and run with the package', async (t) => {
  const copied = join(folder, 'vendor');
  for (const name of ['device', 'kerberos-device'])
    cpSync(join(root, 'examples', name), join(copied, name), { recursive: true });
  writeFileSync(join(copied, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(app, 'node_modules'), join(copied, 'node_modules'));
  const kdc = await startRealmwardKdc(t, {
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: 'host/device1' }],
  });
  const keytab = await kdc.exportKeytab('host/device1');
  const args = [
    '--data',
    join(copied, 'data'),
    '--keytab',
    keytab,
    '--kdc',
    `${kdc.realm}=127.0.0.1:${kdc.port}`,
  ];
  const device = await startExample(t, 'kerberos-device', copied, args, { from: copied });
  t.match(await device.settings('alice:Alice.pass1'), { status: 200, text: /alice@.*, Administrator/ });
  const { stderr } = await run(process.execPath, [join(copied, 'device/main.ts')], { env });
  t.equal(stderr, '--cert is missing\n', 'the other one loads');
});

await t.test('its types are those of a program that is compiled strictly', async (t) => {
  const program = (name: string, text: string): string => {
    writeFileSync(join(app, name), text);
    return name;
  };
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  const STRICT = '--noEmit --strict --module nodenext --target es2024 --exactOptionalPropertyTypes'.split(
    ' ',
  );
  const tsc = (file: string, ...options: string[]) =>
    runOk('env', [...UNHOOKED, join(root, 'node_modules/.bin/tsc'), ...STRICT, ...options, file], {
      cwd: app,
      env,
    });
  const browser = program(
    'browser.ts',
    `import { type Credential, getInitialTicket, parsePrincipal, portableClient, type RealmServers } from 'realmward-client';
     const realms: Record<string, RealmServers> = { R: ['https://proxy.test/KdcProxy'] };
     const context = portableClient({ realms, fetch });
     export const login = (password: string): Promise<Credential> =>
       getInitialTicket(context, { client: parsePrincipal('alice@R'), proof: { password } });
     // @ts-expect-error -- a proof is a password or a keytab
     void getInitialTicket(context, { client: parsePrincipal('alice@R'), proof: { pin: '1' } });`,
  );
  await tsc(browser, '--lib', 'es2024,esnext.disposable,dom', '--types', '');
  symlinkSync(join(root, 'node_modules/@types'), join(app, 'node_modules/@types'));
  symlinkSync(join(root, 'node_modules/undici-types'), join(app, 'node_modules/undici-types'));
  const node = program(
    'node.ts',
    `import { type ClientContext, createSender, type SenderEvent } from 'realmward-client';
     import { nodeClient, nodeNetwork } from 'realmward-client/node';
     const told: SenderEvent[] = [];
     export const context: ClientContext = nodeClient({ tls: { fingerprint: 'ab' }, dns: { servers: ['127.0.0.1'] } });
     void [createSender, nodeNetwork, told];`,
  );
  await tsc(node, '--types', 'node');
  t.pass('both compile');
});
