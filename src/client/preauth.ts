/** Preauthentication by encrypted timestamp: RFC 4120 section 5.2.7. */
import type { Key } from '../base/key.ts';
import type { Clock } from '../base/ports.ts';
import { decode, encode } from '../codec/der/type.ts';
import { EncryptedData, MethodData, type PaData } from '../codec/krb5/basic.ts';
import { EtypeInfo2, PaEncTsEnc } from '../codec/krb5/padata.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { PaType } from '../spec/pa-types.ts';
import { fail } from './client-error.ts';
import type { KeyInfo, KeySource } from './proof.ts';
import { readOr } from './reply.ts';

/** What a KDC demands before it gives a ticket. */
export interface Demand {
  /** How the key is made. */
  readonly info: KeyInfo;
  /** All that the KDC said about keys, for a reply that takes another one. */
  readonly infos: readonly KeyInfo[];
  /** To be sent back as it came. */
  readonly cookie: PaData | undefined;
}

/**
 * Reads the METHOD-DATA of PREAUTH_REQUIRED and chooses the etype. Nobody has signed this, so our order of preference counts and not the
 * one of the message. Throws `ClientError`: `malformed-reply`, `no-preauth-method`, `no-common-etype`.
 */
export function readDemand(eData: Uint8Array | undefined, source: KeySource): Demand {
  const padata = eData === undefined ? [] : readOr(() => decode(MethodData, eData));
  const types = padata.map(({ padataType }) => padataType);
  if (!types.includes(PaType.ENC_TIMESTAMP))
    fail('no-preauth-method', `It names the types ${types.join(', ') || 'none'}.`);
  const infos = keyInfos(padata);
  const info =
    infos === undefined
      ? { etype: source.etypes.find((etype) => source.has(etype)) ?? 0 }
      : source.etypes.flatMap((etype) => infos.filter((one) => one.etype === etype && source.has(etype)))[0];
  if (info === undefined)
    fail('no-common-etype', `It names the types ${(infos ?? []).map(({ etype }) => etype).join(', ')}.`);
  const cookie = padata.find(({ padataType }) => padataType === PaType.FX_COOKIE);
  return { info, infos: infos ?? [], cookie };
}

/** PA-ENC-TIMESTAMP: the time, encrypted with the client's key. */
export function encTimestamp(crypto: Crypto, clock: Clock, key: Key): PaData {
  const now = clock.microseconds();
  const patimestamp = Math.floor(now / 1_000_000);
  const plain = encode(PaEncTsEnc, { patimestamp, pausec: now - patimestamp * 1_000_000 });
  const cipher = crypto.encrypt(key, KeyUsage.AS_REQ_PA_ENC_TIMESTAMP, plain);
  return {
    padataType: PaType.ENC_TIMESTAMP,
    padataValue: encode(EncryptedData, { etype: key.etype, cipher }),
  };
}

/** ETYPE-INFO2 among `padata`; `undefined` where there is none. Throws `ClientError` `malformed-reply`. */
export function keyInfos(padata: readonly PaData[] | undefined): readonly KeyInfo[] | undefined {
  const value = padata?.find(({ padataType }) => padataType === PaType.ETYPE_INFO2)?.padataValue;
  return value === undefined ? undefined : readOr(() => decode(EtypeInfo2, value));
}
