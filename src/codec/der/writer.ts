/**
 * Writes DER from the end to the start: contents first, then the length, which is known by then. So nothing is measured or moved.
 */
export class Writer {
  bytes: Uint8Array<ArrayBuffer>;
  /** Where the last written byte stands; what is written lies in `[pos, bytes.length)`. */
  pos: number;

  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity);
    this.pos = capacity;
  }

  /** Makes room for `count` more bytes in front. */
  reserve(count: number): void {
    if (this.pos >= count) return;
    const used = this.bytes.length - this.pos;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, used + count));
    larger.set(this.bytes.subarray(this.pos), larger.length - used);
    this.pos = larger.length - used;
    this.bytes = larger;
  }

  /** One octet. */
  octet(value: number): void {
    if (this.pos < 1) this.reserve(1);
    this.bytes[--this.pos] = value;
  }

  /** Octets as they are. */
  octets(value: Uint8Array): void {
    if (this.pos < value.length) this.reserve(value.length);
    this.pos -= value.length;
    this.bytes.set(value, this.pos);
  }

  /** Identifier and length of what was written since `pos` was `end`. */
  header(tag: number, end: number, capacityThen: number): void {
    // `end` counts from the front of a buffer that may have grown at its front since.
    const length = end + (this.bytes.length - capacityThen) - this.pos;
    if (this.pos < 5) this.reserve(5);
    const bytes = this.bytes;
    let at = this.pos;
    if (length < 0x80) {
      bytes[--at] = length;
    } else {
      let octets = 0;
      for (let rest = length; rest > 0; rest = Math.floor(rest / 256), octets++) bytes[--at] = rest & 0xff;
      bytes[--at] = 0x80 | octets;
    }
    bytes[--at] = tag;
    this.pos = at;
  }

  /** A copy of what was written; the writer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const result = this.bytes.slice(this.pos);
    // Scratch memory has held session keys: nothing of them stays.
    this.bytes.fill(0, this.pos);
    this.pos = this.bytes.length;
    return result;
  }
}
