import { Key } from '../../src/base/key.ts';
import type { Clock } from '../../src/base/ports.ts';
import { parseSid } from '../../src/base/sid.ts';
import { createCrypto } from '../../src/crypto/crypto.ts';
import { nodeCrypto, nodePrimitives } from '../../src/crypto/node.ts';
import { createKdc, type Kdc } from '../../src/kdc/kdc.ts';
import type { KdcEvent } from '../../src/kdc/event.ts';
import type { KdcOptions } from '../../src/kdc/realm.ts';
import { parseName } from '../../src/realm/name.ts';
import type { Trust } from '../../src/realm/trust.ts';
import { NotInMemory } from '../../src/realm/ports.ts';
import type { Principal, PrincipalKey } from '../../src/realm/principal.ts';

export const REALM = 'REALM1.EXAMPLE';
export const REALM_SID = parseSid('S-1-5-21-1111111111-2222222222-3333333333');

/** As the server's: with RC4, for the keys of trusts. */
export const trustCrypto = createCrypto(nodePrimitives, { rc4: true });

/** A clock that stands still until it is moved. */
export class FakeClock implements Clock {
  now: number;

  constructor(seconds = 1_800_000_000) {
    this.now = seconds * 1_000_000;
  }

  microseconds(): number {
    return this.now;
  }

  get seconds(): number {
    return Math.floor(this.now / 1_000_000);
  }

  advance(seconds: number): void {
    this.now += seconds * 1_000_000;
  }
}

/** A realm whose principals are in a Map; `forgotten` names are loaded before they are found, as from a store. */
export class MemoryRealm {
  readonly clock = new FakeClock();
  readonly principals = new Map<string, Principal>();
  readonly trusts = new Map<string, Trust>();
  readonly forgotten = new Set<string>();
  readonly events: KdcEvent[] = [];
  readonly succeeded: string[] = [];
  readonly failed: string[] = [];
  readonly options: KdcOptions;
  readonly kdc: Kdc;
  #nextId = 1;

  constructor(policy: Partial<KdcOptions['policy']> = {}, { realm = REALM, sid = REALM_SID } = {}) {
    this.options = {
      realm,
      sid,
      crypto: nodeCrypto,
      trustCrypto,
      clock: this.clock,
      directory: {
        get: (name) => {
          if (this.forgotten.has(name)) throw new NotInMemory(name);
          return this.principals.get(name);
        },
        load: async (name) => {
          await Promise.resolve();
          this.forgotten.delete(name);
        },
      },
      logins: {
        succeeded: (principal) => this.succeeded.push(principal.name),
        failed: (principal) => this.failed.push(principal.name),
      },
      policy: {
        maxLife: 36_000,
        maxRenew: 604_800,
        clockSkew: 300,
        revealUnknownClients: false,
        etypes: [20, 19, 18, 17],
        lockout: undefined,
        throttle: { perAddress: 0, perPrincipal: 0, window: 600 },
        ...policy,
      },
      trusts: {
        find: (realm) => this.trusts.get(realm),
        all: () => [...this.trusts.values()],
      },
      observe: (event) => this.events.push(event),
    };
    this.add({ name: `krbtgt/${realm}`, kind: 'realm' });
    this.add({ name: 'kadmin/changepw', kind: 'realm' });
    this.kdc = createKdc(this.options);
  }

  /** Adds a principal with random keys, unless others are given. */
  add(fields: Partial<Principal> & { name: string }): Principal {
    const id = this.#nextId++;
    const principal: Principal = {
      id,
      kind: 'service',
      rid: 2000 + id,
      right: undefined,
      disabled: false,
      expires: undefined,
      passwordExpires: undefined,
      passwordChanged: 1_700_000_000,
      maxLife: undefined,
      maxRenew: undefined,
      lockedUntil: undefined,
      keys: this.options.policy.etypes.map((etype) => randomKey(etype, 1)),
      ...fields,
    };
    this.principals.set(principal.name, principal);
    return principal;
  }

  /** Adds a user whose keys come from `password`; with few iterations, so that tests are quick. */
  async addUser(name: string, password: string, fields: Partial<Principal> = {}): Promise<Principal> {
    const s2kparams = Uint8Array.of(0, 0, 0, 8);
    const salt = this.options.realm + parseName(name).join('');
    const keys: PrincipalKey[] = [];
    for (const etype of this.options.policy.etypes) {
      const key = await nodeCrypto.stringToKey(etype, password, salt, s2kparams);
      keys.push({ kvno: 1, key, salt, s2kparams });
    }
    return this.add({ name, kind: 'user', keys, ...fields });
  }

  /** Replaces a principal by a changed one, as a write to the store does. */
  change(name: string, fields: Partial<Principal>): Principal {
    const before = this.principals.get(name);
    if (before === undefined) throw new Error(`no ${name}`);
    const after = { ...before, ...fields };
    this.principals.set(name, after);
    return after;
  }

  key(name: string, etype: number, kvno?: number): Key {
    const found = this.principals
      .get(name)
      ?.keys.find((one) => one.key.etype === etype && (kvno === undefined || one.kvno === kvno));
    if (found === undefined) throw new Error(`${name} has no key of etype ${etype}`);
    return found.key;
  }

  lastEvent(): KdcEvent {
    const event = this.events.at(-1);
    if (event === undefined) throw new Error('no event yet');
    return event;
  }
}

export function randomKey(etype: number, kvno: number): PrincipalKey {
  return { kvno, key: nodeCrypto.randomKey(etype), salt: undefined, s2kparams: undefined };
}
