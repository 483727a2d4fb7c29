/**
 * An encryption key: etype (RFC 3961 registry) and the protocol key's bytes. `derived` belongs to `crypto/`: keys derived from this one
 * are remembered with the object, so keep one `Key` per key and reuse it. Printing, inspecting or serialising a key shows its etype only.
 */
export class Key {
  readonly etype: number;
  readonly #bytes: Uint8Array;
  #derived: object | undefined = undefined;

  constructor(etype: number, bytes: Uint8Array) {
    this.etype = etype;
    this.#bytes = bytes;
  }

  /** The protocol key itself. A view, not a copy: never write to it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** What `crypto/` remembers with this key; nobody else touches it. */
  get derived(): object | undefined {
    return this.#derived;
  }

  set derived(value: object | undefined) {
    this.#derived = value;
  }

  toJSON(): string {
    return this.toString();
  }

  toString(): string {
    return `Key(etype ${this.etype})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
