import type { Authenticate } from '../http/authenticate.ts';
import type { PasswordChanger, PasswordProver } from '../http/password-proof.ts';
import type { PrincipalKey } from '../realm/principal.ts';
import type { LoginEvent } from './event.ts';

/** What the login proxy is made of. */
export interface LoginOptions {
  /** Our realm. */
  readonly realm: string;
  /** Beginning of this server's URLs, without a slash at its end: `https://realm1.example`. Asked at each login. */
  readonly origin: () => string;
  readonly authenticate: Authenticate;
  readonly passwords: PasswordProver & PasswordChanger;
  /** Keys of `host/<host>`, of all versions that are alive; none for a device that has not joined, or is disabled. */
  readonly deviceKeys: (host: string) => Promise<readonly PrincipalKey[]>;
  /** Told once for each attempt at something. Must not throw. */
  readonly observe: (event: LoginEvent) => void;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
}

/** Bodies of logins are short; in bytes. */
export const MAX_BODY = 16 << 10;
