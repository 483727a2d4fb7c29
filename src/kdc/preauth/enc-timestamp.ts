import type { Key } from '../../base/key.ts';
import type { Seconds } from '../../base/ports.ts';
import { DerError } from '../../codec/der/error.ts';
import { decode } from '../../codec/der/type.ts';
import type { EncryptedData } from '../../codec/krb5/basic.ts';
import { PaEncTimestamp, PaEncTsEnc } from '../../codec/krb5/padata.ts';
import { CryptoError } from '../../crypto/errors.ts';
import { KeyUsage } from '../../spec/key-usages.ts';
import type { KdcRealm } from '../realm.ts';
import { refuse } from '../refusal.ts';

/** Reads PA-ENC-TIMESTAMP (RFC 4120 section 5.2.7.2). */
export function readEncTimestamp(value: Uint8Array): EncryptedData {
  try {
    return decode(PaEncTimestamp, value);
  } catch (error) {
    if (error instanceof DerError) refuse('malformed-preauth', error.message);
    throw error;
  }
}

/** The client's time, in seconds, when `data` opens with `key`; `undefined` when it does not. */
export function openEncTimestamp(realm: KdcRealm, key: Key, data: EncryptedData): Seconds | undefined {
  try {
    return decode(PaEncTsEnc, realm.crypto.decrypt(key, KeyUsage.AS_REQ_PA_ENC_TIMESTAMP, data.cipher))
      .patimestamp;
  } catch (error) {
    if (error instanceof CryptoError || error instanceof DerError) return undefined;
    throw error;
  }
}
