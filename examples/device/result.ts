/** What somebody may do at the device. */
export type Right = 'Administrator' | 'Viewer';

/** What became of a login. `message` and `hint` are for the person: what is wrong, and what to do. */
export type LoginResult = Granted | (LoginFailure & { readonly message: string; readonly hint: string });

export interface Granted {
  readonly result: 'granted';
  /** `name@REALM`: the pair is the identity, never the name alone. */
  readonly principal: string;
  readonly right: Right;
  /** When the ticket ends, in milliseconds since 1970. */
  readonly expires: number;
}

type LoginFailure =
  /** The password is right. `groups` are what the realm has received of the person: show them to whoever keeps the rights map. */
  | { readonly result: 'no_right'; readonly principal: string; readonly groups: readonly string[] }
  /** Wrong password, no such account, or an answer that is not proven. Ask the person again; never try again by itself. */
  | { readonly result: 'refused' }
  | { readonly result: 'locked' }
  | { readonly result: 'expired_password' }
  /** Two clocks differ by this many seconds. */
  | { readonly result: 'clock'; readonly offset: number }
  /** The realm is called exactly so. Nobody was asked about the password. */
  | { readonly result: 'realm_hint'; readonly realm: string }
  /** Nobody can tell: the one result with which the emergency account works. */
  | { readonly result: 'unreachable' };

/** Proves who somebody is. `user` is what was typed: `REALM\user` or `user@REALM`. Never rejects. */
export type LogIn = (user: string, password: string) => Promise<LoginResult>;
