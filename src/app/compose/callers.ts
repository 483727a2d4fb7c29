import { setTimeout as sleep } from 'node:timers/promises';
import { webServiceName } from '../../accounts/realm-principals.ts';
import type { Sid } from '../../base/sid.ts';
import { nodeTimer } from '../../client/node.ts';
import { nodeCrypto } from '../../crypto/node.ts';
import { createKeyGate } from '../../http/account-client.ts';
import { createAttemptGuard } from '../../http/attempt-guard.ts';
import { createPasswordChanger } from '../../http/change-password.ts';
import { type Authenticate, createAuthenticate } from '../../http/authenticate.ts';
import { createNegotiateCallers } from '../../http/negotiate-caller.ts';
import type { PasswordChanger, PasswordProver, ProvingService } from '../../http/password-proof.ts';
import { withPrincipals } from '../../http/principals.ts';
import { createPasswordProver } from '../../http/prove-password.ts';
import { createTicketReader } from '../../http/ticket-reader.ts';
import type { Kdc } from '../../kdc/kdc.ts';
import type { Kpasswd } from '../../kpasswd/kpasswd.ts';
import { loginRealms } from './login-realms.ts';
import { type Realm, systemClock } from './realm.ts';
import { realmClient } from './realm-client.ts';

export interface CallersOptions {
  readonly realm: Realm;
  readonly sid: Sid;
  readonly kdc: Kdc;
  readonly kpasswd: Kpasswd;
  /** Names of the HTTPS server; each is a service of the realm. */
  readonly names: () => readonly string[];
  /** DER of the certificates that it shows; another list when they change. */
  readonly certificates: () => readonly Uint8Array[];
}

/** What tells who sends a request. */
export interface Callers {
  readonly authenticate: Authenticate;
  /** Proves passwords, and changes them, at our realm and at those that we trust. */
  readonly passwords: PasswordProver & PasswordChanger;
}

export function createCallers({
  realm: open,
  sid,
  kdc,
  kpasswd,
  names,
  certificates,
}: CallersOptions): Callers {
  const { config, store } = open;
  const { realm, policy } = config;
  const { directory, trustDirectory, deviceDirectory: devices } = store;
  const clock = systemClock;

  const realms = (): ReturnType<typeof loginRealms> => loginRealms(realm, trustDirectory.all());
  const tickets = createTicketReader({
    realm,
    sid,
    crypto: nodeCrypto,
    clock,
    directory,
    devices,
    visitors: (other) => realms().some((one) => one.realm === other),
  });
  const ownService = (): Promise<ProvingService> =>
    withPrincipals(directory, () => {
      const name = webServiceName(names()[0] as string);
      return { name, keys: directory.get(name)?.keys ?? [] };
    });
  const guard = createAttemptGuard({
    realms,
    attempts: store.attempts,
    addressLimit: config.login,
    clock,
    timer: { now: nodeTimer.now, sleep: (milliseconds) => sleep(milliseconds) },
  });
  const client = realmClient({
    realm,
    policy,
    kdc,
    kpasswd,
    trusts: trustDirectory,
    records: store.trusts,
  });
  const shared = { guard, keys: createKeyGate(), realm, client: (address: string) => client.on(address) };
  const prover = createPasswordProver({
    ...shared,
    person: (ticket, key) => tickets.person(ticket, key),
    ownService,
    clockSkew: policy.clockSkew,
  });
  const passwords = { ...prover, ...createPasswordChanger(shared) };
  const negotiate = createNegotiateCallers({
    realm,
    crypto: nodeCrypto,
    clock,
    directory,
    reader: tickets,
    services: () => names().map(webServiceName),
    certificates,
    clockSkew: policy.clockSkew,
    etypes: policy.etypes,
  });
  const { joinTokens } = store;
  const authenticate = createAuthenticate({
    realm,
    clock,
    passwords,
    ownService,
    negotiate,
    devices,
    joinTokens,
  });
  return { authenticate, passwords };
}
