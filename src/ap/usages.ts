import { KeyUsage } from '../spec/key-usages.ts';

/** The two key usages of an AP-REQ: its authenticator, and the checksum in it. */
export interface ApUsages {
  readonly authenticator: number;
  readonly checksum: number;
}

/** An AP-REQ to an application server (RFC 4120 section 3.2). */
export const AP_USAGES: ApUsages = {
  authenticator: KeyUsage.AP_REQ_AUTHENTICATOR,
  checksum: KeyUsage.AP_REQ_AUTHENTICATOR_CHECKSUM,
};

/** The AP-REQ in a TGS-REQ's padata (RFC 4120 section 5.4.1). */
export const TGS_USAGES: ApUsages = {
  authenticator: KeyUsage.TGS_REQ_AUTHENTICATOR,
  checksum: KeyUsage.TGS_REQ_AUTHENTICATOR_CHECKSUM,
};
