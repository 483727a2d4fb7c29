/** Object identifiers of GSS-API mechanisms: RFC 4121, RFC 4178, MS-SPNG, MS-NLMP, draft-ietf-kitten-iakerb. */
export const MechOid = {
  KRB5: '1.2.840.113554.1.2.2',
  /** What Windows 2000 wrote for KRB5, one bit short; offered since then by every Windows, first of all (MS-SPNG 3.1.5.1). */
  MS_KRB5: '1.2.840.48018.1.2.2',
  SPNEGO: '1.3.6.1.5.5.2',
  NTLM: '1.3.6.1.4.1.311.2.2.10',
} as const;
