/** Message integrity codes of a GSS-API context: RFC 4121 sections 4.2.4 and 4.2.6.1. */
import { concat } from '../base/bytes.ts';
import type { Key } from '../base/key.ts';
import { decodeMic, encodeMicHeader, GssError, MIC_HEADER_LENGTH, MicFlag } from '../codec/gss.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { checksumTypeOf, macLengthOf } from '../crypto/etypes.ts';
import { KeyUsage } from '../spec/key-usages.ts';

/** Whose messages, and the key that both sides have come to: the acceptor's subkey, else the initiator's, else the session key (section 2). */
export interface MicContext {
  readonly sender: 'initiator' | 'acceptor';
  readonly key: Key;
  /** Whether `key` is the acceptor's subkey. */
  readonly acceptorSubkey: boolean;
}

/** A MIC token for `message`; `sequence` is the number of the sender's message. */
export function makeMic(
  crypto: Crypto,
  context: MicContext,
  sequence: number,
  message: Uint8Array,
): Uint8Array {
  const header = encodeMicHeader({ flags: flagsOf(context), sequence });
  return concat(header, crypto.checksum(context.key, usageOf(context), concat(message, header)));
}

/**
 * Whether `token` is a MIC that this sender has made for `message`; constant time. The sequence number is covered, but not compared: a
 * negotiation has one MIC of each side, and a key of its own.
 */
export function verifyMic(
  crypto: Crypto,
  context: MicContext,
  message: Uint8Array,
  token: Uint8Array,
): boolean {
  const { key } = context;
  try {
    const { flags, checksum } = decodeMic(token, macLengthOf(key.etype));
    // A token that was sent by ourselves, or made for another key, is no answer.
    if (flags !== flagsOf(context)) return false;
    const covered = concat(message, token.subarray(0, MIC_HEADER_LENGTH));
    return crypto.verifyChecksum(key, usageOf(context), checksumTypeOf(key.etype), covered, checksum);
  } catch (error) {
    if (error instanceof GssError) return false;
    throw error;
  }
}

function flagsOf({ sender, acceptorSubkey }: MicContext): number {
  return (
    (sender === 'acceptor' ? MicFlag.SENT_BY_ACCEPTOR : 0) | (acceptorSubkey ? MicFlag.ACCEPTOR_SUBKEY : 0)
  );
}

function usageOf({ sender }: MicContext): number {
  return sender === 'acceptor' ? KeyUsage.GSS_ACCEPTOR_SIGN : KeyUsage.GSS_INITIATOR_SIGN;
}
