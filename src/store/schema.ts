import type { Generated } from 'kysely';
import type { PrincipalKind } from '../realm/principal.ts';
import type { Right } from '../realm/right.ts';
import type { TrustDirection, TrustKind, Trust } from '../realm/trust.ts';

/** The tables, as the newest migration leaves them. Times are epoch seconds, booleans 0 and 1. */
export interface Tables {
  principal: PrincipalTable;
  trust: TrustTable;
  change: ChangeTable;
  setting: { key: string; value: string };
}

export interface PrincipalTable {
  /** Also the RID: counts up from 2000 and is never used twice, not even after the newest principal was removed. */
  id: Generated<number>;
  name: string;
  /** `foldName(name)`; unique. */
  folded: string;
  kind: PrincipalKind;
  right: Right | null;
  disabled: number;
  expires: number | null;
  password_expires: number | null;
  password_changed: number;
  max_life: number | null;
  max_renew: number | null;
  locked_until: number | null;
  /** Newest kvno, 0 without keys, and its etypes, strongest first, apart by commas: for listings, which open no seal. */
  kvno: number;
  etypes: string;
  /** All keys (key-list.ts), sealed (seal.ts). One value, as one row is read in a third of the time that four keys in rows of their own take. */
  keys: Uint8Array | null;
  last_success: Generated<number | null>;
  last_failure: Generated<number | null>;
  /** Failed logins that count towards the lockout. */
  failures: Generated<number>;
}

export interface TrustTable {
  id: Generated<number>;
  realm: string;
  /** The name in lower case; unique. */
  folded: string;
  /** Counts changes: what has the same number is the same trust. */
  version: number;
  netbios: string | null;
  kind: TrustKind;
  direction: TrustDirection;
  mode: Trust['mode'];
  report_only: number;
  /** This and the other lists are JSON. */
  domain_sids: string;
  kdcs: string;
  etypes: string;
  domains: string;
  transits: string;
  rights: string;
  /** Keys of all etypes (key-list.ts), each list sealed (seal.ts). */
  inbound_keys: Uint8Array;
  outbound_keys: Uint8Array;
}

/** The change feed: one row for each change of a principal, written in the transaction that makes it. Old rows are pruned. */
export interface ChangeTable {
  seq: Generated<number>;
  /** Name of the principal; or `@` and the name of a trusted realm, as no principal has a name that begins so (`formatName`). */
  principal: string;
}
