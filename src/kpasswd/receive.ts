/** From the bytes of a request to what it asks for, verified. */
import { ApError } from '../ap/reason.ts';
import type { ReplayCache } from '../ap/replay-cache.ts';
import { type ServiceKey, type VerifiedApReq, verifyApReq } from '../ap/verify-ap-req.ts';
import { toHex } from '../base/bytes.ts';
import type { Key } from '../base/key.ts';
import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import { decodeChangePasswdData, type KpasswdRequest } from '../codec/kpasswd.ts';
import { ApReq } from '../codec/krb5/ap.ts';
import type { PrincipalName } from '../codec/krb5/basic.ts';
import { EncKrbPrivPart, KrbPriv } from '../codec/krb5/safe-priv-cred.ts';
import { CryptoError } from '../crypto/errors.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { KpasswdVersion } from '../spec/kpasswd.ts';
import { hostAddress } from './address.ts';
import type { KpasswdOptions, KpasswdOrigin } from './realm.ts';
import { refuse } from './refusal.ts';

/** The sender of a request, who owns a ticket for kadmin/changepw. */
export interface Sender {
  readonly ap: VerifiedApReq;
  /** What the KRB-PRIV of request and reply is protected with. */
  readonly subkey: Key;
  /** Stands for the ticket: the MAC at its end. */
  readonly ticketTag: string;
}

/** What a request asks for. */
export interface Wish {
  /** UTF-8, as it came; wiped when the work is done. */
  readonly password: Uint8Array;
  /** Whose password; `undefined`: the sender's own. */
  readonly target: { readonly realm: string; readonly name: PrincipalName } | undefined;
}

/**
 * Verifies the AP-REQ of a request with `keys`, which are those of kadmin/changepw and no others: a ticket for anything else, a ticket-granting
 * ticket above all, opens with none of them, whatever it says outside (CVE-2022-2031, CVE-2022-32744). Throws `KpasswdRefusal`.
 */
export function verifySender(
  options: Pick<KpasswdOptions, 'accounts' | 'clockSkew'>,
  keys: readonly ServiceKey[],
  replays: ReplayCache,
  apReq: Uint8Array,
  origin: KpasswdOrigin,
): Sender {
  const { realm, crypto, clock, etypes } = options.accounts;
  const ours = ({ realm: of, name }: { realm: string; name: PrincipalName }): boolean =>
    of === realm && name.nameString.join('/') === 'kadmin/changepw' && name.nameString.length === 2;
  try {
    const acceptor = {
      crypto,
      clock,
      replays,
      clockSkew: options.clockSkew,
      etypes,
      keys: (server: { realm: string; name: PrincipalName }) => (ours(server) ? keys : []),
    };
    const ap = verifyApReq(acceptor, apReq, { address: hostAddress(origin.address) });
    // "The authenticator in the AP-REQ must include a subsession key."
    if (ap.subkey === undefined) refuse('kpasswd-no-subkey');
    const { cipher } = decode(ApReq, apReq).ticket.encPart;
    return { ap, subkey: ap.subkey, ticketTag: toHex(cipher.subarray(-12)) };
  } catch (error) {
    if (error instanceof ApError) refuse('kpasswd-ticket-refused', error.message, error.wire);
    throw error;
  }
}

/**
 * Opens the KRB-PRIV of a request. Addresses in it are not compared: "The server ignores the optional r-address field", and the sender's own is
 * another one behind each NAT; that no message comes back to its sender follows from the AP-REQ, which replies do not have. Throws
 * `KpasswdRefusal`.
 */
export function openWish(
  { accounts: { crypto } }: Pick<KpasswdOptions, 'accounts'>,
  { ap, subkey }: Sender,
  { krbPriv, version }: KpasswdRequest,
): Wish {
  const { encPart } = readOr(() => decode(KrbPriv, krbPriv));
  if (encPart.etype !== subkey.etype) refuse('kpasswd-data-integrity');
  const plain = decryptOr(() => crypto.decrypt(subkey, KeyUsage.KRB_PRIV_ENC_PART, encPart.cipher));
  try {
    return readWish(ap, version, plain);
  } catch (error) {
    plain.fill(0);
    throw error;
  }
}

function readWish(ap: VerifiedApReq, version: number, plain: Uint8Array): Wish {
  const { userData, seqNumber } = readOr(() => decode(EncKrbPrivPart, plain));
  // "The usec and seq-number fields of the KRB_PRIV message are present and have the same value as the seq-number field in the
  // authenticator from the AP_REQ message": what is meant is the sequence number. MIT's client begins with 0, which it leaves out in both.
  if ((seqNumber ?? 0) !== (ap.authenticator.seqNumber ?? 0)) refuse('kpasswd-sequence');
  if (version === KpasswdVersion.CHANGE) return { password: userData, target: undefined };
  const { newpasswd, targname, targrealm } = readOr(() => decodeChangePasswdData(userData));
  return {
    password: newpasswd,
    target: { realm: targrealm ?? ap.client.realm, name: targname ?? ap.client.name },
  };
}

function decryptOr(open: () => Uint8Array): Uint8Array {
  try {
    return open();
  } catch (error) {
    if (error instanceof CryptoError) return refuse('kpasswd-data-integrity');
    throw error;
  }
}

function readOr<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) return refuse('kpasswd-malformed', error.message);
    throw error;
  }
}
