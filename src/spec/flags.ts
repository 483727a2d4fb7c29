/**
 * KerberosFlags as unsigned 32-bit numbers: bit 0 of the RFC is the most significant bit here (RFC 4120 section 5.2.8).
 */
const bit = (n: number): number => (0x8000_0000 >>> n) >>> 0;

/** RFC 4120 section 5.3; enc-pa-rep from RFC 6806 section 11. */
export const TicketFlag = {
  FORWARDABLE: bit(1),
  FORWARDED: bit(2),
  PROXIABLE: bit(3),
  PROXY: bit(4),
  MAY_POSTDATE: bit(5),
  POSTDATED: bit(6),
  INVALID: bit(7),
  RENEWABLE: bit(8),
  INITIAL: bit(9),
  PRE_AUTHENT: bit(10),
  HW_AUTHENT: bit(11),
  TRANSITED_POLICY_CHECKED: bit(12),
  OK_AS_DELEGATE: bit(13),
  ENC_PA_REP: bit(15),
  ANONYMOUS: bit(16),
} as const;

/** RFC 4120 section 5.4.1; canonicalize from RFC 6806. */
export const KdcOption = {
  FORWARDABLE: bit(1),
  FORWARDED: bit(2),
  PROXIABLE: bit(3),
  PROXY: bit(4),
  ALLOW_POSTDATE: bit(5),
  POSTDATED: bit(6),
  RENEWABLE: bit(8),
  CNAME_IN_ADDL_TKT: bit(14),
  CANONICALIZE: bit(15),
  REQUEST_ANONYMOUS: bit(16),
  DISABLE_TRANSITED_CHECK: bit(26),
  RENEWABLE_OK: bit(27),
  ENC_TKT_IN_SKEY: bit(28),
  RENEW: bit(30),
  VALIDATE: bit(31),
} as const;

/** RFC 4120 section 5.5.1. */
export const ApOption = {
  USE_SESSION_KEY: bit(1),
  MUTUAL_REQUIRED: bit(2),
} as const;
