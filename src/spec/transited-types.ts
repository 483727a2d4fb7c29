/** Encodings of the transited field: RFC 4120 section 7.5.6. */
export const TransitedType = { DOMAIN_X500_COMPRESS: 1 } as const;
