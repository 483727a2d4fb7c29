import { makeApRep } from '../ap/ap-rep.ts';
import { utf8 } from '../base/bytes.ts';
import { nowSeconds } from '../base/ports.ts';
import { encode } from '../codec/der/type.ts';
import { encodeKpasswdOutcome, encodeKpasswdReply, type KpasswdOutcome } from '../codec/kpasswd.ts';
import { KrbError } from '../codec/krb5/error.ts';
import { EncKrbPrivPart, KrbPriv } from '../codec/krb5/safe-priv-cred.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { KpasswdVersion } from '../spec/kpasswd.ts';
import { NameType } from '../spec/name-types.ts';
import { hostAddress } from './address.ts';
import type { KpasswdOptions, KpasswdOrigin } from './realm.ts';
import type { Sender } from './receive.ts';

const MAX_TEXT = 400;

/** An outcome with this text, cut off where it is too long for a datagram. */
export function outcome(result: number, text: string): KpasswdOutcome {
  return { result, text: utf8(text.slice(0, MAX_TEXT).toWellFormed()) };
}

/** The reply to a sender who is known: the outcome in a KRB-PRIV that "must be encrypted with the subsession key from the authenticator". */
export function signedReply(
  { accounts: { crypto, clock } }: Pick<KpasswdOptions, 'accounts'>,
  { ap, subkey }: Sender,
  result: KpasswdOutcome,
  { localAddress }: KpasswdOrigin,
): Uint8Array {
  // Below 2^30: no peer takes it for a negative number.
  const seqNumber = new DataView(crypto.randomBytes(4).buffer).getUint32(0) >>> 2;
  const now = clock.microseconds();
  const timestamp = Math.floor(now / 1_000_000);
  const part = encode(EncKrbPrivPart, {
    userData: encodeKpasswdOutcome(result),
    timestamp,
    usec: now - timestamp * 1_000_000,
    seqNumber,
    sAddress: localAddress === undefined || localAddress === '' ? ACCEPTOR : hostAddress(localAddress),
  });
  const cipher = crypto.encrypt(subkey, KeyUsage.KRB_PRIV_ENC_PART, part);
  return encodeKpasswdReply({
    apRep: makeApRep(crypto, ap, { seqNumber }),
    krbPriv: encode(KrbPriv, { pvno: 5, msgType: 21, encPart: { etype: subkey.etype, cipher } }),
  });
}

/** A directional address (RFC 4120 section 7.5.3): from the one who was sent the AP-REQ. */
const ACCEPTOR = { addrType: 3, address: Uint8Array.of(0, 0, 0, 1) };

/**
 * The reply to a sender who is not known: a KRB-ERROR with the outcome in its e-data. "Unlike change password version 1, the KRB-ERROR message
 * will be sent back without any encapsulation."
 */
export function unsignedReply(
  { accounts: { clock, realm } }: Pick<KpasswdOptions, 'accounts'>,
  version: number,
  result: KpasswdOutcome,
  wire: number = ErrorCode.KRB_ERR_GENERIC,
): Uint8Array {
  const now = clock.microseconds();
  const stime = nowSeconds(clock);
  const krbError = encode(KrbError, {
    pvno: 5,
    msgType: 30,
    stime,
    susec: now - stime * 1_000_000,
    errorCode: wire,
    realm,
    sname: { nameType: NameType.SRV_INST, nameString: ['kadmin', 'changepw'] },
    eData: encodeKpasswdOutcome(result),
  });
  return version === KpasswdVersion.CHANGE ? encodeKpasswdReply({ krbError }) : krbError;
}
