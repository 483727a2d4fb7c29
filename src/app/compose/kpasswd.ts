/** Where passwords are changed. */
import type { Logger } from '../../base/ports.ts';
import type { KpasswdEvent } from '../../kpasswd/event.ts';
import { createKpasswd, type Kpasswd } from '../../kpasswd/kpasswd.ts';
import type { Endpoint } from '../../transport/endpoint.ts';
import { startTransports } from '../../transport/listen.ts';
import { deviceAccounts } from '../devices.ts';
import type { Realm } from './realm.ts';

/** A service that changes passwords. */
export interface PasswordServer {
  /** For whom requests reach otherwise than over UDP and TCP. */
  readonly handler: Kpasswd;
  /** Where it listens, with real ports. */
  readonly listening: readonly Endpoint[];
  close(): Promise<void>;
}

/** Starts it on the addresses that the configuration names, if it names any. Throws `RealmwardError`, among others `port-in-use`. */
export async function startPasswordServer(
  realm: Realm,
  { log, observe }: { readonly log: Logger; readonly observe: (event: KpasswdEvent) => void },
): Promise<PasswordServer> {
  const { config, store } = realm;
  const { clockSkew } = config.policy;
  const accounts = deviceAccounts(realm, () => config.https?.names ?? []);
  const handler = createKpasswd({ accounts, directory: store.directory, clockSkew, observe });
  const listen = config.listen.kpasswd;
  if (listen.length === 0) return { handler, listening: [], close: () => Promise.resolve() };
  const { addresses, close } = await startTransports({ listen, handler, log });
  return { handler, listening: addresses, close };
}
