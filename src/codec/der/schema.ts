import type { Reader } from './reader.ts';
import { tagName } from './reader.ts';
import type { Type } from './type.ts';
import type { Writer } from './writer.ts';

/** A field of a SEQUENCE: its explicit context tag and its type. */
interface Field<T, Optional extends boolean> {
  readonly context: number;
  readonly type: Type<T>;
  readonly optional: Optional;
}

type AnyField = Field<unknown, boolean>;
type Fields = Record<string, AnyField>;
type FieldValue<F> = F extends Field<infer T, boolean> ? T : never;
type RequiredKeys<F extends Fields> = { [K in keyof F]: F[K]['optional'] extends true ? never : K }[keyof F];
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K]['optional'] extends true ? K : never }[keyof F];
type Flat<T> = { [K in keyof T]: T[K] };

/** The TypeScript shape of a SEQUENCE with these fields. */
type Shape<F extends Fields> = Flat<
  { readonly [K in RequiredKeys<F>]: FieldValue<F[K]> } & {
    readonly [K in OptionalKeys<F>]?: FieldValue<F[K]> | undefined;
  }
>;

/** `[n] type` */
export function field<T>(context: number, type: Type<T>): Field<T, false> {
  return { context, type, optional: false };
}

/** `[n] type OPTIONAL` */
export function optional<T>(context: number, type: Type<T>): Field<T, true> {
  return { context, type, optional: true };
}

/** SEQUENCE of explicitly tagged fields in ascending order, as all of RFC 4120 is. Unknown, repeated and misplaced fields are refused. */
export function sequence<const F extends Fields>(name: string, fields: F): Type<Shape<F>> {
  const { readFields, writeFields } = compileFields(name, fields, false);
  return plainSequence(name, readFields, writeFields) as Type<Shape<F>>;
}

/** A SEQUENCE whose decoded values carry `raw`, their own encoding, because a checksum covers it. `raw` is ignored when encoding. */
export function sequenceWithRaw<const F extends Fields>(
  name: string,
  fields: F,
): Type<Flat<Shape<F> & { readonly raw?: Uint8Array }>> {
  const { readFields, writeFields } = compileFields(name, fields, true);
  return plainSequence(name, readFields, writeFields) as Type<Flat<Shape<F> & { readonly raw?: Uint8Array }>>;
}

/** `[APPLICATION n] type`, explicit. */
export function application<T>(number: number, type: Type<T>): Type<T> {
  const tag = 0x60 | number;
  return {
    name: type.name,
    tag,
    read(reader, limit) {
      const end = reader.enter(tag, limit);
      const value = type.read(reader, end);
      if (reader.pos !== end) reader.fail(`${end - reader.pos} bytes follow inside ${tagName(tag)}`);
      return value;
    },
    write(writer, value) {
      const end = writer.pos;
      const capacity = writer.bytes.length;
      type.write(writer, value);
      writer.header(tag, end, capacity);
    },
  };
}

/** Reads `type` under its own tag or under the tag of `other`, whose contents are the same; writes `type`. */
export function tolerantOf<T>(type: Type<T>, other: Type<T>): Type<T> {
  return {
    name: type.name,
    tag: type.tag,
    read: (reader, limit) => (reader.bytes[reader.pos] === other.tag ? other : type).read(reader, limit),
    write: (writer, value) => type.write(writer, value),
  };
}

/** SEQUENCE OF, with the count bounded. */
export function sequenceOf<T>(
  name: string,
  element: Type<T>,
  bounds: { min?: number; max: number },
): Type<readonly T[]> {
  const { min = 0, max } = bounds;
  return {
    name,
    tag: 0x30,
    read(reader, limit) {
      const end = reader.enter(0x30, limit);
      const values: T[] = [];
      while (reader.pos < end) {
        if (values.length === max) reader.fail(`${name} has more than ${max} elements`);
        values.push(element.read(reader, end));
      }
      if (values.length < min) reader.fail(`${name} has fewer than ${min} elements`);
      return values;
    },
    write(writer, values) {
      const end = writer.pos;
      const capacity = writer.bytes.length;
      for (let i = values.length - 1; i >= 0; i--) element.write(writer, values[i] as T);
      writer.header(0x30, end, capacity);
    },
  };
}

