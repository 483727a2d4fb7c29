/** RFC 7617: user name and password in a header field. */

/** What stands in the credentials of `Authorization: Basic`. */
export interface BasicCredentials {
  readonly user: string;
  /** UTF-8; to be wiped by whoever reads it. The header's own text stays in memory until it is collected. */
  readonly password: Uint8Array;
}

const COLON = 0x3a;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the credentials; `undefined` where they are none: not base64, not UTF-8, without colon, without user, or with control characters. */
export function readBasic(credentials: string): BasicCredentials | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(credentials)) return undefined;
  const bytes = Buffer.from(credentials, 'base64');
  // "a user-id containing a colon character is invalid, as the first colon in a user-pass string separates user-id and password"
  const colon = bytes.indexOf(COLON);
  if (colon < 1) return undefined;
  try {
    const user = decoder.decode(bytes.subarray(0, colon));
    const password = Uint8Array.from(bytes.subarray(colon + 1));
    // "The user-id and password MUST NOT contain any control characters"
    return /\p{Cc}/u.test(user) || password.some(isControl) ? undefined : { user, password };
  } catch {
    return undefined;
  } finally {
    bytes.fill(0);
  }
}

function isControl(byte: number): boolean {
  return byte < 0x20 || byte === 0x7f;
}
