/**
 * An encryption key: etype (RFC 3961 registry) and the protocol key's bytes. `derived` belongs to `crypto/`: keys derived from this one
 * are remembered with the object, so keep one `Key` per key and reuse it. Printing, inspecting or serialising a key shows its etype only.
 */
export class Key {
  readonly etype: number;
  readonly #bytes: Uint8Array;
  /** Keys derived from this one, by whatever `crypto/` uses as an index; nobody else touches it. */
  readonly derived = new DerivedKeys();

  constructor(etype: number, bytes: Uint8Array) {
    this.etype = etype;
    this.#bytes = bytes;
  }

  /** The protocol key itself. A view, not a copy: never write to it. */
  get bytes(): Uint8Array {
    return this.#bytes;
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

/** A small bag that never shows its contents when a `Key` is printed. */
class DerivedKeys {
  readonly #slots = new Map<number, unknown>();

  get(index: number): unknown {
    return this.#slots.get(index);
  }

  set(index: number, value: unknown): void {
    this.#slots.set(index, value);
  }
}
