import type { Seconds } from '../../base/ports.ts';
import type { Principal } from '../../realm/principal.ts';
import type { Right } from '../../realm/right.ts';
import { isJoinOnly } from '../foreign-user.ts';
import { refuse } from '../refusal.ts';
import type { TicketTarget } from '../target.ts';

/** Refuses clients that are switched off or whose time is over. Told only to who has proven the account's key. */
export function checkClient(client: Principal, now: Seconds): void {
  if (client.disabled) refuse('client-disabled');
  if (client.expires !== undefined && client.expires <= now) refuse('client-expired');
}

/** Refuses clients that must change their password first; for that they still get a ticket for kadmin/changepw. */
export function checkPassword(
  client: Principal,
  serverName: string | undefined,
  changepwName: string,
  now: Seconds,
): void {
  if (client.passwordExpires !== undefined && client.passwordExpires <= now && serverName !== changepwName) {
    refuse('password-expired');
  }
}

/** Who may join devices and nothing else gets tickets for the realm's own services alone (docs/decisions/0003). */
export function checkJoinOnly(rights: readonly Right[], target: TicketTarget): void {
  if (isJoinOnly(rights) && target.account?.principal.kind !== 'realm') refuse('join-only');
}
