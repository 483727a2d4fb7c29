import { AdType } from '../../spec/ad-types.ts';
import { decode } from '../der/type.ts';
import { AdIfRelevant } from './authorization-data.ts';
import type { AuthorizationData } from './basic.ts';

/** The PAC among a ticket's authorization data; it stands in an AD-IF-RELEVANT (MS-PAC 2.1). Throws `DerError`. */
export function findPac(elements: AuthorizationData | undefined): Uint8Array | undefined {
  for (const { adType, adData } of elements ?? []) {
    if (adType !== AdType.IF_RELEVANT) continue;
    for (const inner of decode(AdIfRelevant, adData))
      if (inner.adType === AdType.WIN2K_PAC) return inner.adData;
  }
  return undefined;
}
