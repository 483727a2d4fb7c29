import type { KpasswdReason } from './reason.ts';

/** Ends the work on a request. Thrown by whoever looks at it and caught in `kpasswd.ts` alone. */
export class KpasswdRefusal {
  readonly reason: KpasswdReason;
  /** The particulars, for the log and for the client. Never a secret. */
  readonly detail: string | undefined;
  /** The KRB-ERROR code, where the ticket is what is wrong. */
  readonly wire: number | undefined;

  constructor(reason: KpasswdReason, detail?: string, wire?: number) {
    this.reason = reason;
    this.detail = detail;
    this.wire = wire;
  }
}

/** Ends the work on a request for `reason`. */
export function refuse(reason: KpasswdReason, detail?: string, wire?: number): never {
  throw new KpasswdRefusal(reason, detail, wire);
}
