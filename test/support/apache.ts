/** Apache with mod_auth_gssapi as a device's web server, and curl as the browser. */
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onFreePort, startDaemon, untilListening } from './daemon.ts';
import type { TestKdc } from './kdc.ts';
import type { Scope } from './run.ts';
import { runOk } from './run.ts';
import type { Session } from './session.ts';

/** The device's name; its service is `HTTP/` and this. */
export const APACHE_HOST = 'device1.realm1.example';

/** What curl got in the end: status, and all headers and bodies on the way, the last one last. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Fetches the page with curl; the host name is the device's, its address loopback. */
export async function fetchPage(session: Session, port: number, ...args: readonly string[]): Promise<Answer> {
  const { stdout, output } = await session.run('curl', [
    ...['--silent', '--show-error', '--include'],
    ...['--resolve', `${APACHE_HOST}:${port}:127.0.0.1`],
    ...['--write-out', '\\n%{http_code}'],
    ...args,
    `http://${APACHE_HOST}:${port}/status.txt`,
  ]);
  return { status: Number(stdout.slice(stdout.lastIndexOf('\n'))), text: output };
}

/** Starts an httpd of its own, as whoever runs the tests; returns its port. */
export async function startApache(t: Scope, kdc: TestKdc, keytab: string): Promise<number> {
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
ServerName ${APACHE_HOST}
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
