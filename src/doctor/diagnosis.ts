import { RealmwardError } from '../base/errors.ts';

/** What is looked at, in this order. */
export type StepName =
  | 'trust'
  | 'servers'
  | 'clock'
  | 'login'
  | 'referral'
  | 'service'
  | 'key'
  | 'client'
  | 'PAC'
  | 'signatures'
  | 'identity'
  | 'groups'
  | 'right'
  | 'our KDC';

/** Why a login or a trust does not work, as far as it can be told from here. */
export type Cause =
  /** Nobody knows where the other realm's KDCs are. */
  | 'no-servers'
  | 'no-answer'
  /** The certificate of a KDC proxy is not accepted. */
  | 'certificate'
  /** A realm is written in another letter case than it is called. */
  | 'realm-case'
  | 'wrong-password'
  | 'unknown-user'
  /** The account is disabled, locked or expired, or its password is. */
  | 'account-refused'
  | 'skew'
  /** One of both sides does not let users of the other realm come to us. */
  | 'trust-direction'
  /** The two sides have no encryption type in common for the trust. */
  | 'enctype-not-enabled'
  /** The two sides have different secrets. */
  | 'wrong-secret'
  /** The other side has made its key for this direction with the salt of the other one. */
  | 'wrong-salt-side'
  /** The user belongs to a realm that the trust does not list behind the trusted one. */
  | 'not-behind'
  | 'pac-missing'
  | 'wrong-domain-sid'
  | 'wrong-netbios'
  /** A PAC that contradicts itself, its ticket or its signature. */
  | 'pac-refused'
  /** The realm has no such service. */
  | 'unknown-device'
  /** No realm on the way knows how to get to the service's. */
  | 'no-trust'
  /** A KDC gives no ticket because its rules say so. */
  | 'policy'
  /** The device has another key than the KDC. */
  | 'wrong-device-key'
  /** The ticket gives no right on the device. */
  | 'no-right'
  /** Our own KDC refuses a ticket that looks right from here. */
  | 'refused-by-us'
  | 'other';

/** Why a step failed; its code is the cause, its hint the fix. */
export class Diagnosis extends RealmwardError {
  declare readonly code: Cause;
  readonly step: StepName;

  constructor(step: StepName, code: Cause, text: string, fix?: string, cause?: unknown) {
    super(code, text, { ...(fix === undefined ? {} : { hint: fix }), cause });
    this.step = step;
  }
}
