import { AdType } from '../../spec/ad-types.ts';
import { decode, encode } from '../der/type.ts';
import { AdIfRelevant } from './authorization-data.ts';
import { AuthorizationData } from './basic.ts';
import { EncTicketPart } from './ticket.ts';

/** Stands for the PAC where a ticket is signed: one zero byte (MS-PAC 2.8.3). */
export const PAC_PLACEHOLDER = new Uint8Array(1);

/** The PAC among a ticket's authorization data; it stands in an AD-IF-RELEVANT (MS-PAC 2.1). Throws `DerError`. */
export function findPac(elements: AuthorizationData | undefined): Uint8Array | undefined {
  for (const { adType, adData } of elements ?? []) {
    if (adType !== AdType.IF_RELEVANT) continue;
    for (const inner of decode(AdIfRelevant, adData))
      if (inner.adType === AdType.WIN2K_PAC) return inner.adData;
  }
  return undefined;
}

/** DER of a ticket's inside with `PAC_PLACEHOLDER` in the PAC's place: what the ticket signature covers. Throws `DerError`. */
export function encodeWithoutPac(part: EncTicketPart): Uint8Array {
  const authorizationData = part.authorizationData?.map((element) => {
    if (element.adType !== AdType.IF_RELEVANT) return element;
    const inner = decode(AdIfRelevant, element.adData);
    if (!inner.some(({ adType }) => adType === AdType.WIN2K_PAC)) return element;
    const emptied = inner.map((one) =>
      one.adType === AdType.WIN2K_PAC ? { ...one, adData: PAC_PLACEHOLDER } : one,
    );
    return { adType: element.adType, adData: encode(AuthorizationData, emptied) };
  });
  return encode(EncTicketPart, { ...part, authorizationData });
}
