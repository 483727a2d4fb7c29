/** Authorization data types: RFC 4120 section 7.5.4, RFC 7751, RFC 8129, MS-PAC 2.1. */
export const AdType = {
  IF_RELEVANT: 1,
  KDC_ISSUED: 4,
  AND_OR: 5,
  MANDATORY_FOR_KDC: 8,
  CAMMAC: 96,
  AUTHENTICATION_INDICATOR: 97,
  WIN2K_PAC: 128,
  ETYPE_NEGOTIATION: 129,
} as const;
