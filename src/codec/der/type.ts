import { DerError } from './error.ts';
import { MAX_INPUT, Reader } from './reader.ts';
import type { TypeShape } from './shape.ts';
import { Writer } from './writer.ts';

/**
 * One ASN.1 type, compiled: how its DER is read and written, and (in `T`) what it looks like in TypeScript. Made by the functions of
 * `schema.ts`, used through `decode` and `encode`.
 */
export interface Type<T> {
  /** The type's name in error messages. */
  readonly name: string;
  /** Its identifier octet. */
  readonly tag: number;
  /** What it looks like, for those who walk over declarations. */
  readonly shape: TypeShape;
  /** Reads one value that starts at `reader.pos` and ends at or before `limit`. Throws `DerError`. */
  read(reader: Reader, limit: number): T;
  /** Writes one value in front of what was written so far. Throws `RangeError` for a value that the type cannot hold. */
  write(writer: Writer, value: T): void;
}

/** The TypeScript type of a `Type`'s values. */
export type Infer<S> = S extends Type<infer T> ? T : never;

/** Decodes `bytes`, which must be exactly one strict DER encoding of `type`. Byte strings in the result are views of `bytes`. Throws `DerError`. */
export function decode<T>(type: Type<T>, bytes: Uint8Array): T {
  if (bytes.length > MAX_INPUT) throw new DerError(`${bytes.length} bytes are too many for a message`, 0);
  const reader = new Reader(bytes);
  const value = type.read(reader, bytes.length);
  if (reader.pos !== bytes.length) {
    throw new DerError(`${bytes.length - reader.pos} bytes follow the ${type.name}`, reader.pos);
  }
  return value;
}

// Encoding is synchronous and never nested, so one writer serves all.
const writer = new Writer();

/**
 * DER of `value`: a view of a chunk of memory that other encodings share, but whose bytes belong to the caller, who wipes them when they hold a
 * key. Keep a copy (`slice`) of what is remembered for long, or the whole chunk of 32 KiB stays with it; never transfer its `buffer`.
 * Throws `RangeError` for a value that the type cannot hold.
 */
export function encode<T>(type: Type<T>, value: T): Uint8Array<ArrayBuffer> {
  try {
    type.write(writer, value);
  } catch (error) {
    writer.discard();
    throw error;
  }
  return writer.take();
}
