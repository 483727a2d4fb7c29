import type { ReasonRow } from '../realm/reason.ts';

/** Why a device does not join, and the HTTP status that says so. 401 is not among them: who asks has been proven. */
export interface JoinReasonRow extends ReasonRow {
  readonly status: 400 | 403 | 409 | 503;
}

const ADMINISTRATOR = 'An Administrator may; or `realmward device remove HOST` frees the name first.';
const REQUEST = 'Correct the request: docs/joining.md has its fields.';

/** Every reason for which a device does not join; `docs/events.md` is generated from it. The errors themselves say more. */
export const JOIN_REASONS = {
  'bad-request': {
    status: 400,
    level: 'info',
    text: 'The request to join is not what it should be.',
    hint: REQUEST,
  },
  'bad-host': {
    status: 400,
    level: 'info',
    text: 'The device has a name that no device may have.',
    hint: 'Names look like sn-0042 or phone1.example: letters, digits, "-" and "_", apart by dots.',
  },
  'bad-keys': {
    status: 400,
    level: 'info',
    text: 'The keys that the device has made cannot be used.',
    hint: 'They are random, one for each encryption type. Without any, the realm makes them.',
  },
  'unknown-etype': {
    status: 400,
    level: 'info',
    text: 'The device names an encryption type that there is none of.',
    hint: REQUEST,
  },
  'unsupported-etype': {
    status: 400,
    level: 'info',
    text: 'The device names an encryption type that this realm does not use.',
    hint: '`policy.etypes` in the configuration says which it uses.',
  },
  'may-not-join': {
    status: 403,
    level: 'warn',
    text: 'Somebody without the right to do so tried to join a device.',
    hint: 'Administrators may, and accounts with the right Join-Realm: `realmward user set NAME --right Join-Realm`.',
  },
  'reserved-name': {
    status: 403,
    level: 'warn',
    text: "A device asked for the name of one of the realm's own servers.",
    hint: 'Give the device a name of its own, such as its serial number.',
  },
  'join-token-used': {
    status: 403,
    level: 'info',
    text: 'The join token is used up, has ended or was revoked.',
    hint: '`realmward token create` makes a new one.',
  },
  'device-disabled': {
    status: 403,
    level: 'info',
    text: 'The device is switched off.',
    hint: '`realmward device enable HOST` switches it on; then it may join again.',
  },
  'device-gone': {
    status: 403,
    level: 'info',
    text: 'The device was removed, or replaced by another one, while it asked for new keys.',
    hint: 'It joins anew with a Join-Realm account, a join token, or by an Administrator.',
  },
  'not-its-own-name': {
    status: 403,
    level: 'warn',
    text: 'A device tried to join another one.',
    hint: 'A device gives itself new keys, and nobody else. If it was not set up to do this, look who uses its key.',
  },
  'already-joined': {
    status: 409,
    level: 'warn',
    text: 'Somebody who may join new devices alone tried to take over one that has joined.',
    hint: ADMINISTRATOR,
  },
  exists: {
    status: 409,
    level: 'info',
    text: 'There is another principal with the name of the device, or with one that cannot be told from it.',
    hint: 'An Administrator may join it; or `realmward service remove NAME` frees the name first.',
  },
  'wrong-kind': {
    status: 409,
    level: 'info',
    text: 'The name belongs to a user or to the realm itself.',
    hint: 'Give the device another name.',
  },
  'request-id-reused': {
    status: 409,
    level: 'info',
    text: 'A request id came a second time, with another request.',
    hint: 'A request id is for one request and its repetitions: make a new one.',
  },
  'store-busy': {
    status: 503,
    level: 'warn',
    text: 'The store could not be written for too long.',
    hint: 'The client tries again. Look which process holds the store.',
  },
} as const satisfies Readonly<Record<string, JoinReasonRow>>;

/** The row of a code; `undefined` where it is none of joining's. */
export function joinReasonRow(code: string): JoinReasonRow | undefined {
  return Object.hasOwn(JOIN_REASONS, code) ? JOIN_REASONS[code as keyof typeof JOIN_REASONS] : undefined;
}
