import type { Reader } from './reader.ts';
import type { Type } from './type.ts';
import type { Writer } from './writer.ts';

export { objectIdentifier } from './oid.ts';
export { textString } from './text.ts';
export { kerberosTime } from './time.ts';

/** INTEGER within `[min, max]`, at most 47 bits and a sign. */
export function integer(name: string, min: number, max: number): Type<number> {
  return {
    name,
    tag: 0x02,
    shape: { kind: 'integer', min, max },
    read(reader, limit) {
      const value = readInteger(reader, limit);
      if (value < min || value > max) reader.fail(`${value} is out of range for ${name}`);
      return value;
    },
    write(writer, value) {
      if (!Number.isInteger(value) || value < min || value > max) {
        throw new RangeError(`${value} is no ${name}`);
      }
      writeInteger(writer, value);
    },
  };
}

/**
 * An unsigned 32-bit INTEGER as old clients write it, too: numbers above 2^31-1 may come as negative ones, and are read as the unsigned number
 * with the same 32 bits. MIT and Windows do the same for nonces, sequence numbers and kvnos (docs/decisions/0009).
 */
export const wrappingUint32: Type<number> = {
  name: 'UInt32',
  tag: 0x02,
  shape: { kind: 'integer', min: 0, max: 0xffff_ffff },
  read(reader, limit) {
    const value = readInteger(reader, limit);
    if (value < -0x8000_0000 || value > 0xffff_ffff) reader.fail(`${value} has more than 32 bits`);
    return value >>> 0;
  },
  write(writer, value) {
    if (value >>> 0 !== value) throw new RangeError(`${value} is no UInt32`);
    writeInteger(writer, value);
  },
};

/** OCTET STRING of at most `max` bytes; decoded as a view. */
export function octetString(name = 'OCTET STRING', max = Number.MAX_SAFE_INTEGER): Type<Uint8Array> {
  return {
    name,
    tag: 0x04,
    shape: { kind: 'octets', max },
    read(reader, limit) {
      const end = reader.enter(0x04, limit);
      const { pos } = reader;
      if (end - pos > max) reader.fail(`${name} has more than ${max} bytes`);
      reader.pos = end;
      return reader.view(pos, end);
    },
    write(writer, value) {
      if (value.length > max) throw new RangeError(`${name} has more than ${max} bytes`);
      const before = writer.written;
      writer.octets(value);
      writer.header(0x04, before);
    },
  };
}

/** KerberosFlags (RFC 4120 section 5.2.8): at least 32 bits, of which the first 32 count, as an unsigned number with bit 0 on top. */
export const flags32: Type<number> = {
  name: 'KerberosFlags',
  tag: 0x03,
  shape: { kind: 'flags' },
  read(reader, limit) {
    const end = reader.enter(0x03, limit);
    const { bytes, pos } = reader;
    // "KerberosFlags ::= BIT STRING (SIZE (32..MAX)) -- minimum number of bits shall be sent, but no fewer than 32"
    if (end - pos !== 5 || bytes[pos] !== 0) checkLongFlags(reader, end);
    reader.pos = end;
    return (
      (((bytes[pos + 1] as number) << 24) |
        ((bytes[pos + 2] as number) << 16) |
        ((bytes[pos + 3] as number) << 8) |
        (bytes[pos + 4] as number)) >>>
      0
    );
  },
  write(writer, value) {
    if (value >>> 0 !== value) throw new RangeError(`${value} is no KerberosFlags`);
    writer.reserve(7);
    writer.pos -= 7;
    const { bytes, pos } = writer;
    bytes[pos] = 0x03;
    bytes[pos + 1] = 5;
    bytes[pos + 2] = 0;
    bytes[pos + 3] = value >>> 24;
    bytes[pos + 4] = value >>> 16;
    bytes[pos + 5] = value >>> 8;
    bytes[pos + 6] = value;
  },
};

