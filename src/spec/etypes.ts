/** Encryption type numbers: RFC 3961 registry "Kerberos Encryption Type Numbers". */
export const Etype = {
  AES128_CTS_HMAC_SHA1_96: 17,
  AES256_CTS_HMAC_SHA1_96: 18,
  AES128_CTS_HMAC_SHA256_128: 19,
  AES256_CTS_HMAC_SHA384_192: 20,
  RC4_HMAC: 23,
} as const;

/** Every etype realmward may use by default, strongest first. RC4 is not among them. */
export const STRONG_ETYPES: readonly number[] = [20, 19, 18, 17];

/** What a ticket between two realms may be made with, strongest first: RC4 where an operator names it (docs/decisions/0013). */
export const TRUST_ETYPES: readonly number[] = [...STRONG_ETYPES, Etype.RC4_HMAC];
