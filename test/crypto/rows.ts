import { createCrypto, type Crypto } from '../../src/crypto/crypto.ts';
import { nodePrimitives } from '../../src/crypto/node.ts';
import { portablePrimitives } from '../../src/crypto/portable.ts';
import type { Primitives } from '../../src/crypto/primitives.ts';

/** Every way the primitives can run. The node row changes over to OpenSSL when a key is used again; here it does so at once, too. */
export const ROWS: Record<string, Primitives> = {
  node: nodePrimitives,
  'node with keys in use': { ...nodePrimitives, aesCbc: usedAesCbc },
  portable: portablePrimitives,
};

/** `Crypto` with RC4 over each row, with its name. */
export const CRYPTOS: [string, Crypto][] = Object.entries(ROWS).map(([name, primitives]) => [
  name,
  createCrypto(primitives, { rc4: true }),
]);

export const ALL_ETYPES: readonly number[] = [17, 18, 19, 20, 23];

function usedAesCbc(key: Uint8Array): ReturnType<Primitives['aesCbc']> {
  const aes = nodePrimitives.aesCbc(key);
  const data = Uint8Array.from({ length: 4096 }, (_, i) => i);
  aes.encrypt(data, 0, data.length);
  aes.decrypt(data, 0, data.length);
  return aes;
}
