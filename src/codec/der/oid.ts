import type { Type } from './type.ts';

/** Longest OBJECT IDENTIFIER that is read, in bytes; those in use have less than twenty. */
const MAX_LENGTH = 64;

/** OBJECT IDENTIFIER as dotted decimal text: `1.2.840.113554.1.2.2`. */
export const objectIdentifier: Type<string> = {
  name: 'OBJECT IDENTIFIER',
  tag: 0x06,
  shape: { kind: 'oid' },
  read(reader, limit) {
    const end = reader.enter(0x06, limit);
    const { bytes, pos } = reader;
    if (end === pos || end - pos > MAX_LENGTH) reader.fail('OBJECT IDENTIFIER has no octets or too many');
    if (((bytes[end - 1] as number) & 0x80) !== 0) reader.fail('OBJECT IDENTIFIER is cut off');
    const arcs: bigint[] = [];
    let arc = 0n;
    let starts = true;
    for (let i = pos; i < end; i++) {
      const octet = bytes[i] as number;
      // X.690 section 8.19.2: "the leading octet of the subidentifier shall not have the value 80".
      if (starts && octet === 0x80) reader.fail('OBJECT IDENTIFIER is not in its shortest form');
      arc = (arc << 7n) | BigInt(octet & 0x7f);
      starts = octet < 0x80;
      if (starts) {
        arcs.push(arc);
        arc = 0n;
      }
    }
    reader.pos = end;
    return textOf(arcs);
  },
  write(writer, value) {
    const before = writer.written;
    for (const arc of subidentifiers(value).toReversed()) {
      writer.octet(Number(arc & 0x7fn));
      for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) writer.octet(Number(rest & 0x7fn) | 0x80);
    }
    if (writer.written - before > MAX_LENGTH)
      throw new RangeError(`the OBJECT IDENTIFIER ${value} is too long`);
    writer.header(0x06, before);
  },
};

/** X.690 section 8.19.4: the first two arcs share a subidentifier, "(X*40) + Y"; X is 0, 1 or 2. */
function textOf([first = 0n, ...rest]: readonly bigint[]): string {
  const top = first < 80n ? first / 40n : 2n;
  return [top, first - top * 40n, ...rest].join('.');
}

function subidentifiers(text: string): bigint[] {
  if (!/^[012](\.(0|[1-9]\d*))+$/.test(text)) throw new RangeError(`"${text}" is no OBJECT IDENTIFIER`);
  const [top = 0n, second = 0n, ...rest] = text.split('.').map(BigInt);
  if (top < 2n && second >= 40n) throw new RangeError(`"${text}" is no OBJECT IDENTIFIER`);
  return [top * 40n + second, ...rest];
}
