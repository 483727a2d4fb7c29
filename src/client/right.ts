import { indicatorsOf } from '../ap/indicators.ts';
import { RIGHT_INDICATOR } from '../spec/right-indicators.ts';

/**
 * What the owner of a ticket may do on this device, as its realm states it for the device's own key (docs/decisions/0003); `undefined`: nothing, not even
 * look. Of several rights the highest counts. Throws `ApError` `indicator-not-proven`, `malformed-message`.
 */
export function loginRight(
  crypto: Parameters<typeof indicatorsOf>[0],
  verified: Parameters<typeof indicatorsOf>[1],
): 'Administrator' | 'Viewer' | undefined {
  const stated = indicatorsOf(crypto, verified);
  return (['Administrator', 'Viewer'] as const).find((right) => stated.includes(RIGHT_INDICATOR + right));
}
