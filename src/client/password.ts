/** RFC 3244 from the client's side: one's own password is changed, or that of somebody else is set. */
import { verifyApRep } from '../ap/ap-rep.ts';
import { makeApReq, type SentApReq } from '../ap/ap-req.ts';
import { type Principal, sameName, showPrincipal } from '../ap/principal.ts';
import { ApError } from '../ap/reason.ts';
import { utf8 } from '../base/bytes.ts';
import type { Clock } from '../base/ports.ts';
import { RealmwardError } from '../base/errors.ts';
import { decode, encode } from '../codec/der/type.ts';
import {
  ChangePasswdData,
  decodeKpasswdOutcome,
  decodeKpasswdReply,
  encodeKpasswdRequest,
  type KpasswdReply,
} from '../codec/kpasswd.ts';
import { KrbError } from '../codec/krb5/error.ts';
import { EncKrbPrivPart, KrbPriv } from '../codec/krb5/safe-priv-cred.ts';
import { CryptoError } from '../crypto/errors.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { KpasswdResult, KpasswdVersion } from '../spec/kpasswd.ts';
import { getInitialTicket } from './as.ts';
import { fail } from './client-error.ts';
import { type ClientContext, shifted } from './context.ts';
import type { Credential } from './credential.ts';
import { KerberosError } from './kerberos-error.ts';
import { nameOf } from './names.ts';
import { PasswordRefused } from './password-refused.ts';
import { readOr } from './reply.ts';
import { clockOffsetOf, newNonce } from './request.ts';

/** The service that passwords are changed at. */
export const CHANGEPW = nameOf('kadmin', 'changepw');

/** A password is text, or its UTF-8 bytes, which stay the caller's to wipe. */
type Password = string | Uint8Array;

export interface PasswordChange {
  readonly client: Principal;
  /** The present password. */
  readonly password: Password;
  readonly newPassword: Password;
  /** As in `InitialRequest`. */
  readonly canonicalize?: boolean;
  readonly signal?: AbortSignal;
}

export interface PasswordSetting {
  /** Whose password it is. */
  readonly target: Principal;
  readonly newPassword: Password;
  readonly signal?: AbortSignal;
}

/** How long the ticket lives that a password is changed with, in seconds. */
const LIFETIME = 300;

/**
 * Changes one's own password; it works, too, when it has expired or must be changed. Throws `KerberosError` for what the KDC refuses
 * (`kdc-err-preauth-failed`: the present password is wrong), `PasswordRefused` for what the password server refuses, `ClientError`.
 */
export async function changePassword(context: ClientContext, change: PasswordChange): Promise<void> {
  const { client, password, canonicalize = false, signal } = change;
  const credential = await getInitialTicket(context, {
    client,
    proof: { password },
    service: CHANGEPW,
    lifetime: LIFETIME,
    canonicalize,
    ...(signal === undefined ? {} : { signal }),
  });
  const userData = bytesOf(change.newPassword);
  try {
    await exchange(context, credential, KpasswdVersion.CHANGE, userData, signal);
  } finally {
    userData.fill(0);
  }
}

/**
 * Sets somebody's password with a ticket for `CHANGEPW` of whoever may do that. Throws `PasswordRefused`, `KerberosError`, `ClientError`
 * (`not-for-passwords`: the ticket is another one).
 */
export async function setPassword(
  context: ClientContext,
  credential: Credential,
  { target, newPassword, signal }: PasswordSetting,
): Promise<void> {
  const newpasswd = bytesOf(newPassword);
  const userData = encode(ChangePasswdData, {
    newpasswd,
    targname: target.name,
    targrealm: target.realm,
  });
  try {
    await exchange(context, credential, KpasswdVersion.SET, userData, signal);
  } finally {
    newpasswd.fill(0);
    userData.fill(0);
  }
}

/** A copy of its own, to be wiped. */
function bytesOf(password: Password): Uint8Array {
  return typeof password === 'string' ? utf8(password) : password.slice();
}

async function exchange(
  context: ClientContext,
  credential: Credential,
  version: number,
  userData: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { server } = credential;
  if (!sameName(server.name, CHANGEPW)) fail('not-for-passwords', `It is for ${showPrincipal(server)}.`);
  let { clockOffset } = credential;
  for (let round = 0; ; round++) {
    const clock = shifted(context.clock, clockOffset);
    const sent: SentApReq[] = [];
    const renew = (): Uint8Array => {
      const request = makeRequest(context, clock, credential, version, userData);
      sent.push(request.apReq);
      return request.message;
    };
    const bytes = await context.send(server.realm, renew(), { signal, service: 'kpasswd', renew });
    const reply = readReply(bytes);
    if (!('krbError' in reply)) return openReply(context, sent, reply);
    const error = readOr(() => decode(KrbError, reply.krbError));
    if (error.errorCode !== ErrorCode.KRB_AP_ERR_SKEW || round > 0) refusedUnsigned(server.realm, error);
    clockOffset = clockOffsetOf(context.clock, error);
  }
}

