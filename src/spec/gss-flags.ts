/** Context flags in the checksum of a GSS-API AP-REQ (RFC 4121 section 4.1.1.1), and of MS-KILE 3.2.5.1 (DCE style). */
export const GssFlag = {
  DELEG: 0x1,
  MUTUAL: 0x2,
  REPLAY: 0x4,
  SEQUENCE: 0x8,
  CONF: 0x10,
  INTEG: 0x20,
  DCE_STYLE: 0x1000,
} as const;

/** Checksum type of that checksum, which is not keyed: it carries channel bindings and flags inside the encrypted authenticator. */
export const GSS_CHECKSUM = 0x8003;
