/** A prover of passwords over our realm and one that it trusts, both in memory. */
import type { ClientContext } from '../../src/client/index.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { createKeyGate } from '../../src/http/account-client.ts';
import { type AttemptGuardOptions, createAttemptGuard } from '../../src/http/attempt-guard.ts';
import { personOf } from '../../src/http/person.ts';
import type { PasswordAttempt, PasswordProof, ProvingService } from '../../src/http/password-proof.ts';
import { createPasswordProver, type PasswordProverOptions } from '../../src/http/prove-password.ts';
import type { AttemptCounter } from '../../src/realm/attempts.ts';
import { AD_REALM } from './foreign-tickets.ts';
import { type MemoryRealm, REALM, REALM_SID } from './memory-realm.ts';
import type { Scope } from './run.ts';
import { temporaryStore } from './temporary-store.ts';
import { TwoRealms } from './two-realms.ts';

export const DEVICE = 'host/phone1';
const OWN_SERVICE = 'HTTP/realm1.example';

/** Time that passes only when somebody sleeps; what it slept is kept. */
export class FakeTimer {
  time = 0;
  readonly slept: number[] = [];

  now(): number {
    return this.time;
  }

  async sleep(milliseconds: number): Promise<void> {
    this.slept.push(milliseconds);
    this.time += milliseconds;
  }
}

export interface Proving {
  readonly realms: TwoRealms;
  readonly timer: FakeTimer;
  readonly attempts: AttemptCounter;
  readonly options: PasswordProverOptions;
  /** The current keys of a service of ours. */
  service(name: string): ProvingService;
  /** From address 192.0.2.1 for the device `host/phone1`, unless fields say otherwise. */
  prove(user: string, password: string, fields?: Partial<PasswordAttempt>): Promise<PasswordProof>;
}

export interface ProvingOptions {
  readonly change?: (options: PasswordProverOptions, realms: TwoRealms) => Partial<PasswordProverOptions>;
  readonly limit?: AttemptGuardOptions['addressLimit'];
}

/** `alice`, `carol` and `mallory` are users of the trusted realm AD.EXAMPLE.TEST (NETBIOS name AD); `bob` of ours is Administrator. */
export async function startProving(
  t: Scope,
  { change, limit = { maxFailures: 1000, window: 600 } }: ProvingOptions = {},
): Promise<Proving> {
  const realms = await TwoRealms.create();
  const { ours } = realms;
  ours.add({ name: DEVICE });
  ours.add({ name: OWN_SERVICE, kind: 'realm' });
  await ours.addUser('bob', 'Bob.pass1', { right: 'Administrator' });
  const { attempts } = await temporaryStore(t);
  const timer = new FakeTimer();
  const service = (name: string): ProvingService => ({ name, keys: ours.principals.get(name)?.keys ?? [] });
  const guard = createAttemptGuard({
    realms: () => [
      { realm: REALM, aliases: [], instances: true, limit: undefined },
      {
        realm: AD_REALM,
        aliases: ['AD', 'corp.example'],
        instances: false,
        limit: { maxFailures: 3, window: 1800 },
      },
    ],
    attempts,
    addressLimit: limit,
    clock: ours.clock,
    timer,
  });
  const base: PasswordProverOptions = {
    guard,
    keys: createKeyGate(),
    realm: REALM,
    client: (): ClientContext => realms.client(),
    clockSkew: 300,
    person: (ticket, serverKey) =>
      personOf(ticket, {
        realm: REALM,
        sid: REALM_SID,
        crypto: nodeCrypto,
        serverKey,
        kdcKeys: krbtgtKeys(ours),
      }),
    ownService: async () => service(OWN_SERVICE),
  };
  const options = { ...base, ...change?.(base, realms) };
  const prover = createPasswordProver(options);
  return {
    realms,
    timer,
    attempts,
    options,
    service,
    prove: (user, password, fields = {}) =>
      prover.prove({
        user,
        password: new TextEncoder().encode(password),
        service: service(DEVICE),
        address: '192.0.2.1',
        ...fields,
      }),
  };
}

function krbtgtKeys(realm: MemoryRealm) {
  return (realm.principals.get(`krbtgt/${REALM}`)?.keys ?? []).map(({ key }) => key);
}
