/** Checksum type numbers: RFC 3961 registry "Kerberos Checksum Type Numbers". Only keyed ones. */
export const ChecksumType = {
  HMAC_SHA1_96_AES128: 15,
  HMAC_SHA1_96_AES256: 16,
  HMAC_SHA256_128_AES128: 19,
  HMAC_SHA384_192_AES256: 20,
  /** RFC 4757; negative as a signed 32-bit number. */
  HMAC_MD5: -138,
} as const;
