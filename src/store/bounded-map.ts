/**
 * A map of at most `limit` entries that forgets what was not asked for lately. Two generations: what is found in the old one moves to the
 * young one, and when the young one is full it becomes the old one. A hit costs one look-up and allocates nothing; an entry that is asked for
 * at least once while `limit / 2` others come in stays.
 */
export class BoundedMap<V extends {}> {
  readonly #half: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(limit: number) {
    this.#half = Math.max(1, Math.floor(limit / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(name: string): V | undefined {
    const value = this.#young.get(name);
    if (value !== undefined || this.#old.size === 0) return value;
    const older = this.#old.get(name);
    if (older !== undefined) {
      this.#old.delete(name);
      this.set(name, older);
    }
    return older;
  }

  set(name: string, value: V): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, value);
  }

  delete(name: string): void {
    this.#young.delete(name);
    this.#old.delete(name);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
