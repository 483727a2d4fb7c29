import type { Clock } from '../base/ports.ts';
import type { KrbError } from '../codec/krb5/error.ts';
import type { Crypto } from '../crypto/crypto.ts';

/** A fresh nonce of 31 bits: some KDCs read it as a signed number. */
export function newNonce(crypto: Crypto): number {
  const bytes = crypto.randomBytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) & 0x7fff_ffff;
}

/** Microseconds by which the sender of `error` is ahead of `clock`. */
export function clockOffsetOf(clock: Clock, error: KrbError): number {
  return error.stime * 1_000_000 + error.susec - clock.microseconds();
}
