/**
 * A device that lets the realm decide who may administer it, by one HTTPS request for each login. examples/README.md says how to run it.
 *
 *     main.ts --data DIR --host NAME --server https://realm.example --ca FILE --token-file FILE \
 *             --cert FILE --key FILE [--listen 127.0.0.1:8443] [--name localhost]
 *
 * --token-file, a join token, is needed until the device has joined.
 */
import { readFileSync } from 'node:fs';
import { withEmergency } from './emergency.ts';
import { openFolder } from './files.ts';
import { identityIn, KEYTAB } from './join.ts';
import { PAGE_OPTIONS, pageOptions, readOptions } from './options.ts';
import { createProxy } from './proxy.ts';
import { serve } from './server.ts';
import { ticketReader } from './ticket.ts';

try {
  const options = readOptions(['data', 'host', 'server', 'ca', 'token-file', ...PAGE_OPTIONS]);
  const page = pageOptions(options);
  const folder = openFolder(options.one('data'));
  const identity = await identityIn(folder, {
    host: options.one('host'),
    server: options.one('server'),
    ca: readFileSync(options.one('ca'), 'utf8'),
    joinToken: () => readFileSync(options.one('token-file'), 'utf8').trim(),
    say: console.error,
  });
  const { host, realm } = identity;

  const readTicket = ticketReader(folder.read(KEYTAB) ?? new Uint8Array());
  const { logIn, page: realmPage } = createProxy(identity, readTicket);
  const { server, url } = await serve({
    ...page,
    host,
    realmPage,
    logIn: await withEmergency(folder, logIn),
  });
  console.log(`${host} of ${realm}: ${url}`);
  process.once('SIGTERM', () => server.close().closeAllConnections());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
