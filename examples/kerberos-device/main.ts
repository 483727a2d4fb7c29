/**
 * A device that speaks Kerberos itself, with the page of the other example. examples/README.md says how to run it.
 *
 *     main.ts --data DIR --keytab FILE --kdc REALM=SERVER[,SERVER] … [--ca FILE] --cert FILE --key FILE [--listen 127.0.0.1:8443] [--name localhost]
 *
 * --kdc once for each realm whose people may log in; a SERVER is host:port, or https://…/KdcProxy, whose authority is --ca.
 */
import { readFileSync } from 'node:fs';
import { withEmergency } from '../device/emergency.ts';
import { openFolder } from '../device/files.ts';
import { PAGE_OPTIONS, pageOptions, readOptions } from '../device/options.ts';
import { serve } from '../device/server.ts';
import { kerberosLogIn, ownName } from './log-in.ts';

try {
  const options = readOptions(['data', 'keytab', 'kdc', 'ca', ...PAGE_OPTIONS]);
  const page = pageOptions(options);
  const keytab = readFileSync(options.one('keytab'));
  const { realm, name } = ownName(keytab);
  const realms = Object.fromEntries(
    options.all('kdc').map((text) => {
      const [of = '', servers = ''] = text.split(/=(.*)/s);
      return [of, servers.split(',')];
    }),
  );
  if (realms[realm] === undefined)
    throw new Error(`--kdc ${realm}=… is missing: the KDC of the device's own realm`);
  const tls = options.all('ca').length === 0 ? {} : { ca: readFileSync(options.one('ca'), 'utf8') };

  const logIn = await withEmergency(openFolder(options.one('data')), kerberosLogIn({ keytab, realms, tls }));
  const host = name.nameString.slice(1).join('/');
  const { server, url } = await serve({ ...page, host, logIn });
  console.log(`${host} of ${realm}: ${url}`);
  process.once('SIGTERM', () => server.close().closeAllConnections());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
