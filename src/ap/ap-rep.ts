/** RFC 4120 sections 3.2.4 and 3.2.5: the service answers with a KRB_AP_REP, and the client checks it. */
import { Key } from '../base/key.ts';
import { DerError } from '../codec/der/error.ts';
import { decode, encode } from '../codec/der/type.ts';
import { ApRep, EncApRepPart } from '../codec/krb5/ap.ts';
import { KrbError } from '../codec/krb5/error.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { CryptoError } from '../crypto/errors.ts';
import { STRONG_ETYPES } from '../spec/etypes.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { MessageType } from '../spec/message-types.ts';
import type { SentApReq } from './ap-req.ts';
import { wireKey } from './keys.ts';
import { showText } from './principal.ts';
import { ApError, refuse } from './reason.ts';
import type { VerifiedApReq } from './verify-ap-req.ts';

export interface ApRepOptions {
  /** A key of the service's choice, which comes before the client's. */
  readonly subkey?: Key;
  /** Initial sequence number of the service's messages. */
  readonly seqNumber?: number;
}

/** Makes the AP-REP for a verified AP-REQ: "the client's timestamp … encrypted in the session key". DER. */
export function makeApRep(
  crypto: Crypto,
  request: VerifiedApReq,
  options: ApRepOptions = {},
): Uint8Array<ArrayBuffer> {
  const { subkey, seqNumber } = options;
  const { ctime, cusec } = request.authenticator;
  const part = encode(EncApRepPart, {
    ctime,
    cusec,
    subkey: subkey && { keytype: subkey.etype, keyvalue: subkey.bytes },
    seqNumber,
  });
  const { sessionKey } = request;
  const message = encode(ApRep, {
    pvno: 5,
    msgType: 15,
    encPart: { etype: sessionKey.etype, cipher: crypto.encrypt(sessionKey, KeyUsage.AP_REP_ENC_PART, part) },
  });
  part.fill(0);
  return message;
}

/** What a service chose in its AP-REP. */
export interface VerifiedApRep {
  readonly subkey: Key | undefined;
  readonly seqNumber: number | undefined;
}

/**
 * Checks the answer to `sent`: who made it has the session key, so it is the service that the ticket is for. Throws `ApError`:
 * `malformed-message`, `refused-by-server`, `mutual-failed`, `unusable-key`.
 */
export function verifyApRep(crypto: Crypto, sent: SentApReq, message: Uint8Array): VerifiedApRep {
  if (message[0] === (0x60 | MessageType.KRB_ERROR)) refusedByServer(message);
  const reply = readOr(() => decode(ApRep, message));
  const part = readOr(() => decode(EncApRepPart, open(crypto, sent.sessionKey, reply.encPart)));
  // "The client … verifies that the timestamp and microseconds in the reply match those in the Authenticator that it sent."
  if (part.ctime !== sent.ctime || part.cusec !== sent.cusec)
    refuse('mutual-failed', 'It answers another request.');
  return { subkey: wireKey(part.subkey, STRONG_ETYPES), seqNumber: part.seqNumber };
}

function open(crypto: Crypto, key: Key, data: { etype: number; cipher: Uint8Array }): Uint8Array {
  if (data.etype !== key.etype) refuse('mutual-failed');
  try {
    return crypto.decrypt(key, KeyUsage.AP_REP_ENC_PART, data.cipher);
  } catch (error) {
    if (error instanceof CryptoError) return refuse('mutual-failed');
    throw error;
  }
}

function refusedByServer(message: Uint8Array): never {
  const { errorCode, eText } = readOr(() => decode(KrbError, message));
  const text = eText === undefined ? '' : ` and says "${showText(eText, 200)}"`;
  throw new ApError('refused-by-server', `It gives the code ${errorCode}${text}.`, errorCode);
}

function readOr<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) return refuse('malformed-message', error.message);
    throw error;
  }
}
