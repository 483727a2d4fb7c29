import type { PrincipalView } from '../app/principal-view.ts';
import { showDuration } from './options.ts';
import { fields } from './table.ts';
import { showIso } from './when.ts';

/** Everything about a user, for people. */
export function describeUser(user: PrincipalView): string {
  return fields({
    user: user.principal,
    state: STATES[user.state],
    right: user.right ?? 'none',
    RID: String(user.rid),
    expires: showIso(user.expires) ?? 'never',
    'locked until': showIso(user.lockedUntil),
    'password set': showIso(user.passwordChanged),
    'password expires': user.mustChange ? 'must be changed now' : (showIso(user.passwordExpires) ?? 'never'),
    'longest ticket': showDuration(user.maxLife),
    'longest renewal': showDuration(user.maxRenew),
    keys: user.etypes.length === 0 ? 'none' : `version ${user.kvno}: ${user.etypes.join(', ')}`,
    'last login': showIso(user.lastSuccess) ?? 'never',
    'last failure': showIso(user.lastFailure) ?? 'never',
    'failures since': user.failures > 0 ? String(user.failures) : undefined,
  });
}

const STATES: Readonly<Record<PrincipalView['state'], string>> = {
  ok: 'can log in',
  disabled: 'disabled: "realmward user enable" lets it log in again',
  expired: 'expired: "realmward user set --expires" prolongs it',
  locked: 'locked after too many wrong passwords: "realmward user enable" ends that',
  'must-change': 'must change its password first',
  'no-keys': 'has no keys to log in with: "realmward user password" makes some',
};
