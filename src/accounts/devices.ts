import { createHash } from 'node:crypto';
import { equalConstantTime, utf8 } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import { nowSeconds, type Seconds } from '../base/ports.ts';
import {
  type DeviceEntry,
  deviceNames,
  type DeviceRepository,
  type HostRecord,
  type JoinOnce,
} from '../realm/device.ts';
import { JOIN_ANSWER_LIFE } from '../realm/join-token.ts';
import type { Principal, PrincipalKey } from '../realm/principal.ts';
import { type Accounts, ofKind } from './accounts.ts';
import { deviceHost } from './device-host.ts';
import { deviceKeys } from './device-keys.ts';
import { decodeJoined, encodeJoined, type JoinAnswer } from './joined.ts';
import { type NewKey, nextKvno, withKvno, withoutUnneeded } from './keys.ts';

/** What the functions of this file work on. */
export interface DeviceAccounts extends Accounts {
  readonly devices: DeviceRepository;
  /** Names that no device may have, in lower case: those of the realm's own servers. */
  readonly reservedHosts: readonly string[];
  /** How long a ticket may be in use. */
  readonly maxTicketLife: Seconds;
}

/** By what right somebody joins a device. Names are `name@REALM`. */
export type JoinCredential =
  | { readonly kind: 'administrator' | 'join-account'; readonly name: string }
  | { readonly kind: 'join-token'; readonly id: string }
  /** A device itself, with its key or its bearer token: the account with this RID, and none that has taken its name since. */
  | { readonly kind: 'device'; readonly host: string; readonly rid: number };

export interface JoinRequest {
  /** As somebody wrote it: see `deviceHost`. */
  readonly host: string;
  readonly serial?: string | undefined;
  readonly model?: string | undefined;
  /** Network address that the request came from. */
  readonly from: string;
  /** Etypes of its random keys; left out: those that it has when it joins again by itself, else the realm's. */
  readonly etypes?: readonly number[] | undefined;
  /** Keys that the device has made, in place of random ones. */
  readonly keys?: readonly NewKey[] | undefined;
  /** Whether it gets `HTTP/<host>`, too. Once it has that, it keeps it. */
  readonly http?: boolean | undefined;
  /** Whether it gets a bearer token. */
  readonly token?: boolean | undefined;
  /** Makes a request that is sent again be answered again; left out: each request is a new one. */
  readonly requestId?: string | undefined;
}

/** What came of a join. Secret. */
export interface Joined extends JoinAnswer {
  /** The same request came before; nothing was done. */
  readonly repeated: boolean;
}

/** Versions of keys that a principal has at most, however often its device asks for new ones. */
const MAX_KVNOS = 8;

/**
 * Joins a device: makes `host/<host>`, or gives it new keys.
 *
 * - A name that is free: whoever is given as `by`, but no device.
 * - A device that has joined: itself, and then its old keys stay as long as tickets under them may live; or an Administrator, who replaces it:
 *   keys, tickets and token of the old one are worthless at once.
 * - A principal that was made without a join: an Administrator.
 *
 * Throws `RealmwardError` `bad-host`, `reserved-name`, `unsupported-etype`, `bad-keys`, `already-joined`, `exists`, `device-disabled`, `device-gone`,
 * `not-its-own-name`, `wrong-kind`, and as `DeviceRepository.join`.
 */
export async function joinDevice(
  accounts: DeviceAccounts,
  by: JoinCredential,
  request: JoinRequest,
): Promise<Joined> {
  const host = deviceHost(request.host, accounts.reservedHosts);
  const now = nowSeconds(accounts.clock);
  const { answer, repeated } = await accounts.devices.join(
    host,
    now,
    (present) => entryOf(accounts, by, { ...request, host }, present, now),
    request.requestId === undefined ? undefined : onceOf(by, { ...request, host }, request.requestId, now),
  );
  const joined = decodeJoined(answer);
  answer.fill(0);
  if (repeated && !sameKeys(joined.keys, request.keys)) {
    throw new RealmwardError('request-id-reused', 'this request id came before, with other keys', {
      hint: 'A request id is for one request and its repetitions: make a new one.',
    });
  }
  return { ...joined, repeated };
}

