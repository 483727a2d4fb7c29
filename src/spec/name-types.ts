/** Principal name types: RFC 4120 section 6.2, RFC 6806 section 5, RFC 8062. */
export const NameType = {
  UNKNOWN: 0,
  PRINCIPAL: 1,
  SRV_INST: 2,
  SRV_HST: 3,
  SRV_XHST: 4,
  UID: 5,
  ENTERPRISE: 10,
  WELLKNOWN: 11,
} as const;
