/** A request that declares to be longer than allowed, or that has the length's high bit set: nothing after it can be read. */
export const TOO_LONG = Symbol('too long');

/** RFC 4120 section 7.2.2: "each request and response is preceded by its length as 4 octets in network byte order". */
const PREFIX = 4;
const NOTHING = new Uint8Array(0);
const MIN_BUFFER = 512;

/**
 * Cuts a TCP stream into requests, whatever pieces it arrives in. Whole requests are views of the piece they came in; an unfinished one is
 * gathered in a buffer that grows with what has arrived, never with what was declared.
 */
export class FrameReader {
  readonly #maxLength: number;
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** Whether `#bytes` has room of our own after `#end`. */
  #own = false;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Bytes of memory that input holds at the moment. */
  get held(): number {
    return this.#bytes.length;
  }

  /** Takes in a piece of the stream. */
  push(piece: Uint8Array): void {
    if (this.#start === this.#end) {
      this.#hold(piece, piece.length, false);
      return;
    }
    if (!this.#own || this.#end + piece.length > this.#bytes.length) this.#grow(piece.length);
    this.#bytes.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** The next whole request, `TOO_LONG`, or `undefined` until more has arrived. */
  next(): Uint8Array | typeof TOO_LONG | undefined {
    const length = this.#declared();
    if (length !== undefined && length > this.#maxLength) return TOO_LONG;
    if (length === undefined || this.#end - this.#start < PREFIX + length) {
      // What is left must not keep the memory of what was read before it.
      if (this.#start > 0) this.#grow(0);
      return undefined;
    }
    const request = this.#bytes.subarray(this.#start + PREFIX, this.#start + PREFIX + length);
    this.#start += PREFIX + length;
    if (this.#start === this.#end) this.#hold(NOTHING, 0, false);
    return request;
  }

  /** The length that stands before the next request, as an unsigned number: with the high bit set it is too long by itself. */
  #declared(): number | undefined {
    if (this.#end - this.#start < PREFIX) return undefined;
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.#start, PREFIX).readUInt32BE();
  }

  /** Moves what is left into a buffer of our own with room for `more` bytes, twice as much where the request needs that. */
  #grow(more: number): void {
    const left = this.#bytes.subarray(this.#start, this.#end);
    const needed = left.length + more;
    const wanted = PREFIX + Math.min(this.#declared() ?? 0, this.#maxLength);
    const roomy = Math.max(needed, Math.min(wanted, Math.max(2 * needed, MIN_BUFFER)));
    const bytes = new Uint8Array(roomy);
    bytes.set(left);
    this.#hold(bytes, left.length, true);
  }

  #hold(bytes: Uint8Array, filled: number, own: boolean): void {
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = filled;
    this.#own = own;
  }
}