function makeRequest(
  { crypto }: ClientContext,
  clock: Clock,
  credential: Credential,
  version: number,
  userData: Uint8Array,
): { readonly message: Uint8Array; readonly apReq: SentApReq } {
  const subkey = crypto.randomKey(credential.key.etype);
  const seqNumber = newNonce(crypto) >>> 1;
  const apReq = makeApReq(crypto, clock, credential, { mutual: true, subkey, seqNumber });
  const { ctime, cusec } = apReq;
  const part = encode(EncKrbPrivPart, {
    userData,
    timestamp: ctime,
    usec: cusec,
    seqNumber,
    sAddress: INITIATOR,
  });
  const cipher = crypto.encrypt(subkey, KeyUsage.KRB_PRIV_ENC_PART, part);
  part.fill(0);
  const krbPriv = encode(KrbPriv, { pvno: 5, msgType: 21, encPart: { etype: subkey.etype, cipher } });
  return { message: encodeKpasswdRequest({ version, apReq: apReq.message, krbPriv }), apReq };
}

/**
 * A directional address (RFC 4120 section 7.5.3), from the one who sent the AP-REQ: "If the message is originated by the party sending the original
 * KRB_AP_REQ message, then an address of 0 SHOULD be used." Our own would be another one behind a NAT, and where there are no sockets nobody
 * knows it.
 */
const INITIATOR = { addrType: 3, address: new Uint8Array(4) };

function readReply(bytes: Uint8Array): KpasswdReply {
  try {
    return decodeKpasswdReply(bytes);
  } catch (error) {
    if (error instanceof RealmwardError && error.code === 'bad-kpasswd')
      return fail('malformed-reply', error.message);
    throw error;
  }
}

/** Reads what the server has signed. Throws `PasswordRefused` unless the password was changed. */
function openReply(
  { crypto }: ClientContext,
  sent: readonly SentApReq[],
  { apRep, krbPriv }: Extract<KpasswdReply, { apRep: unknown }>,
): void {
  const { answered, seqNumber } = whichOne(crypto, sent, apRep);
  const { encPart } = readOr(() => decode(KrbPriv, krbPriv));
  let plain: Uint8Array;
  try {
    // "This KRB-PRIV message must be encrypted with the subsession key from the authenticator in the AP-REQ data", whatever the AP-REP offers.
    plain = crypto.decrypt(
      answered.subkey ?? answered.sessionKey,
      KeyUsage.KRB_PRIV_ENC_PART,
      encPart.cipher,
    );
  } catch (error) {
    if (error instanceof CryptoError) return fail('reply-integrity');
    throw error;
  }
  const part = readOr(() => decode(EncKrbPrivPart, plain));
  // Without this, our own message could come back as the answer.
  if (part.seqNumber !== seqNumber) fail('unexpected-reply', 'Its sequence number is another one.');
  const outcome = outcomeOf(part.userData);
  if (outcome.result !== KpasswdResult.SUCCESS) throw new PasswordRefused(outcome);
}

/** Of several attempts the one that is answered. */
function whichOne(
  crypto: ClientContext['crypto'],
  sent: readonly SentApReq[],
  apRep: Uint8Array,
): { readonly answered: SentApReq; readonly seqNumber: number | undefined } {
  let problem: unknown;
  for (const answered of sent) {
    try {
      return { answered, seqNumber: verifyApRep(crypto, answered, apRep).seqNumber };
    } catch (error) {
      if (!(error instanceof ApError)) throw error;
      problem = error;
    }
  }
  return fail('reply-integrity', problem instanceof ApError ? problem.message : undefined);
}

/** What a server says that could not read the request, or somebody else in its place. */
function refusedUnsigned(realm: string, error: KrbError): never {
  if (error.eData === undefined || error.eData.length < 2) throw new KerberosError(realm, error);
  const outcome = outcomeOf(error.eData);
  // "This value is not allowed in a KRB-ERROR message": nobody has signed it.
  if (outcome.result === KpasswdResult.SUCCESS) fail('unexpected-reply', 'An error says that it worked.');
  throw new PasswordRefused(outcome);
}

function outcomeOf(bytes: Uint8Array): ReturnType<typeof decodeKpasswdOutcome> {
  try {
    return decodeKpasswdOutcome(bytes);
  } catch (error) {
    if (error instanceof RealmwardError) return fail('malformed-reply', error.message);
    throw error;
  }
}
