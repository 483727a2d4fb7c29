import type { Generated } from 'kysely';
import type { PrincipalKind } from '../realm/principal.ts';
import type { Right } from '../realm/right.ts';
import type { TrustDirection, TrustKind, Trust } from '../realm/trust.ts';

/** The tables, as the newest migration leaves them. Times are epoch seconds, booleans 0 and 1. */
export interface Tables {
  principal: PrincipalTable;
  trust: TrustTable;
  device: DeviceTable;
  device_token: DeviceTokenTable;
  join_token: JoinTokenTable;
  join_answer: JoinAnswerTable;
  attempt: AttemptTable;
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
  transitive: number;
  /** This and the other lists are JSON. */
  domain_sids: string;
  kdcs: string;
  kpasswd: string;
  etypes: string;
  domains: string;
  transits: string;
  rights: string;
  max_failures: number;
  /** Seconds. */
  failure_window: number;
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

/** Devices that have joined; removed with the principal. */
export interface DeviceTable {
  /** Id of `host/<host>`. */
  principal: number;
  /** Id of `HTTP/<host>`, where the device has one. */
  http: number | null;
  host: string;
  serial: string | null;
  model: string | null;
  joined: number;
  joined_by: string;
  joined_from: string;
  last_seen: number | null;
}

/** Bearer tokens of devices: the newest one, and until that is used the one that was used last. */
export interface DeviceTokenTable {
  id: Generated<number>;
  /** SHA-256 of the token. */
  hash: Uint8Array;
  device: number;
}

/** Tokens that devices join with. */
export interface JoinTokenTable {
  /** What people call it; says nothing about the token. */
  id: string;
  /** SHA-256 of the token. */
  hash: Uint8Array;
  created: number;
  expires: number;
  /** How many devices may join with it, and how many have. */
  uses: number;
  used: number;
}

/** Answers to joins, for who did not get them and asks again. */
export interface JoinAnswerTable {
  id: Generated<number>;
  /** Hash of who asked, for which host, under which request id. */
  request: Uint8Array;
  /** Hash of what was asked. */
  body: Uint8Array;
  device: number;
  expires: number;
  /** Sealed (seal.ts), bound to `request`. */
  answer: Uint8Array;
}

/** Attempts at passwords that failed lately or are under way (attempts.ts). */
export interface AttemptTable {
  id: Generated<number>;
  account: Uint8Array;
  at: number;
  /** When it is of no interest any more. */
  expires: number;
  /** 0: under way, or its server died. */
  settled: number;
}
