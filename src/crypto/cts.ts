import type { AesCbc } from './primitives.ts';

const BLOCK = 16;

/**
 * CBC with ciphertext stealing as RFC 3962 section 5 has it (CBC-CS3, IV zero), of the `length` bytes (16 at least) that stand in `work`
 * from `start` on. Returns fresh memory: the ciphertext, then at least `room` bytes for the caller to fill.
 */
export function ctsEncrypt(
  aes: AesCbc,
  work: Uint8Array,
  start: number,
  length: number,
  room: number,
): Uint8Array {
  const padded = wholeBlocks(length);
  const end = start + padded + wholeBlocks(room);
  work.fill(0, start + length, end);
  // The room is encrypted along with the message: cheaper than a second allocation.
  const out = aes.encrypt(work, start, end);
  if (padded > BLOCK) {
    // "... the last two blocks of ciphertext are swapped": the truncated one goes last, and the room begins where it is cut off.
    for (let at = padded - BLOCK; at < padded; at++) {
      const byte = out[at]!;
      out[at] = out[at - BLOCK]!;
      out[at - BLOCK] = byte;
    }
  }
  return out;
}

/** The inverse of `ctsEncrypt`. The first `length` bytes of the result are the plaintext, the rest means nothing. Changes `work`. */
export function ctsDecrypt(aes: AesCbc, work: Uint8Array, start: number, length: number): Uint8Array {
  if (length === BLOCK) return aes.decrypt(work, start, start + BLOCK);

  // CBC made …, C(n-2), C(n-1), C(n); on the wire stand …, C(n-2), C(n), head of C(n-1). The missing tail of C(n-1) was encrypted along
  // with zeros into C(n), so C(n) is decrypted first, in one go with everything before it.
  const tail = wholeBlocks(length) - BLOCK;
  const stolen = length - tail;
  const from = start + tail;
  const head = work.slice(from, from + BLOCK);
  work.fill(0, from, from + BLOCK);
  const out = aes.decrypt(work, start, from + BLOCK);

  for (let i = 0; i < BLOCK; i++) {
    const previous = tail > BLOCK ? work[from - 2 * BLOCK + i]! : 0;
    const raw = out[tail - BLOCK + i]! ^ previous;
    if (i < stolen) out[tail + i] = raw ^ head[i]!;
    else head[i] = raw;
    out[tail - BLOCK + i] = previous;
  }
  const block = aes.decrypt(head, 0, BLOCK);
  for (let i = 0; i < BLOCK; i++) out[tail - BLOCK + i]! ^= block[i]!;
  return out;
}

function wholeBlocks(length: number): number {
  return (length + BLOCK - 1) & -BLOCK;
}