function entryOf(
  accounts: DeviceAccounts,
  by: JoinCredential,
  request: JoinRequest,
  present: HostRecord,
  now: Seconds,
): DeviceEntry {
  const { host, serial, model, from } = request;
  const http = present.ownsHttp || request.http === true;
  checkMayJoin(by, host, present, http);
  const itself = by.kind === 'device';
  const keys = deviceKeys(accounts, request, itself ? present.host : undefined);

  const keysOf = (current: Principal | undefined, fresh: readonly NewKey[]): readonly PrincipalKey[] => {
    // A replaced device counts on, so that nobody takes its keys for those of the one before.
    const made = withKvno(fresh, current === undefined ? 1 : nextKvno(current));
    return itself && current !== undefined
      ? newest(withoutUnneeded([...made, ...current.keys], now, accounts.maxTicketLife))
      : made;
  };
  const hostKeys = keysOf(present.host, keys());
  const httpKeys = http ? keysOf(present.http, keys()) : undefined;

  const before = itself ? present.device : undefined;
  const device = {
    serial: serial ?? before?.serial,
    model: model ?? before?.model,
    joined: before?.joined ?? now,
    joinedBy: before?.joinedBy ?? nameOf(by),
    joinedFrom: before?.joinedFrom ?? from,
  };
  const token = request.token === true ? newToken(accounts) : undefined;
  const current = (name: string, all: readonly PrincipalKey[] = []) =>
    all.filter(({ kvno }) => kvno === all[0]?.kvno).map((key) => ({ name, key }));
  return {
    device,
    at: now,
    replace: !itself,
    hostKeys,
    httpKeys,
    token: token === undefined ? undefined : { hash: bearerHash(token), keepPrevious: itself },
    joinToken: by.kind === 'join-token' ? by.id : undefined,
    answer: encodeJoined({
      device: { ...device, host, lastSeen: before?.lastSeen },
      keys: [...current(deviceNames.host(host), hostKeys), ...current(deviceNames.http(host), httpKeys)],
      made: now,
      token,
    }),
  };
}

/** Who may do what to a name (`joinDevice`). */
function checkMayJoin(by: JoinCredential, host: string, present: HostRecord, http: boolean): void {
  for (const principal of [present.host, http ? present.http : undefined])
    if (principal !== undefined) ofKind(principal, 'service');
  if (by.kind === 'device') {
    if (by.host !== host) {
      throw new RealmwardError('not-its-own-name', `the device "${by.host}" cannot join "${host}"`, {
        hint: 'A device gives itself new keys, and nobody else. Join another device as an Administrator, with a Join-Realm account or a join token.',
      });
    }
    if (present.device === undefined || present.host?.rid !== by.rid) {
      throw new RealmwardError(
        'device-gone',
        `the device "${host}" was removed from the realm, or replaced`,
        {
          hint: 'It joins anew with a Join-Realm account, a join token, or by an Administrator.',
        },
      );
    }
  }
  if (present.host?.disabled === true) {
    throw new RealmwardError('device-disabled', `"${host}" is switched off`, {
      hint: `"realmward device enable ${host}" switches it on; then it may join again.`,
    });
  }
  if (by.kind === 'administrator') return;
  if (by.kind !== 'device' && present.device !== undefined) {
    throw new RealmwardError('already-joined', `"${host}" has joined already`, {
      hint: 'Only the device itself, with its key or token, or an Administrator may join it again; or remove it first: "realmward device remove".',
    });
  }
  const others = [
    by.kind === 'device' ? undefined : present.host,
    http && !present.ownsHttp ? present.http : undefined,
  ];
  const other = others.find((principal) => principal !== undefined);
  if (other !== undefined) {
    throw new RealmwardError(
      'exists',
      `there is a service "${other.name}" already, which is no joined device`,
      {
        hint: 'An Administrator may join it; or remove it first: "realmward service remove".',
      },
    );
  }
}

function newest(keys: readonly PrincipalKey[]): readonly PrincipalKey[] {
  const kvnos = new Set([...new Set(keys.map(({ kvno }) => kvno))].slice(0, MAX_KVNOS));
  return keys.filter(({ kvno }) => kvnos.has(kvno));
}

/** SHA-256 of a bearer token or a join token, as which it is kept. */
export function bearerHash(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

function newToken({ crypto }: Pick<Accounts, 'crypto'>): string {
  return `rwd_${Buffer.from(crypto.randomBytes(32)).toString('base64url')}`;
}

function nameOf(by: JoinCredential): string {
  if (by.kind === 'device') return deviceNames.host(by.host);
  return by.kind === 'join-token' ? `token ${by.id}` : by.name;
}

function onceOf(by: JoinCredential, request: JoinRequest, id: string, now: Seconds): JoinOnce {
  const { host, serial, model, etypes, http, token, keys } = request;
  // Keys are left out, lest a weak one be guessed from the hash; they are compared with those of the sealed answer.
  const body = [serial, model, etypes, http === true, token === true, keys?.map(({ key }) => key.etype)];
  // A person is the same one with another right.
  const kind = by.kind === 'administrator' || by.kind === 'join-account' ? 'person' : by.kind;
  return {
    request: hashOf([kind, nameOf(by), host, id]),
    body: hashOf(body),
    expires: now + JOIN_ANSWER_LIFE,
  };
}

function hashOf(parts: readonly unknown[]): Uint8Array {
  return createHash('sha256')
    .update(utf8(JSON.stringify(parts.map((part) => part ?? null))))
    .digest();
}

function sameKeys(given: Joined['keys'], wanted: readonly NewKey[] = []): boolean {
  return wanted.every(({ key }) =>
    given.some((one) => one.key.key.etype === key.etype && equalConstantTime(one.key.key.bytes, key.bytes)),
  );
}
