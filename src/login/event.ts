/** Something that happened with a login. Never a password, code or ticket. */
export interface LoginEvent {
  /** `login` and `change` (of a password) by the device's own form, `page-…` by ours; `start` and `redeem` of the latter. */
  readonly action: 'login' | 'change' | 'page-login' | 'page-change' | 'start' | 'redeem';
  /** As the answer has it; of `start`, `redeem` and forms also `started`, `redeemed`, `refused`. */
  readonly result: string;
  /** Stable code of the cause, for everything that did not succeed. */
  readonly reason: string | undefined;
  readonly detail: string | undefined;
  /** Host name of the device. */
  readonly device: string | undefined;
  /** Who it turned out to be, `name@REALM`; before that what was typed, as far as it can be a name. */
  readonly user: string | undefined;
  readonly right: string | undefined;
  /** SIDs with blanks between them, for who has no right. */
  readonly groups: string | undefined;
  readonly address: string;
}

const MAX_SHOWN = 256;

/** What somebody typed as a name, for the log; what cannot be a name may be anything, a password among it. */
export function typedName(user: string, reason: string | undefined): string | undefined {
  return reason === 'bad-name' ? undefined : user.slice(0, MAX_SHOWN);
}
