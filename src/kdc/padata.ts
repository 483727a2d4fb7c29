import type { PaData } from '../codec/krb5/basic.ts';

/** The value of the first padata of `type`; `undefined` where there is none. */
export function findPadata(padata: readonly PaData[] | undefined, type: number): Uint8Array | undefined {
  if (padata === undefined) return undefined;
  for (const one of padata) if (one.padataType === type) return one.padataValue;
  return undefined;
}
