import type { DeviceAccounts } from '../../src/accounts/devices.ts';
import { ensureRealmPrincipals } from '../../src/accounts/realm-principals.ts';
import type { ClientContext, Send } from '../../src/client/index.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { createKdc } from '../../src/kdc/kdc.ts';
import type { KpasswdEvent } from '../../src/kpasswd/event.ts';
import { createKpasswd, type Kpasswd } from '../../src/kpasswd/kpasswd.ts';
import type { KpasswdOptions } from '../../src/kpasswd/realm.ts';
import type { Store } from '../../src/store/open.ts';
import { FakeClock, MemoryRealm, REALM } from './memory-realm.ts';
import { present } from './present.ts';
import type { Scope } from './run.ts';
import { temporaryStore } from './temporary-store.ts';

export const CLIENT_ADDRESS = {
  transport: 'tcp',
  address: '192.0.2.1',
  port: 4711,
  localAddress: '192.0.2.9',
};

/** A realm with a store, a KDC and a password service over it, and the client that speaks to both in this process. */
export interface PasswordRealm {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly accounts: DeviceAccounts;
  readonly options: KpasswdOptions;
  readonly kpasswd: Kpasswd;
  readonly events: KpasswdEvent[];
  readonly context: ClientContext;
  /** The same client, with something done to what it sends to the password service. */
  through(change: (request: Uint8Array) => Uint8Array): ClientContext;
  lastEvent(): KpasswdEvent;
  /** Another password service over the same store, as after a restart. */
  restart(): Kpasswd;
}

export async function passwordRealm(t: Scope): Promise<PasswordRealm> {
  const store = await temporaryStore(t, { realm: REALM });
  const memory = new MemoryRealm();
  const { clock } = memory;
  const { policy } = memory.options;
  const accounts: DeviceAccounts = {
    realm: REALM,
    principals: store.principals,
    devices: store.devices,
    crypto: nodeCrypto,
    clock,
    etypes: policy.etypes,
    passwordLength: 8,
    reservedHosts: ['realm1.example'],
    maxTicketLife: policy.maxLife + policy.clockSkew,
  };
  await ensureRealmPrincipals(accounts);
  const events: KpasswdEvent[] = [];
  const options: KpasswdOptions = {
    accounts,
    directory: store.directory,
    clockSkew: policy.clockSkew,
    observe: (event) => events.push(event),
  };
  const kdc = createKdc({ ...memory.options, directory: store.directory });
  let kpasswd = createKpasswd(options);
  // Its start is a moment ago: what is sent from now on is new.
  clock.advance(2);
  const send =
    (change: (request: Uint8Array) => Uint8Array): Send =>
    async (_realm, message, { service = 'kdc' } = {}) =>
      present(
        service === 'kpasswd'
          ? await kpasswd(change(message), CLIENT_ADDRESS)
          : await kdc(message, { ...CLIENT_ADDRESS, maxReply: 65_536 }),
      );
  const through = (change: (request: Uint8Array) => Uint8Array): ClientContext => ({
    crypto: nodeCrypto,
    clock,
    send: send(change),
  });
  return {
    store,
    clock,
    accounts,
    options,
    events,
    get kpasswd() {
      return kpasswd;
    },
    context: through((request) => request),
    through,
    lastEvent: () => present(events.at(-1)),
    restart: () => (kpasswd = createKpasswd(options)),
  };
}
