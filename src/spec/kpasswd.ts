/** Numbers of the password protocols: RFC 3244 section 2. */
export const KpasswdVersion = {
  /** Change one's own password; the new one is all that is sent. */
  CHANGE: 1,
  /** Change or set the password of whoever is named. */
  SET: 0xff80,
} as const;

/** Result codes; 0 to 4 are those of the original protocol. */
export const KpasswdResult = {
  SUCCESS: 0,
  MALFORMED: 1,
  HARDERROR: 2,
  AUTHERROR: 3,
  SOFTERROR: 4,
  ACCESSDENIED: 5,
  BAD_VERSION: 6,
  INITIAL_FLAG_NEEDED: 7,
} as const;
