import { Key } from '../../base/key.ts';
import type { Seconds } from '../../base/ports.ts';
import { DerError } from '../../codec/der/error.ts';
import { decode } from '../../codec/der/type.ts';
import { ApReq, Authenticator } from '../../codec/krb5/ap.ts';
import type { KdcReq } from '../../codec/krb5/kdc.ts';
import { CryptoError } from '../../crypto/errors.ts';
import { checksumTypeOf, keyLengthOf } from '../../crypto/etypes.ts';
import { KeyUsage } from '../../spec/key-usages.ts';
import { PaType } from '../../spec/pa-types.ts';
import { sameName } from '../names.ts';
import { findPadata } from '../padata.ts';
import type { KdcRealm, RequestOrigin } from '../realm.ts';
import { displayName } from '../realm.ts';
import { refuse } from '../refusal.ts';
import { skewText } from './authenticate-client.ts';
import { checkAddresses } from './check-addresses.ts';
import { openTicket, type VerifiedTicket } from './open-ticket.ts';

/** A TGS-REQ as it came: nothing of it may be believed. */
export type UnverifiedTgsRequest = KdcReq & { readonly __verified?: never };

/** A TGS-REQ whose sender has proven the ticket's session key, and whose body is as that sender has made it. */
export interface TgsRequest {
  readonly body: KdcReq['reqBody'];
  readonly padata: KdcReq['padata'];
  readonly ticket: VerifiedTicket;
  /** The key for the reply, and whether it is a subkey from the authenticator. */
  readonly replyKey: Key;
  readonly replyKeyIsSubkey: boolean;
}

/** RFC 4120 section 3.3.2: receipt of a KRB_TGS_REQ message; the one way from `UnverifiedTgsRequest` to `TgsRequest`. */
export function verifyTgsRequest(
  realm: KdcRealm,
  request: UnverifiedTgsRequest,
  origin: RequestOrigin,
  now: Seconds,
): TgsRequest {
  const value = findPadata(request.padata, PaType.TGS_REQ);
  if (value === undefined) refuse('no-tgs-ticket');
  const apReq = readOr(() => decode(ApReq, value), 'malformed-tgs-ticket');
  const ticket = openTicket(realm, apReq.ticket);
  const { part, sessionKey } = ticket.opened;

  const plain = openOr(() =>
    realm.crypto.decrypt(sessionKey, KeyUsage.TGS_REQ_AUTHENTICATOR, apReq.authenticator.cipher),
  );
  const authenticator = readOr(() => decode(Authenticator, plain), 'malformed-tgs-ticket');
  if (authenticator.crealm !== part.crealm || !sameName(authenticator.cname, part.cname)) {
    refuse(
      'authenticator-mismatch',
      `The authenticator names ${displayName(authenticator.cname, authenticator.crealm)}.`,
    );
  }
  const skew = authenticator.ctime - now;
  if (Math.abs(skew) > realm.policy.clockSkew) refuse('request-skew', skewText(skew));

  // "the checksum in the authenticator … is to be computed over the KDC-REQ-BODY encoding", and "if the checksum is not keyed or not
  // collision-proof, KRB_AP_ERR_INAPP_CKSUM" (section 3.3.2).
  const checksum = authenticator.cksum;
  if (checksum === undefined || checksum.cksumtype !== checksumTypeOf(sessionKey.etype))
    refuse('no-body-checksum');
  const body = request.reqBody;
  const raw = body.raw as Uint8Array;
  if (
    !realm.crypto.verifyChecksum(
      sessionKey,
      KeyUsage.TGS_REQ_AUTHENTICATOR_CHECKSUM,
      checksum.cksumtype,
      raw,
      checksum.checksum,
    )
  ) {
    refuse('body-checksum-wrong');
  }
  checkAddresses(part.caddr, origin.address);

  const { subkey } = authenticator;
  if (subkey === undefined)
    return { body, padata: request.padata, ticket, replyKey: sessionKey, replyKeyIsSubkey: false };
  if (
    !realm.policy.etypes.includes(subkey.keytype) ||
    keyLengthOf(subkey.keytype) !== subkey.keyvalue.length
  ) {
    refuse('no-common-etype', `The authenticator's subkey has the etype ${subkey.keytype}.`);
  }
  const replyKey = new Key(subkey.keytype, subkey.keyvalue);
  return { body, padata: request.padata, ticket, replyKey, replyKeyIsSubkey: true };
}

function readOr<T>(read: () => T, reason: 'malformed-tgs-ticket'): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) return refuse(reason, error.message);
    throw error;
  }
}

function openOr(open: () => Uint8Array): Uint8Array {
  try {
    return open();
  } catch (error) {
    if (error instanceof CryptoError) return refuse('authenticator-integrity');
    throw error;
  }
}
