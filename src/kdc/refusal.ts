import type { PrincipalName } from '../codec/krb5/basic.ts';
import type { ReasonCode } from './reason.ts';

/** Who a request was found to come from. */
export interface NamedClient {
  readonly cname: PrincipalName;
  readonly crealm: string;
}

/**
 * Ends the work on a request. Thrown by the steps and caught in `kdc.ts` alone. It is no `Error`: most logins begin with a refusal
 * (`preauth-required`), and a stack trace would cost more than the rest of the answer.
 */
export class Refusal {
  readonly reason: ReasonCode;
  /** The particulars, for the log; told to the client as well where the reason's own text is. Never a secret. */
  readonly detail: string | undefined;
  /** DER for the e-data field. */
  readonly eData: Uint8Array | undefined;
  /** Known once the ticket of a TGS-REQ was verified. */
  client: NamedClient | undefined = undefined;

  constructor(reason: ReasonCode, detail?: string, eData?: Uint8Array) {
    this.reason = reason;
    this.detail = detail;
    this.eData = eData;
  }
}

/** Ends the work on a request for `reason`. */
export function refuse(reason: ReasonCode, detail?: string, eData?: Uint8Array): never {
  throw new Refusal(reason, detail, eData);
}
