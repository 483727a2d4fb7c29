import { fromUtf8, utf8 } from '../../base/bytes.ts';
import type { Reader } from './reader.ts';
import type { Type } from './type.ts';
import type { Writer } from './writer.ts';

/** INTEGER within `[min, max]`; both must be exact in a double. */
export function integer(name: string, min: number, max: number): Type<number> {
  return {
    name,
    tag: 0x02,
    read(reader, limit) {
      const value = readInteger(reader, limit);
      if (value < min || value > max) reader.fail(`${value} is out of range for ${name}`);
      return value;
    },
    write(writer, value) {
      if (!Number.isInteger(value) || value < min || value > max)
        throw new RangeError(`${value} is no ${name}`);
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
  read(reader, limit) {
    const value = readInteger(reader, limit);
    if (value < -0x8000_0000 || value > 0xffff_ffff) reader.fail(`${value} has more than 32 bits`);
    return value >>> 0;
  },
  write(writer, value) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw new RangeError(`${value} is no UInt32`);
    writeInteger(writer, value);
  },
};

/** OCTET STRING of at most `max` bytes; decoded as a view. */
export function octetString(name = 'OCTET STRING', max = Number.MAX_SAFE_INTEGER): Type<Uint8Array> {
  return {
    name,
    tag: 0x04,
    read(reader, limit) {
      const end = reader.enter(0x04, limit);
      if (end - reader.pos > max) reader.fail(`${name} has more than ${max} bytes`);
      const value = reader.bytes.subarray(reader.pos, end);
      reader.pos = end;
      return value;
    },
    write(writer, value) {
      const end = writer.pos;
      const capacity = writer.bytes.length;
      writer.octets(value);
      writer.header(0x04, end, capacity);
    },
  };
}

/**
 * A string type whose bytes are read as UTF-8. KerberosString is a GeneralString that "MUST contain only characters in IA5String" (RFC 4120
 * section 5.2.1); deployed clients write UTF-8 into it, and so do we.
 */
export function textString(name: string, tag: number): Type<string> {
  return {
    name,
    tag,
    read(reader, limit) {
      const end = reader.enter(tag, limit);
      const value = readText(reader, end);
      reader.pos = end;
      return value;
    },
    write(writer, value) {
      const end = writer.pos;
      const capacity = writer.bytes.length;
      writeText(writer, value);
      writer.header(tag, end, capacity);
    },
  };
}

/** KerberosFlags (RFC 4120 section 5.2.8): at least 32 bits, of which the first 32 count, as an unsigned number with bit 0 on top. */
export const flags32: Type<number> = {
  name: 'KerberosFlags',
  tag: 0x03,
  read(reader, limit) {
    const end = reader.enter(0x03, limit);
    const { bytes, pos } = reader;
    // "KerberosFlags ::= BIT STRING (SIZE (32..MAX)) -- minimum number of bits shall be sent, but no fewer than 32"
    if (end - pos < 5 || bytes[pos] !== 0) reader.fail('KerberosFlags has fewer than 32 bits or unused ones');
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
    writer.reserve(7);
    for (let i = 0, rest = value; i < 4; i++, rest >>>= 8) writer.bytes[--writer.pos] = rest & 0xff;
    writer.octet(0);
    writer.octet(5);
    writer.octet(0x03);
  },
};

/** KerberosTime (RFC 4120 section 5.2.3) as seconds since the epoch: `YYYYMMDDHHMMSSZ`, "MUST NOT include any fractional portions". */
export const kerberosTime: Type<number> = {
  name: 'KerberosTime',
  tag: 0x18,
  read(reader, limit) {
    const end = reader.enter(0x18, limit);
    const { bytes, pos } = reader;
    if (end - pos !== 15 || bytes[pos + 14] !== 0x5a) reader.fail('KerberosTime is not YYYYMMDDHHMMSSZ');
    const year = digits(reader, pos, 4);
    const month = digits(reader, pos + 4, 2);
    const day = digits(reader, pos + 6, 2);
    const hour = digits(reader, pos + 8, 2);
    const minute = digits(reader, pos + 10, 2);
    const second = digits(reader, pos + 12, 2);
    if (
      month < 1 ||
      month > 12 ||
      day < 1 ||
      day > daysIn(year, month) ||
      hour > 23 ||
      minute > 59 ||
      second > 59
    ) {
      reader.fail('KerberosTime is no date and time');
    }
    reader.pos = end;
    return daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
  },
  write(writer, value) {
    if (!Number.isInteger(value) || value < MIN_TIME || value > MAX_TIME)
      throw new RangeError(`${value} is no KerberosTime`);
    const days = Math.floor(value / 86_400);
    let rest = value - days * 86_400;
    writer.reserve(17);
    writer.octet(0x5a);
    twoDigits(writer, rest % 60);
    rest = Math.floor(rest / 60);
    twoDigits(writer, rest % 60);
    twoDigits(writer, Math.floor(rest / 60));
    writeCivil(writer, days);
    writer.octet(15);
    writer.octet(0x18);
  },
};

/** BOOLEAN. */
export const boolean: Type<boolean> = {
  name: 'BOOLEAN',
  tag: 0x01,
  read(reader, limit) {
    const end = reader.enter(0x01, limit);
    const value = reader.bytes[reader.pos];
    if (end - reader.pos !== 1 || (value !== 0 && value !== 0xff))
      reader.fail('BOOLEAN is neither 00 nor FF');
    reader.pos = end;
    return value === 0xff;
  },
  write(writer, value) {
    writer.octet(value ? 0xff : 0);
    writer.octet(1);
    writer.octet(0x01);
  },
};

const MIN_TIME = daysFromCivil(0, 1, 1) * 86_400;
const MAX_TIME = daysFromCivil(9999, 12, 31) * 86_400 + 86_399;

function readInteger(reader: Reader, limit: number): number {
  const end = reader.enter(0x02, limit);
  const { bytes, pos } = reader;
  const length = end - pos;
  if (length === 0 || length > 6) reader.fail('INTEGER has no octets or too many');
  const first = bytes[pos] as number;
  // X.690 section 8.3.2: the first nine bits "shall not all be ones" and "shall not all be zero".
  if (length > 1) {
    const second = bytes[pos + 1] as number;
    if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
      reader.fail('INTEGER is not in its shortest form');
  }
  let value = first >= 0x80 ? first - 256 : first;
  for (let i = pos + 1; i < end; i++) value = value * 256 + (bytes[i] as number);
  reader.pos = end;
  return value;
}

function writeInteger(writer: Writer, value: number): void {
  writer.reserve(9);
  const { bytes } = writer;
  const end = writer.pos;
  let at = end;
  let rest = value;
  do {
    const octet = ((rest % 256) + 256) % 256;
    bytes[--at] = octet;
    rest = (rest - octet) / 256;
  } while (!((rest === 0 && (bytes[at] as number) < 0x80) || (rest === -1 && (bytes[at] as number) >= 0x80)));
  bytes[at - 1] = end - at;
  bytes[at - 2] = 0x02;
  writer.pos = at - 2;
}

function readText(reader: Reader, end: number): string {
  const { bytes, pos } = reader;
  // Names are short and nearly always ASCII: for these a loop is several times faster than a TextDecoder.
  if (end - pos > 64) return decodeUtf8(reader, end);
  let text = '';
  for (let i = pos; i < end; i++) {
    const octet = bytes[i] as number;
    if (octet >= 0x80) return decodeUtf8(reader, end);
    text += String.fromCharCode(octet);
  }
  return text;
}

function decodeUtf8(reader: Reader, end: number): string {
  try {
    return fromUtf8(reader.bytes.subarray(reader.pos, end));
  } catch {
    return reader.fail('the string is not UTF-8');
  }
}

function writeText(writer: Writer, value: string): void {
  writer.reserve(value.length);
  const { bytes } = writer;
  let at = writer.pos;
  for (let i = value.length - 1; i >= 0; i--) {
    const code = value.charCodeAt(i);
    if (code >= 0x80) {
      writer.octets(utf8(value));
      return;
    }
    bytes[--at] = code;
  }
  writer.pos = at;
}

function digits(reader: Reader, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = (reader.bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) reader.fail('KerberosTime is not YYYYMMDDHHMMSSZ');
    value = value * 10 + digit;
  }
  return value;
}

function twoDigits(writer: Writer, value: number): void {
  const tens = Math.floor(value / 10);
  writer.bytes[--writer.pos] = 0x30 + value - tens * 10;
  writer.bytes[--writer.pos] = 0x30 + tens;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar, counted in years that start in March, so that a leap day ends its year. */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** Writes year, month and day of `days` since 1970-01-01: the inverse of `daysFromCivil`. */
function writeCivil(writer: Writer, days: number): void {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  twoDigits(writer, dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1);
  twoDigits(writer, month);
  twoDigits(writer, year % 100);
  twoDigits(writer, Math.floor(year / 100));
}
