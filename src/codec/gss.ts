/** Tokens of the Kerberos mechanism of GSS-API: RFC 2743 section 3.1, RFC 4121 section 4. */
import { concat } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import { GssFlag } from '../spec/gss-flags.ts';
import { DerError } from './der/error.ts';
import { objectIdentifier } from './der/primitives.ts';
import { MAX_INPUT, Reader } from './der/reader.ts';
import { Writer } from './der/writer.ts';

/** Bytes that are no token of GSS-API; code `bad-gss-token`. */
export class GssError extends RealmwardError {
  constructor(message: string) {
    super('bad-gss-token', message);
  }
}

/** What stands in front of a mechanism's first token: whose token it is. */
export interface FramedToken {
  /** Object identifier of the mechanism. */
  readonly mech: string;
  readonly inner: Uint8Array;
}

/** InitialContextToken (RFC 2743 section 3.1): `[APPLICATION 0]`. */
const FRAME_TAG = 0x60;

/** Takes the frame off a token; `inner` is a view. Throws `GssError` unless the frame's length is that of the token. */
export function decodeFrame(bytes: Uint8Array): FramedToken {
  if (bytes.length > MAX_INPUT) throw new GssError(`a token of ${bytes.length} bytes is too long`);
  const reader = new Reader(bytes);
  try {
    const end = reader.enter(FRAME_TAG, bytes.length);
    if (end !== bytes.length) throw new GssError(`${bytes.length - end} bytes follow the token`);
    const mech = objectIdentifier.read(reader, end);
    return { mech, inner: reader.view(reader.pos, end) };
  } catch (error) {
    if (error instanceof DerError) throw new GssError(`the frame of the token is wrong: ${error.message}`);
    throw error;
  }
}

/** Puts a token into a frame. */
export function encodeFrame({ mech, inner }: FramedToken): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.octets(inner);
  objectIdentifier.write(writer, mech);
  writer.header(FRAME_TAG, 0);
  return writer.take();
}

/** Token identifiers of the messages that make a context (RFC 4121 section 4.1). */
export const KrbTokenId = { AP_REQ: 0x0100, AP_REP: 0x0200, ERROR: 0x0300 } as const;

/** A Kerberos message as a token, without its frame. */
export interface KrbToken {
  /** One of `KrbTokenId`, or what nobody knows. */
  readonly id: number;
  /** DER of the message. */
  readonly message: Uint8Array;
}

/** Throws `GssError`. */
export function decodeKrbToken(inner: Uint8Array): KrbToken {
  const [high, low] = inner;
  if (high === undefined || low === undefined) throw new GssError('a Kerberos token is cut off');
  return { id: (high << 8) | low, message: inner.subarray(2) };
}

export function encodeKrbToken({ id, message }: KrbToken): Uint8Array {
  return concat(Uint8Array.of(id >> 8, id & 0xff), message);
}

/** The checksum field of the authenticator, type 0x8003 (RFC 4121 section 4.1.1). */
export interface GssChecksum {
  /** Bnd: MD5 of the channel bindings; zeros where the client has none. */
  readonly bindings: Uint8Array;
  /** See `GssFlag`. */
  readonly flags: number;
  /** Deleg: a KRB-CRED, where the flags say so. */
  readonly delegation?: Uint8Array | undefined;
}

const BINDINGS_LENGTH = 16;
const CHECKSUM_LENGTH = 24;
const DELEGATE = 1;

/** Bnd of a client that knows no channel. */
export const NO_BINDINGS = new Uint8Array(BINDINGS_LENGTH);

/** Reads the checksum; extensions behind it are stepped over, as RFC 4121 section 4.1.1 says of Exts. Throws `GssError`. */
export function decodeGssChecksum(bytes: Uint8Array): GssChecksum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < CHECKSUM_LENGTH) throw new GssError('the checksum of the request is cut off');
  // "Lgth: Number of octets in Bnd field; Represented in little-endian order; Currently contains hex value 10 00 00 00 (16)."
  if (view.getUint32(0, true) !== BINDINGS_LENGTH)
    throw new GssError('the channel bindings of the request do not have 16 bytes');
  const bindings = bytes.subarray(4, 20);
  const flags = view.getUint32(20, true);
  if ((flags & GssFlag.DELEG) === 0) return { bindings, flags, delegation: undefined };
  const start = CHECKSUM_LENGTH + 4;
  if (bytes.length < start) throw new GssError('the delegated credential is cut off');
  if (view.getUint16(24, true) !== DELEGATE) throw new GssError('the delegation option is unknown');
  const end = start + view.getUint16(26, true);
  if (end > bytes.length) throw new GssError('the delegated credential is longer than what holds it');
  return { bindings, flags, delegation: bytes.subarray(start, end) };
}

/** Writes the checksum of a client that delegates nothing. */
export function encodeGssChecksum({ bindings, flags }: Omit<GssChecksum, 'delegation'>): Uint8Array {
  if (bindings.length !== BINDINGS_LENGTH) throw new RangeError('channel bindings have 16 bytes');
  const bytes = new Uint8Array(CHECKSUM_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, BINDINGS_LENGTH, true);
  bytes.set(bindings, 4);
  view.setUint32(20, flags, true);
  return bytes;
}

/** A MIC token (RFC 4121 section 4.2.6.1). */
export interface MicToken {
  /** See `MicFlag`. */
  readonly flags: number;
  /** SND_SEQ; those of longer conversations than ours are cut to 32 bits. */
  readonly sequence: number;
  readonly checksum: Uint8Array;
}

/** RFC 4121 section 4.2.2. */
export const MicFlag = { SENT_BY_ACCEPTOR: 1, SEALED: 2, ACCEPTOR_SUBKEY: 4 } as const;

const MIC_ID = 0x0404;
/** Bytes of a MIC token in front of its checksum, which covers them, too (section 4.2.4). */
export const MIC_HEADER_LENGTH = 16;

/** Reads a MIC token, whose checksum has `checksumLength` bytes. Throws `GssError`, for any other length, too. */
export function decodeMic(bytes: Uint8Array, checksumLength: number): MicToken {
  if (bytes.length !== MIC_HEADER_LENGTH + checksumLength)
    throw new GssError(`a MIC token has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // "Filler: Contains five octets of hex value FF."
  if (view.getUint16(0) !== MIC_ID || bytes[3] !== 0xff || view.getUint32(4) !== 0xffff_ffff)
    throw new GssError('this is no MIC token');
  return {
    flags: bytes[2] as number,
    sequence: view.getUint32(12),
    checksum: bytes.subarray(MIC_HEADER_LENGTH),
  };
}

/** The header of a MIC token; the token is this and the checksum. */
export function encodeMicHeader({ flags, sequence }: Omit<MicToken, 'checksum'>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MIC_HEADER_LENGTH).fill(0xff, 3, 8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MIC_ID);
  bytes[2] = flags;
  view.setUint32(12, sequence);
  return bytes;
}
