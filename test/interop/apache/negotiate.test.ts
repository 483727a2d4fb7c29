/** Apache with mod_auth_gssapi as a device's web server, and curl --negotiate as the browser. */
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { onFreePort, startDaemon, untilListening } from '../../support/daemon.ts';
import type { TestKdc } from '../../support/kdc.ts';
import { requireKdc, startKdc } from '../../support/kdc.ts';
import { requirePeer } from '../../support/peers.ts';
import type { Scope } from '../../support/run.ts';
import { runOk } from '../../support/run.ts';
import type { Session } from '../../support/session.ts';
import { newSession } from '../../support/session.ts';

const HOST = 'device1.realm1.example';

await t.test('Apache mod_auth_gssapi', async (t) => {
  if (!requirePeer(t, 'apache', 'curl', 'mit-client') || !requireKdc(t)) return;
  const kdc = await startKdc(t, {
    users: [{ name: 'alice', password: 'Alice.pass1', right: 'Administrator' }],
    services: [{ name: `HTTP/${HOST}` }],
  });
  const keytab = await kdc.exportKeytab(`HTTP/${HOST}`);
  const port = await startApache(t, kdc, keytab);

  await t.test('lets nobody in without a ticket', async (t) => {
    const { status, text } = await fetchPage(newSession(kdc), port);
    t.equal(status, 401, text);
    t.match(text, /^WWW-Authenticate: Negotiate\r$/m);
  });

  for (const etype of [
    'aes256-cts-hmac-sha384-192',
    'aes128-cts-hmac-sha256-128',
    'aes256-cts-hmac-sha1-96',
    'aes128-cts-hmac-sha1-96',
  ]) {
    await t.test(`knows the user by a ticket with a session key of ${etype}`, async (t) => {
      const alice = newSession(kdc, { libdefaults: { permitted_enctypes: etype } });
      await alice.kinit(['alice'], 'Alice.pass1');
      const { status, text } = await fetchPage(alice, port, '--negotiate', '-u', ':');
      t.equal(status, 200, text);
      t.match(text, /^the device$/m);
      t.match(text, `X-Remote-User: alice@${kdc.realm}\r\n`);
      t.match(text, /^WWW-Authenticate: Negotiate \S+\r$/m, 'the server proved itself, too');
      t.equal((await alice.klist()).ticket(`HTTP/${HOST}`).sessionEtype, etype);
    });
  }

  await t.test('stays closed to a user without tickets', async (t) => {
    const { status, text } = await fetchPage(newSession(kdc), port, '--negotiate', '-u', ':');
    t.equal(status, 401, text);
  });
});

/** What curl got in the end: status, and all headers and bodies on the way, the last one last. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Fetches the page with curl; the host name is the device's, its address loopback. */
async function fetchPage(session: Session, port: number, ...args: readonly string[]): Promise<Answer> {
  const { stdout, output } = await session.run('curl', [
    ...['--silent', '--show-error', '--include'],
    ...['--resolve', `${HOST}:${port}:127.0.0.1`],
    ...['--write-out', '\\n%{http_code}'],
    ...args,
    `http://${HOST}:${port}/status.txt`,
  ]);
  return { status: Number(stdout.slice(stdout.lastIndexOf('\n'))), text: output };
}

/** Starts an httpd of its own, as whoever runs the tests; returns its port. */
async function startApache(t: Scope, kdc: TestKdc, keytab: string): Promise<number> {
  const dir = join(kdc.dir, 'httpd');
  mkdirSync(join(dir, 'htdocs'), { recursive: true });
  writeFileSync(join(dir, 'htdocs', 'status.txt'), 'the device\n');
  const ownKeytab = join(dir, 'http.keytab');
  copyFileSync(keytab, ownKeytab);
  const env = { ...kdc.env, KRB5RCACHENAME: `dfl:`, KRB5RCACHEDIR: dir };
  let identity = '';
  if (process.getuid?.() === 0) {
    // httpd's workers give up root: they must get to the pages and the key, and write the replay cache.
    const [uid, gid] = (await runOk('getent', ['passwd', 'www-data'])).stdout
      .split(':')
      .slice(2, 4)
      .map(Number);
    identity = 'User www-data\nGroup www-data';
    chmodSync(kdc.dir, 0o711);
    chmodSync(kdc.krb5conf, 0o644);
    for (const path of [dir, ownKeytab]) chownSync(path, uid ?? 0, gid ?? 0);
  }
  const { port } = await onFreePort(async (port) => {
    const conf = join(dir, 'httpd.conf');
    writeFileSync(conf, httpdConf(dir, port, ownKeytab, identity));
    const daemon = startDaemon(t, 'apache2', ['-DFOREGROUND', '-f', conf], { env, log: join(dir, 'output') });
    await untilListening(daemon, port);
    return daemon;
  });
  return port;
}

function httpdConf(dir: string, port: number, keytab: string, identity: string): string {
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'headers', 'mime', 'auth_gssapi'];
  return `
ServerRoot ${dir}
ServerName ${HOST}
Listen 127.0.0.1:${port}
PidFile ${dir}/httpd.pid
DefaultRuntimeDir ${dir}
Mutex file:${dir}
ErrorLog /dev/stderr
LogLevel warn auth_gssapi:info
${identity}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
TypesConfig /dev/null
DocumentRoot ${dir}/htdocs
<Directory ${dir}/htdocs>
  AuthType GSSAPI
  AuthName device
  GssapiCredStore keytab:${keytab}
  GssapiAllowedMech krb5
  GssapiSSLonly Off
  Require valid-user
  Header set X-Remote-User "expr=%{REMOTE_USER}"
</Directory>
`;
}
