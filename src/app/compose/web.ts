/** The HTTPS server and everything that it serves. */
import { ensureRealmPrincipals, krbtgtName } from '../../accounts/realm-principals.ts';
import type { Logger } from '../../base/ports.ts';
import type { Sid } from '../../base/sid.ts';
import { nodeTimer } from '../../client/node.ts';
import type { WebEvent } from '../../http/event.ts';
import { kdcProxyRoutes } from '../../http/kdc-proxy.ts';
import { withPrincipals } from '../../http/principals.ts';
import { type RealmInfo, realmRoutes } from '../../http/realm-routes.ts';
import { createWeb } from '../../http/server.ts';
import { type JoinEvent, joinRoutes } from '../../join/routes.ts';
import type { Kdc } from '../../kdc/kdc.ts';
import { type LoginEvent, loginRoutes } from '../../login/routes.ts';
import { deviceNames } from '../../realm/device.ts';
import type { PrincipalKey } from '../../realm/principal.ts';
import type { Endpoint } from '../../transport/endpoint.ts';
import { parseEndpoint } from '../../transport/endpoint.ts';
import { listenError } from '../../transport/listen-error.ts';
import type { HttpsConfig } from '../config/https.ts';
import { deviceAccounts } from '../devices.ts';
import { clientAddresses, httpsUrls } from './addresses.ts';
import { createCallers } from './callers.ts';
import { keepCertificate } from './certificate.ts';
import type { PasswordServer } from './kpasswd.ts';
import { type Realm, systemClock } from './realm.ts';
import { createUpstream } from './upstream.ts';

export interface WebServerOptions {
  readonly https: HttpsConfig;
  readonly realm: Realm;
  readonly sid: Sid;
  readonly kdc: Kdc;
  /** Where the KDC listens. */
  readonly kdcListening: readonly Endpoint[];
  readonly passwords: Pick<PasswordServer, 'handler' | 'listening'>;
  readonly log: Logger;
  readonly observe: (event: WebEvent) => void;
  readonly observeJoin: (event: JoinEvent) => void;
  readonly observeLogin: (event: LoginEvent) => void;
}

/** An HTTPS server that serves. */
export interface WebServer {
  readonly listening: readonly Endpoint[];
  /** Where clients reach it: `https://realm1.example`. */
  readonly urls: readonly string[];
  /** SHA-256 of the CA's certificate, or of the server's own. */
  readonly fingerprint: string;
  /** PEM file of the realm's own CA. */
  readonly caFile: string | undefined;
  /** Takes names and certificate of a configuration that was changed. Addresses stay. Throws as `keepCertificate` and `ensureRealmPrincipals`. */
  reload(https: HttpsConfig): Promise<void>;
  close(): Promise<void>;
}

/** How often it is looked whether the certificate ends soon, in milliseconds. */
const CERTIFICATE_INTERVAL = 3_600_000;

/** Starts it; where something fails on the way, nothing stays open. Throws `RealmwardError`, among others `bad-https-certificate` and `port-in-use`. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const { realm: open, sid, kdc, passwords, log } = options;
  const { config, store, accounts } = open;
  const { realm } = config;
  let { names } = options.https;
  let listening: readonly Endpoint[] = [];

  const keeper = await keepCertificate(options.https, {
    realm,
    data: config.data,
    clock: systemClock,
    log,
    changed: (tls) => web.setTls(tls),
  });

  const callers = createCallers({
    realm: open,
    sid,
    kdc,
    kpasswd: passwords.handler,
    names: () => names,
    certificates: () => keeper.shown,
  });
  const upstream = createUpstream({ trusts: store.trustDirectory, records: store.trusts });
  const urls = (): readonly string[] => httpsUrls(listening, names);
  const info = (): RealmInfo => ({
    realm,
    servers: {
      kdc: clientAddresses(options.kdcListening, names),
      kpasswd: clientAddresses(passwords.listening, names),
      https: urls(),
      kdcProxy: urls().map((url) => `${url}/KdcProxy`),
    },
    ca: keeper.current.ca ?? null,
    fingerprint: keeper.current.fingerprint,
  });

  const web = await createWeb({
    names: () => names,
    tls: keeper.current.tls,
    log,
    observe: options.observe,
    plugins: [
      realmRoutes({ info, clock: systemClock, check: () => checkStore(open) }),
      kdcProxyRoutes({
        realm,
        kdc,
        kpasswd: passwords.handler,
        trusted: upstream.realms,
        forward: upstream.send,
        addressLimit: config.login,
      }),
      joinRoutes({
        accounts: deviceAccounts(open, () => names),
        authenticate: callers.authenticate('person', 'device', 'join-token'),
        servers: () => info().servers,
        ca: () => keeper.current.ca,
        observe: options.observeJoin,
      }),
      loginRoutes({
        realm,
        origin: () => urls()[0] as string,
        authenticate: callers.authenticate,
        passwords: callers.passwords,
        deviceKeys: (host) => deviceKeys(open, host),
        observe: options.observeLogin,
        now: nodeTimer.now,
      }),
    ],
  });
  try {
    for (const endpoint of options.https.listen.map(parseEndpoint)) {
      const port = await web.listen(endpoint).catch((error: unknown) => {
        throw listenError(error, 'tcp', endpoint);
      });
      listening = [...listening, { host: endpoint.host, port }];
    }
  } catch (error) {
    await web.close();
    throw error;
  }
  const timer = setInterval(() => {
    keeper
      .check()
      .catch((error: unknown) => log.error({ err: error }, 'the certificate of HTTPS could not be renewed'));
  }, CERTIFICATE_INTERVAL).unref();

  return {
    get listening() {
      return listening;
    },
    get urls() {
      return urls();
    },
    get fingerprint() {
      return keeper.current.fingerprint;
    },
    get caFile() {
      return keeper.current.caFile;
    },
    async reload(https) {
      await ensureRealmPrincipals(accounts, https.names);
      await keeper.reload(https);
      names = https.names;
    },
    close() {
      clearInterval(timer);
      return web.close();
    },
  };
}

/** Whether the store can be read, past what memory holds. */
async function checkStore({ store, config }: Realm): Promise<void> {
  const krbtgt = await store.principals.find(krbtgtName(config.realm));
  if (krbtgt === undefined) throw new Error('the store has no krbtgt');
}

/** Keys of `host/<host>`, where that is a device and not disabled. */
async function deviceKeys({ store }: Realm, host: string): Promise<readonly PrincipalKey[]> {
  if ((await store.deviceDirectory.find(host)) === undefined) return [];
  return withPrincipals(store.directory, () => store.directory.get(deviceNames.host(host))?.keys ?? []);
}