/** BIT STRING of at most 32 bits, with bit 0 on top of an unsigned number: named bits as peers write them, the last ones left out or not. */
export const shortFlags: Type<number> = {
  name: 'BIT STRING',
  tag: 0x03,
  shape: flags32.shape,
  read(reader, limit) {
    const end = reader.enter(0x03, limit);
    const { bytes, pos } = reader;
    const unused = bytes[pos] ?? 8;
    if (end === pos || end - pos > 5) reader.fail('BIT STRING has no octets or too many');
    let value = 0;
    for (let i = pos + 1; i < end; i++) value |= (bytes[i] as number) << (24 - 8 * (i - pos - 1));
    const last = end === pos + 1 ? 0 : (bytes[end - 1] as number);
    if (unused > 7 || (end === pos + 1 && unused !== 0) || (last & ((1 << unused) - 1)) !== 0)
      reader.fail('BIT STRING has unused bits that are set');
    reader.pos = end;
    return value >>> 0;
  },
  write: (writer, value) => flags32.write(writer, value),
};

/** BOOLEAN. */
export const boolean: Type<boolean> = {
  name: 'BOOLEAN',
  tag: 0x01,
  shape: { kind: 'boolean' },
  read(reader, limit) {
    const end = reader.enter(0x01, limit);
    const value = reader.bytes[reader.pos];
    if (end - reader.pos !== 1 || (value !== 0 && value !== 0xff)) {
      reader.fail('BOOLEAN is neither 00 nor FF');
    }
    reader.pos = end;
    return value === 0xff;
  },
  write(writer, value) {
    const before = writer.written;
    writer.octet(value ? 0xff : 0);
    writer.header(0x01, before);
  },
};

/** ENUMERATED from 0 up to `max`, which is below 128. */
export function enumerated(name: string, max: number): Type<number> {
  return {
    name,
    tag: 0x0a,
    shape: { kind: 'enumerated', max },
    read(reader, limit) {
      const end = reader.enter(0x0a, limit);
      const value = reader.bytes[reader.pos] ?? max + 1;
      if (end - reader.pos !== 1 || value > max) reader.fail(`there is no such ${name}`);
      reader.pos = end;
      return value;
    },
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value > max)
        throw new RangeError(`${value} is no ${name}`);
      const before = writer.written;
      writer.octet(value);
      writer.header(0x0a, before);
    },
  };
}

/** Bits beyond the 32nd mean nothing to us, but they must be DER: at most seven unused bits in the last octet, and these zero. */
function checkLongFlags(reader: Reader, end: number): void {
  const { bytes, pos } = reader;
  const unused = bytes[pos] as number;
  if (end - pos < 6) reader.fail('KerberosFlags has fewer than 32 bits');
  if (unused > 7 || ((bytes[end - 1] as number) & ((1 << unused) - 1)) !== 0) {
    reader.fail('KerberosFlags has unused bits that are set');
  }
}

function readInteger(reader: Reader, limit: number): number {
  const end = reader.enter(0x02, limit);
  const { bytes, pos } = reader;
  const length = end - pos;
  if (length === 0 || length > 6) reader.fail('INTEGER has no octets or too many');
  const first = bytes[pos] as number;
  // X.690 section 8.3.2: the first nine bits "shall not all be ones" and "shall not all be zero".
  if (length > 1) {
    const second = bytes[pos + 1] as number;
    if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)) {
      reader.fail('INTEGER is not in its shortest form');
    }
  }
  let value = (first << 24) >> 24;
  for (let i = pos + 1; i < end; i++) value = value * 256 + (bytes[i] as number);
  reader.pos = end;
  return value;
}

function writeInteger(writer: Writer, value: number): void {
  writer.reserve(9);
  const { bytes, pos: end } = writer;
  let at = end;
  let rest = value;
  // What has more than 32 bits is no integer for the machine: octets are taken off until the rest is.
  for (; (rest | 0) !== rest; rest = Math.floor(rest / 256)) bytes[--at] = rest % 256;
  do {
    bytes[--at] = rest;
    rest >>= 8;
  } while (rest !== ((bytes[at] as number) << 24) >> 31);
  bytes[at - 1] = end - at;
  bytes[at - 2] = 0x02;
  writer.pos = at - 2;
}
