import { makeSid, parseSid, type Sid } from '../base/sid.ts';
import type { Crypto } from '../crypto/crypto.ts';
import type { Settings } from '../realm/ports.ts';

const SID_SETTING = 'sid';

/** The realm's own SID, `S-1-5-21-…` with 96 random bits like a Windows domain's: made at the first call, the same ever after. */
export async function ensureRealmSid(settings: Settings, crypto: Crypto): Promise<Sid> {
  const random = new DataView(crypto.randomBytes(12).buffer);
  const fresh = makeSid(5, [21, random.getUint32(0), random.getUint32(4), random.getUint32(8)]);
  return parseSid(await settings.once(SID_SETTING, fresh));
}
