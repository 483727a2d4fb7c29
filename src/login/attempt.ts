import { deviceNames } from '../realm/device.ts';
import type { Person } from '../http/caller.ts';
import type { PasswordChange, PasswordChanged, PasswordFailure } from '../http/password-proof.ts';
import { type LoginEvent, typedName } from './event.ts';
import type { LoginOptions } from './options.ts';

/** A login at a device. */
export interface DeviceLogin {
  readonly device: string;
  readonly user: string;
  /** Wiped by whoever made it. */
  readonly password: Uint8Array;
  readonly address: string;
}

/** What a device is answered about a person who may log in. */
export interface Granted {
  readonly result: 'granted';
  /** `name@REALM`. */
  readonly principal: string;
  readonly realm: string;
  readonly right: 'Administrator' | 'Viewer';
  /** When the ticket ends, ISO 8601. */
  readonly expires: string;
  /** Base64 of an AP-REQ for the device's own key. */
  readonly ticket: string;
  /** SIDs of the groups that the person's realm has stated; of our own accounts none are of interest. */
  readonly groups?: readonly string[];
}

/** The person is who they say, and may not log in here. */
export interface NoRight {
  readonly result: 'no_right';
  readonly person: Person;
  readonly reason: string;
  readonly message: string;
  readonly hint: string;
}

export type LoginOutcome = Granted | NoRight | Exclude<PasswordFailure, { readonly result: 'no_right' }>;

/** Tries a login, and tells the log what came of it. Rejects where `signal` ends it, and for what is nobody's doing but ours. */
export async function logIn(
  options: LoginOptions,
  action: LoginEvent['action'],
  login: DeviceLogin,
  signal: AbortSignal,
): Promise<LoginOutcome> {
  const { device, user, password, address } = login;
  const event = { action, device, address };
  const keys = await options.deviceKeys(device);
  const service = { name: deviceNames.host(device), keys };
  const proof =
    keys.length === 0
      ? NO_DEVICE
      : await options.passwords.prove({ user, password, service, address }, signal);
  const right = proof.result === 'proven' ? proof.person.rights.login : undefined;
  if (proof.result === 'proven' && right !== undefined) {
    const { person, expires, apReq } = proof;
    const principal = principalOf(person);
    const told = { result: 'granted', reason: undefined, detail: undefined, groups: undefined } as const;
    options.observe({ ...event, ...told, user: principal, right });
    return {
      result: 'granted',
      principal,
      realm: person.realm,
      right,
      expires: new Date(expires * 1000).toISOString().replace('.000Z', 'Z'),
      ticket: Buffer.from(apReq).toString('base64'),
      ...(person.realm === options.realm ? {} : { groups: person.groups }),
    };
  }
  if (proof.result === 'proven' || proof.result === 'no_right') {
    const { person } = proof;
    const groups = person.groups.join(' ');
    const told = proof.result === 'no_right' ? proof : NO_RIGHT;
    const { reason, message, hint } = told;
    const user = principalOf(person);
    options.observe({
      ...event,
      result: 'no_right',
      reason,
      detail: undefined,
      user,
      right: person.rights.join ? 'Join-Realm' : undefined,
      groups,
    });
    return { result: 'no_right', person, reason, message, hint };
  }
  const { result, reason, detail } = proof;
  options.observe({
    ...event,
    result,
    reason,
    detail,
    user: typedName(user, reason),
    right: undefined,
    groups: undefined,
  });
  return proof;
}

/** Changes a password, and tells the log what came of it. */
export async function changePassword(
  options: LoginOptions,
  action: LoginEvent['action'],
  device: string,
  change: PasswordChange,
  signal: AbortSignal,
): Promise<PasswordChanged> {
  const changed = await options.passwords.change(change, signal);
  const { reason, detail } = changed.result === 'changed' ? DONE : changed;
  options.observe({
    action,
    result: changed.result,
    reason,
    detail,
    device,
    user: typedName(change.user, reason),
    right: undefined,
    groups: undefined,
    address: change.address,
  });
  return changed;
}

export function principalOf({ name, realm }: Person): string {
  return `${name}@${realm}`;
}

const DONE = { reason: undefined, detail: undefined };

/** It was removed or disabled while somebody logged in. */
const NO_DEVICE: PasswordFailure = {
  result: 'unreachable',
  reason: 'no-device',
  message: 'The device does not belong to the realm any more.',
  hint: 'Let it join again (POST /v1/join), or enable it: realmward device enable.',
};

const NO_RIGHT = {
  reason: 'no-right',
  message: 'The password is right, but the account has no right on devices of this realm.',
  hint: 'Give the account a right (realmward user set NAME --right Viewer), or put one of its groups into the rights map of the trust.',
};
