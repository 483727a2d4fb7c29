/** Preauthentication and typed-data types: RFC 4120 section 7.5.2, RFC 6113, RFC 6806, MS-KILE 2.2.9. */
export const PaType = {
  TGS_REQ: 1,
  ENC_TIMESTAMP: 2,
  PW_SALT: 3,
  ETYPE_INFO: 11,
  ETYPE_INFO2: 19,
  SVR_REFERRAL_INFO: 20,
  PAC_REQUEST: 128,
  FOR_USER: 129,
  FX_COOKIE: 133,
  FX_FAST: 136,
  FX_ERROR: 137,
  ENCRYPTED_CHALLENGE: 138,
  REQ_ENC_PA_REP: 149,
  PAC_OPTIONS: 167,
} as const;
