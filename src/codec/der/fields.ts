/** The fields of a SEQUENCE, compiled: the codec's innermost loop. */
import { tagName } from './reader.ts';
import type { Reader } from './reader.ts';
import type { FieldShape } from './shape.ts';
import type { Writer } from './writer.ts';

/** Reads and writes the fields of one SEQUENCE, without its header. */
export interface Fields {
  /** Reads from `reader.pos` to `end`; the SEQUENCE began at `start`. */
  read(reader: Reader, end: number, start: number): object;
  write(writer: Writer, value: object): void;
}

/**
 * Compiles the fields to a function of their own, where the engine allows to make functions of text (a browser's content security policy or
 * `node --disallow-code-generation-from-strings` may not), otherwise to a loop over them. Both do the same; the loop takes about
 * half as long again, because it reaches each field of each value by a name that it looks up (docs/decisions/0001). Nothing but the
 * declarations in the source goes into that text.
 */
export function compileFields(name: string, rows: readonly FieldShape[], keepRaw: boolean): Fields {
  return MAY_GENERATE ? generated(name, rows, keepRaw) : looping(name, rows, keepRaw);
}

const MAY_GENERATE = mayGenerate();

function mayGenerate(): boolean {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval -- asks whether it is allowed
    return new Function('return true')() === true;
  } catch {
    return false;
  }
}

function generated(name: string, rows: readonly FieldShape[], keepRaw: boolean): Fields {
  const read = rows.map(
    ({ tag, optional }, i) => `
      let v${i};
      if (reader.pos < end && bytes[reader.pos] === ${tag}) {
        at = reader.enter(${tag}, end);
        v${i} = t${i}.read(reader, at);
        if (reader.pos !== at) bytesFollow(reader, at, ${tag});
      }${optional ? '' : ` else lacks(reader, ${i});`}`,
  );
  const write = rows.map(
    ({ key, tag, optional }, i) => `
      one = value.${key};
      if (one !== undefined) {
        before = writer.written;
        t${i}.write(writer, one);
        writer.header(${tag}, before);
      }${optional ? '' : ` else needs(${i});`}`,
  );
  const members = rows.map(({ key }, i) => `${key}: v${i}`);
  if (keepRaw) members.push('raw: reader.view(start, end)');
  const text = `'use strict'; return {
    read(reader, end, start) {
      const bytes = reader.bytes;
      let at;
      ${read.join('')}
      if (reader.pos !== end) unknown(reader);
      return { ${members.join(', ')} };
    },
    write(writer, value) {
      let one, before;
      ${write.toReversed().join('')}
    },
  };`;
  const names = ['bytesFollow', 'lacks', 'needs', 'unknown', ...rows.map((_, i) => `t${i}`)];
  const { lacks, needs, unknown } = complaints(name, rows);
  // oxlint-disable-next-line typescript/no-implied-eval -- the text is made of declarations in the source, never of input
  return new Function(...names, text)(
    bytesFollow,
    lacks,
    needs,
    unknown,
    ...rows.map(({ type }) => type),
  ) as Fields;
}

function looping(name: string, rows: readonly FieldShape[], keepRaw: boolean): Fields {
  const { lacks, needs, unknown } = complaints(name, rows);
  return {
    read(reader, end, start) {
      // Every key is set, always in this order, so that all values of a type share one hidden class.
      const value: Record<string, unknown> = {};
      for (let i = 0; i < rows.length; i++) {
        const { key, tag, type, optional } = rows[i] as FieldShape;
        if (reader.pos < end && reader.bytes[reader.pos] === tag) {
          const at = reader.enter(tag, end);
          value[key] = type.read(reader, at);
          if (reader.pos !== at) bytesFollow(reader, at, tag);
        } else if (optional) value[key] = undefined;
        else lacks(reader, i);
      }
      if (reader.pos !== end) unknown(reader);
      if (keepRaw) value['raw'] = reader.view(start, end);
      return value;
    },
    write(writer, value) {
      for (let i = rows.length - 1; i >= 0; i--) {
        const { key, tag, type, optional } = rows[i] as FieldShape;
        const one = (value as Record<string, unknown>)[key];
        if (one !== undefined) {
          const before = writer.written;
          type.write(writer, one);
          writer.header(tag, before);
        } else if (!optional) needs(i);
      }
    },
  };
}

/** Refuses what is left between `reader.pos` and `end`, inside an explicit tag. */
export function bytesFollow(reader: Reader, end: number, tag: number): never {
  return reader.fail(`${end - reader.pos} bytes follow inside ${tagName(tag)}`);
}

function complaints(name: string, rows: readonly FieldShape[]) {
  return {
    lacks: (reader: Reader, i: number): never => reader.fail(`${name} lacks ${rows[i]?.key}`),
    unknown: (reader: Reader): never => reader.fail(`${name} has an unknown, repeated or misplaced field`),
    needs(i: number): never {
      throw new RangeError(`${name} needs ${rows[i]?.key}`);
    },
  };
}
