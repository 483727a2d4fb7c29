import { resolve } from 'node:path';
import type { Config } from '../../app/config/load.ts';
import type { Server } from '../../app/compose/server.ts';
import { holdNewSpace } from '../../app/new-space.ts';
import { COMMAND, version } from '../../app/version.ts';
import type { Context } from '../context.ts';
import { fields } from '../table.ts';
import type { Define } from '../verbs.ts';

/** After a signal the process is gone by then, whatever happens, in milliseconds. */
const LAST_CALL = 10_000;
/** So long may something that nobody waits for keep the process from ending, a question to a time server for instance. */
const LINGER = 200;

/** realmward serve */
export const define: Define = (command, context) => {
  command
    .option('--pretty', 'print the log for people on standard output, too')
    .action(async ({ pretty = false }: { pretty?: boolean }) => {
      holdNewSpace();
      const stop = untilStopped();
      const config = await context.config();
      const { startServer } = await import('../../app/compose/server.ts');
      const server = await startServer(config, { environment: context.environment, pretty });
      const reload = (): void => void server.reload();
      process.on('SIGHUP', reload);
      greet(config, server, { pretty, context });
      await stop;
      setTimeout(() => process.exit(1), LAST_CALL).unref();
      await server.stop();
      process.off('SIGHUP', reload);
      setTimeout(() => process.exit(), LINGER).unref();
    });
};

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}

/** Tells what is served and what to do next; not into a log of JSON lines, where a line says the same. */
function greet(
  config: Config,
  server: Server,
  { pretty, context }: { pretty: boolean; context: Context },
): void {
  const { listening, kpasswd, krb5conf, prepared, sid, web } = server;
  if (context.options().json === true) {
    const { file = null } = config.log;
    process.stdout.write(
      `${JSON.stringify({ realm: config.realm, sid, listening, kpasswd, https: httpsOf(web), krb5conf, log: file, prepared })}\n`,
    );
    return;
  }
  const logOnStdout = config.log.file === undefined && !pretty;
  if (logOnStdout && !process.stdout.isTTY) return;
  const created = [...prepared.users, ...prepared.services, ...prepared.trusts];
  process.stdout.write(`
realmward ${version()} serves the realm ${config.realm}, ready after ${(performance.now() / 1000).toFixed(2)} seconds.

${fields({
  KDC: `${addresses(listening)} (UDP and TCP)`,
  passwords: kpasswd.length === 0 ? undefined : `${addresses(kpasswd)} (UDP and TCP)`,
  HTTPS: web?.urls.join(', '),
  'CA SHA-256': web?.fingerprint,
  'CA file': web?.caFile,
  'realm SID': sid,
  log: config.log.file ?? 'here',
  data: config.data,
  created: created.length === 0 ? undefined : created.join(', '),
})}

In another terminal:

  export KRB5_CONFIG=${krb5conf}
  export REALMWARD_CONFIG=${resolve(config.file)}
${nextSteps(config, web)}
Ctrl-C stops the server.

`);
}

function addresses(listening: Server['listening']): string {
  return listening
    .map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`))
    .join(', ');
}

function httpsOf(web: Server['web']): object | null {
  if (web === undefined) return null;
  const { listening, urls, fingerprint, caFile = null } = web;
  return { listening, urls, fingerprint, caFile };
}

function nextSteps({ realm, users, file }: Config, web: Server['web']): string {
  const [first] = users;
  if (first === undefined)
    return `  ${COMMAND} user add admin --right Administrator\n  kinit admin@${realm}\n`;
  const steps = [
    `kinit ${first.name}@${realm}         # its password: see users in ${file}`,
    'klist',
    `${COMMAND} user list`,
  ];
  const stager = users.find(({ right }) => right === 'Join-Realm');
  const url = web?.urls[0];
  if (stager !== undefined && web !== undefined && url !== undefined) {
    const trust = web.caFile === undefined ? `--fingerprint ${web.fingerprint}` : `--ca ${web.caFile}`;
    steps.push(
      `${COMMAND} join --server ${url} ${trust} --user ${stager.name} --host phone1 --keytab phone1.keytab`,
      `${COMMAND} device list`,
    );
  }
  return steps.map((step) => `  ${step}\n`).join('');
}
