import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { RealmwardError } from '../base/errors.ts';
import type { MasterKey, MasterKeyRing } from './master-key.ts';

/*
 * A sealed value: id of the master key (4 bytes), nonce (12), AES-256-GCM ciphertext, tag (16). What the value belongs to is authenticated with
 * it, so that a value which was copied to another row does not open there. Nonces are random: one master key may seal 2^32 values (NIST SP
 * 800-38D, 8.3); a realm of 100,000 principals whose keys all change every day takes a century for that.
 */
const ID = 4;
const NONCE = 12;
const TAG = 16;

/** Seals `secret`, bound to `context`. */
export function seal(master: MasterKey, context: string, secret: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(ID + NONCE + secret.length + TAG);
  new DataView(sealed.buffer).setUint32(0, master.id);
  const nonce = randomFillSync(sealed.subarray(ID, ID + NONCE));
  const cipher = createCipheriv('aes-256-gcm', master.key, nonce);
  cipher.setAAD(Buffer.from(context));
  sealed.set(cipher.update(secret), ID + NONCE);
  cipher.final();
  sealed.set(cipher.getAuthTag(), sealed.length - TAG);
  return sealed;
}

/**
 * The secret, whose bytes the caller owns. Throws `RealmwardError` `unknown-master-key` (`MasterKeyRing.get`), or `broken-seal` when the value was changed or
 * belongs to something else.
 */
export function unseal(ring: MasterKeyRing, context: string, sealed: Uint8Array): Uint8Array {
  if (sealed.length < ID + NONCE + TAG) throw brokenSeal(context);
  const master = ring.get(sealingKeyId(sealed));
  const decipher = createDecipheriv('aes-256-gcm', master.key, sealed.subarray(ID, ID + NONCE), {
    authTagLength: TAG,
  });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  const secret = decipher.update(sealed.subarray(ID + NONCE, sealed.length - TAG));
  try {
    decipher.final();
  } catch (error) {
    throw brokenSeal(context, error);
  }
  return secret;
}

/** Id of the master key that sealed the value. */
export function sealingKeyId(sealed: Uint8Array): number {
  return new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength).getUint32(0);
}

function brokenSeal(context: string, cause?: unknown): RealmwardError {
  return new RealmwardError(
    'broken-seal',
    `the store was tampered with or is damaged: the seal of "${context}" is broken`,
    {
      hint: 'Restore the store from a backup; or give the principal new keys, remove the trust and make it anew.',
      cause,
    },
  );
}