/** CHOICE of explicitly tagged alternatives; the value is an object with exactly one of the keys. */
export function choice<const F extends Record<string, Field<unknown, false>>>(
  name: string,
  alternatives: F,
): Type<{ [K in keyof F]: { readonly [P in K]: FieldValue<F[K]> } }[keyof F]> {
  const rows = Object.entries(alternatives).map(([key, alternative]) => ({
    key,
    tag: 0xa0 | alternative.context,
    type: alternative.type,
  }));
  const result: Type<Record<string, unknown>> = {
    name,
    tag: rows[0]?.tag ?? 0,
    read(reader, limit) {
      const row = rows.find(({ tag }) => tag === reader.bytes[reader.pos]);
      if (row === undefined) return reader.fail(`no alternative of ${name}`);
      return { [row.key]: readTagged(reader, limit, row.tag, row.type) };
    },
    write(writer, value) {
      const row = rows.find(({ key }) => value[key] !== undefined);
      if (row === undefined) throw new RangeError(`${name} needs one of its alternatives`);
      writeTagged(writer, row.tag, row.type, value[row.key]);
    },
  };
  return result as never;
}

interface CompiledField {
  readonly key: string;
  readonly tag: number;
  readonly type: Type<unknown>;
  readonly optional: boolean;
}

function plainSequence(
  name: string,
  read: (reader: Reader, end: number, start: number) => object,
  write: (writer: Writer, value: Record<string, unknown>) => void,
): Type<unknown> {
  return {
    name,
    tag: 0x30,
    read(reader, limit) {
      const start = reader.pos;
      return read(reader, reader.enter(0x30, limit), start);
    },
    write(writer, value) {
      const end = writer.pos;
      const capacity = writer.bytes.length;
      write(writer, value as Record<string, unknown>);
      writer.header(0x30, end, capacity);
    },
  };
}

function compileFields(name: string, fields: Fields, keepRaw: boolean) {
  const rows: CompiledField[] = Object.entries(fields).map(([key, one]) => ({
    key,
    tag: 0xa0 | one.context,
    type: one.type,
    optional: one.optional,
  }));
  rows.forEach((row, i) => {
    if (i > 0 && row.tag <= (rows[i - 1] as CompiledField).tag)
      throw new TypeError(`${name}: ${row.key} is out of order`);
  });

  function readFields(reader: Reader, end: number, start: number): object {
    // Every key is set, always in this order, so that all values of a type share one hidden class.
    const value: Record<string, unknown> = {};
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as CompiledField;
      if (reader.pos < end && reader.bytes[reader.pos] === row.tag) {
        value[row.key] = readTagged(reader, end, row.tag, row.type);
      } else if (row.optional) {
        value[row.key] = undefined;
      } else {
        reader.fail(`${name} lacks ${row.key}`);
      }
    }
    if (reader.pos !== end) reader.fail(`${name} has an unknown, repeated or misplaced field`);
    if (keepRaw) value['raw'] = reader.bytes.subarray(start, end);
    return value;
  }

  function writeFields(writer: Writer, value: Record<string, unknown>): void {
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows[i] as CompiledField;
      const one = value[row.key];
      if (one !== undefined) writeTagged(writer, row.tag, row.type, one);
      else if (!row.optional) throw new RangeError(`${name} needs ${row.key}`);
    }
  }

  return { readFields, writeFields };
}

function readTagged<T>(reader: Reader, limit: number, tag: number, type: Type<T>): T {
  const end = reader.enter(tag, limit);
  const value = type.read(reader, end);
  if (reader.pos !== end) reader.fail(`${end - reader.pos} bytes follow inside ${tagName(tag)}`);
  return value;
}

function writeTagged<T>(writer: Writer, tag: number, type: Type<T>, value: T): void {
  const end = writer.pos;
  const capacity = writer.bytes.length;
  type.write(writer, value);
  writer.header(tag, end, capacity);
}
