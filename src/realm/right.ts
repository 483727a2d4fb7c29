/** What a person may do on devices. Join-Realm adds devices to the realm and is never a login. */
export const RIGHTS = ['Administrator', 'Viewer', 'Join-Realm'] as const;
export type Right = (typeof RIGHTS)[number];
