/** RIDs in a realmward realm's own SID space: docs/decisions/0003. Accounts count up from `FIRST_ACCOUNT` and are never reused. */
export const RightRid = { Administrator: 1001, Viewer: 1002, 'Join-Realm': 1003 } as const;
export const FIRST_ACCOUNT_RID = 2000;
