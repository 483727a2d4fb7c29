import { RealmwardError } from '../../base/errors.ts';
import { MessageType } from '../../spec/message-types.ts';
import { decodeKpasswdReply, decodeKpasswdRequest } from '../kpasswd.ts';

/** A message of RFC 3244, taken apart. */
export interface KpasswdParts {
  readonly label: string;
  /** Kerberos messages. */
  readonly parts: readonly Uint8Array[];
}

/** The parts of a request or a reply about a password; `undefined` for anything else. No tag tells such a message; its form does. */
export function readKpasswdParts(bytes: Uint8Array): KpasswdParts | undefined {
  return orNothing(() => readRequest(bytes)) ?? orNothing(() => readReply(bytes));
}

function readRequest(bytes: Uint8Array): KpasswdParts {
  const { version, apReq, krbPriv } = decodeKpasswdRequest(bytes);
  const label = `request for a new password, version 0x${version.toString(16).padStart(4, '0')}`;
  return { label, parts: [apReq, krbPriv] };
}

function readReply(bytes: Uint8Array): KpasswdParts | undefined {
  // Without a frame it is a KRB-ERROR like any other.
  if (bytes[0] === (0x60 | MessageType.KRB_ERROR)) return undefined;
  const reply = decodeKpasswdReply(bytes);
  const parts = 'krbError' in reply ? [reply.krbError] : [reply.apRep, reply.krbPriv];
  return { label: 'reply to a request for a new password', parts };
}

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RealmwardError) return undefined;
    throw error;
  }
}
