/** Plain hashes of what is public. Few bytes and once per connection, so one implementation serves every engine. */
import { md5 as nobleMd5 } from '@noble/hashes/legacy.js';
import { sha256 as nobleSha256, sha384 as nobleSha384, sha512 as nobleSha512 } from '@noble/hashes/sha2.js';

/** For channel bindings alone, where RFC 4121 demands it and the authenticator's encryption protects it. */
export function md5(data: Uint8Array): Uint8Array {
  return nobleMd5(data);
}

/** The hashes that certificates are signed with today, by their names in that trade. */
export const CERTIFICATE_HASHES = {
  sha256: (data: Uint8Array): Uint8Array => nobleSha256(data),
  sha384: (data: Uint8Array): Uint8Array => nobleSha384(data),
  sha512: (data: Uint8Array): Uint8Array => nobleSha512(data),
} as const;
