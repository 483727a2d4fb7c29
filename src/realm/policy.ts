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
}
