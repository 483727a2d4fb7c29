/** What a realm allows; every duration in seconds. */
export interface RealmPolicy {
  /** Longest ticket lifetime. */
  readonly maxLife: number;
  /** Longest time over which a ticket may be renewed; 0: tickets are not renewable. */
  readonly maxRenew: number;
  /** How far clocks may differ. */
  readonly clockSkew: number;
  /** Whether unknown clients are told apart from wrong passwords (docs/decisions/0010). */
  readonly revealUnknownClients: boolean;
  /** Etypes the realm uses, strongest first; new keys are made for all of them. */
  readonly etypes: readonly number[];
  /** When an account is locked; `undefined`: none is ever. */
  readonly lockout: LockoutPolicy | undefined;
  /** How guessing is slowed down. */
  readonly throttle: ThrottlePolicy;
}

/** An account is locked after `maxFailures` failed logins, none more than `window` after the one before it, for `duration`. */
export interface LockoutPolicy {
  readonly maxFailures: number;
  readonly window: number;
  readonly duration: number;
}

/** So many failed logins within `window` by one address (IPv6: by one /64), or for one name, wherever they come from; 0: any number. */
export interface ThrottlePolicy {
  readonly perAddress: number;
  readonly perPrincipal: number;
  readonly window: number;
}
