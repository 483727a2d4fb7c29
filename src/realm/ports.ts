import type { Seconds } from '../base/ports.ts';
import type { Principal, PrincipalKey, PrincipalKind } from './principal.ts';
import type { Right } from './right.ts';
import type { TrustRecord } from './trust-settings.ts';

/**
 * Principals as the KDC reads them: from memory, at once. What is not in memory raises `NotInMemory` and is asked for again after
 * `load(name)` has settled (docs/decisions/0005).
 */
export interface PrincipalDirectory {
  /** The principal of that canonical name, `undefined` when the realm has none. Throws `NotInMemory` when memory cannot tell. */
  get(name: string): Principal | undefined;
  /** Brings the answer for `name` into memory, so that the next `get` tells. */
  load(name: string): Promise<void>;
}

/** Thrown by `PrincipalDirectory.get`; not an error, so it carries no stack. */
export class NotInMemory {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What the KDC tells the store after a login, without waiting for it. */
export interface LoginRecorder {
  succeeded(principal: Principal, at: Seconds): void;
  failed(principal: Principal, at: Seconds): void;
}

/** A new principal, before the store gave it an id and a RID. */
export interface NewPrincipal {
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly right?: Right | undefined;
  readonly disabled?: boolean;
  readonly expires?: Seconds | undefined;
  readonly passwordExpires?: Seconds | undefined;
  readonly passwordChanged: Seconds;
  readonly maxLife?: number | undefined;
  readonly maxRenew?: number | undefined;
  readonly keys: readonly PrincipalKey[];
}

/** What may be changed about a principal; a field left out stays, `undefined` clears it. */
export type PrincipalChange = Partial<
  Pick<
    Principal,
    | 'right'
    | 'disabled'
    | 'expires'
    | 'passwordExpires'
    | 'passwordChanged'
    | 'maxLife'
    | 'maxRenew'
    | 'lockedUntil'
    | 'keys'
  >
>;

/** A line of a listing: no keys. */
export interface PrincipalSummary extends Omit<Principal, 'keys'> {
  readonly kvno: number;
  readonly etypes: readonly number[];
  readonly lastSuccess: Seconds | undefined;
  readonly lastFailure: Seconds | undefined;
  readonly failures: number;
}

/** The repository of principals: each method is one transaction, and leaves a line in the change feed for what it changed. */
export interface PrincipalRepository {
  find(name: string): Promise<Principal | undefined>;
  /**
   * Which of `names` cannot be given to a new principal, each with the existing name that stands in its way: the same one, or one that
   * `foldName` cannot tell from it (CVE-2025-4404: names are unique in one canonical form).
   */
  taken(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  summary(name: string): Promise<PrincipalSummary | undefined>;
  list(filter?: { kind?: PrincipalKind }): Promise<PrincipalSummary[]>;
  /** Throws `RealmwardError` `exists` when the name is taken (see `taken`). */
  add(principal: NewPrincipal): Promise<Principal>;
  /**
   * Adds what does not exist yet, in one transaction; resolves to how many were added. For imports. Throws `RealmwardError` `exists`, and
   * adds nothing, when a name differs from an existing one and yet cannot be told from it.
   */
  addMany(principals: readonly NewPrincipal[]): Promise<number>;
  /**
   * Changes a principal. A function is called inside the transaction with the principal as it is then, so that what depends on it (the next
   * kvno) cannot be overtaken by another process. Where nothing differs nothing is written. Throws `RealmwardError` `not-found`.
   */
  change(
    name: string,
    change: PrincipalChange | ((current: Principal) => PrincipalChange),
  ): Promise<Principal>;
  /** Throws `RealmwardError` `not-found`. */
  remove(name: string): Promise<void>;
}

/** The repository of trusts: each method is one transaction, and leaves a line in the change feed for what it changed. */
export interface TrustRepository {
  find(realm: string): Promise<TrustRecord | undefined>;
  /** All trusts, by name. */
  list(): Promise<TrustRecord[]>;
  /** Throws `RealmwardError` `exists` when there is a trust with that realm, or with one whose name differs in letter case alone. */
  add(record: TrustRecord): Promise<void>;
  /**
   * Changes a trust, but for its name; a field left out stays. A function is called inside the transaction. Where nothing differs nothing is
   * written. Throws `RealmwardError` `not-found`.
   */
  change(realm: string, change: TrustChange | ((current: TrustRecord) => TrustChange)): Promise<TrustRecord>;
  /** Throws `RealmwardError` `not-found`. */
  remove(realm: string): Promise<void>;
}

export type TrustChange = Partial<Omit<TrustRecord, 'realm'>>;

/** What the realm remembers about itself, as texts: its SID, for instance. Secrets have no place here: settings are not sealed. */
export interface Settings {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  /** The value of `key`, which becomes `value` if it has none; whoever comes first wins, across processes. */
  once(key: string, value: string): Promise<string>;
}
