import { bytesFollow, compileFields } from './fields.ts';
import type { FieldShape } from './shape.ts';
import type { Type } from './type.ts';

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
  return compileSequence(name, fields, false) as Type<Shape<F>>;
}

/** A SEQUENCE whose decoded values carry `raw`, their own encoding, because a checksum covers it. `raw` is ignored when encoding. */
export function sequenceWithRaw<const F extends Fields>(
  name: string,
  fields: F,
): Type<Flat<Shape<F> & { readonly raw?: Uint8Array }>> {
  return compileSequence(name, fields, true) as Type<Flat<Shape<F> & { readonly raw?: Uint8Array }>>;
}

/** `[APPLICATION n] type`, explicit. */
export function application<T>(number: number, type: Type<T>): Type<T> {
  const tag = 0x60 | number;
  return {
    name: type.name,
    tag,
    shape: { kind: 'tagged', tag, type },
    read(reader, limit) {
      const end = reader.enter(tag, limit);
      const value = type.read(reader, end);
      if (reader.pos !== end) bytesFollow(reader, end, tag);
      return value;
    },
    write(writer, value) {
      const before = writer.written;
      type.write(writer, value);
      writer.header(tag, before);
    },
  };
}

/** Reads `type` under its own tag or under the tag of `other`, whose contents are the same; writes `type`. */
export function tolerantOf<T>(type: Type<T>, other: Type<T>): Type<T> {
  return {
    name: type.name,
    tag: type.tag,
    shape: type.shape,
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
    shape: { kind: 'list', element, min, max },
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
      if (values.length < min || values.length > max) {
        throw new RangeError(`${name} has ${min} to ${max} elements, not ${values.length}`);
      }
      const before = writer.written;
      for (let i = values.length - 1; i >= 0; i--) element.write(writer, values[i] as T);
      writer.header(0x30, before);
    },
  };
}

/** CHOICE of explicitly tagged alternatives; the value is an object with exactly one of the keys. */
export function choice<const F extends Record<string, Field<unknown, false>>>(
  name: string,
  alternatives: F,
): Type<{ [K in keyof F]: { readonly [P in K]: FieldValue<F[K]> } }[keyof F]> {
  const rows = rowsOf(name, alternatives);
  const result: Type<Record<string, unknown>> = {
    name,
    tag: rows[0]?.tag ?? 0,
    shape: { kind: 'choice', alternatives: rows },
    read(reader, limit) {
      const row = rows.find(({ tag }) => reader.pos < limit && tag === reader.bytes[reader.pos]);
      if (row === undefined) return reader.fail(`no alternative of ${name}`);
      const end = reader.enter(row.tag, limit);
      const value = { [row.key]: row.type.read(reader, end) };
      if (reader.pos !== end) bytesFollow(reader, end, row.tag);
      return value;
    },
    write(writer, value) {
      const [row, ...others] = rows.filter(({ key }) => value[key] !== undefined);
      if (row === undefined || others.length > 0)
        throw new RangeError(`${name} needs one of its alternatives`);
      const before = writer.written;
      row.type.write(writer, value[row.key]);
      writer.header(row.tag, before);
    },
  };
  return result as never;
}

function compileSequence(name: string, fields: Fields, keepRaw: boolean): Type<object> {
  const rows = rowsOf(name, fields);
  const compiled = compileFields(name, rows, keepRaw);
  return {
    name,
    tag: 0x30,
    shape: { kind: 'sequence', fields: rows },
    read(reader, limit) {
      const start = reader.pos;
      return compiled.read(reader, reader.enter(0x30, limit), start);
    },
    write(writer, value) {
      const before = writer.written;
      compiled.write(writer, value);
      writer.header(0x30, before);
    },
  };
}

function rowsOf(name: string, fields: Fields): FieldShape[] {
  const rows = Object.entries(fields).map(([key, { context, type, optional }]) => {
    // A key becomes part of the text of a function.
    if (!/^[a-z][a-zA-Z0-9]*$/.test(key)) throw new TypeError(`${name}: "${key}" is no name for a field`);
    return { key, tag: 0xa0 | context, type, optional };
  });
  rows.forEach(({ key, tag }, i) => {
    if (i > 0 && tag <= (rows[i - 1]?.tag ?? 0)) throw new TypeError(`${name}: ${key} is out of order`);
  });
  return rows;
}
