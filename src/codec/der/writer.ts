const CHUNK = 32_768;

/**
 * Writes DER from the end to the start: contents first, then the length, which is known by then. So nothing is measured or moved.
 *
 * Encodings are written side by side into chunks of memory and handed out as views of these: a typed array of its own costs more than
 * most messages take to encode (docs/decisions/0001). A chunk is never reused, so each encoding's bytes belong to its receiver alone.
 */
export class Writer {
  bytes = new Uint8Array(CHUNK);
  /** Where the last written byte stands; what is written lies in `[pos, end)`. */
  pos = CHUNK;
  end = CHUNK;

  /** How many bytes are written so far. */
  get written(): number {
    return this.end - this.pos;
  }

  /** Makes room for `count` more bytes in front. */
  reserve(count: number): void {
    if (this.pos < count) this.#grow(count);
  }

  /** One octet. */
  octet(value: number): void {
    if (this.pos < 1) this.#grow(1);
    this.bytes[--this.pos] = value;
  }

  /** Octets as they are. */
  octets(value: Uint8Array): void {
    const { length } = value;
    if (this.pos < length) this.#grow(length);
    const at = this.pos - length;
    // For short ones a loop costs less than a call of `set`.
    if (length > 32) this.bytes.set(value, at);
    else for (let i = 0; i < length; i++) this.bytes[at + i] = value[i] as number;
    this.pos = at;
  }

  /** Identifier and length of what was written since `written` was `before`. */
  header(tag: number, before: number): void {
    if (this.pos < 5) this.#grow(5);
    const { bytes } = this;
    const length = this.end - this.pos - before;
    let at = this.pos;
    if (length < 0x80) {
      bytes[--at] = length;
    } else {
      let octets = 0;
      for (let rest = length; rest > 0; rest >>>= 8, octets++) bytes[--at] = rest & 0xff;
      bytes[--at] = 0x80 | octets;
    }
    bytes[--at] = tag;
    this.pos = at;
  }

  /** What was written; the writer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(this.bytes.buffer, this.pos, this.end - this.pos);
    this.end = this.pos;
    // A large chunk would live as long as the smallest encoding in it.
    if (this.bytes.length > CHUNK) this.#begin(new Uint8Array(CHUNK));
    return result;
  }

  /** Forgets what was written: it may hold session keys, so nothing of it stays. */
  discard(): void {
    this.bytes.fill(0, this.pos, this.end);
    this.pos = this.end;
  }

  #grow(count: number): void {
    const { written } = this;
    const larger = new Uint8Array(Math.max(CHUNK, 2 * (written + count)));
    larger.set(this.bytes.subarray(this.pos, this.end), larger.length - written);
    this.discard();
    this.#begin(larger);
    this.pos -= written;
  }

  #begin(chunk: Uint8Array<ArrayBuffer>): void {
    this.bytes = chunk;
    this.pos = this.end = chunk.length;
  }
}
