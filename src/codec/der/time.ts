import type { Reader } from './reader.ts';
import type { Type } from './type.ts';

/** KerberosTime (RFC 4120 section 5.2.3) as seconds since the epoch: `YYYYMMDDHHMMSSZ`, "MUST NOT include any fractional portions". */
export const kerberosTime: Type<number> = {
  name: 'KerberosTime',
  tag: 0x18,
  shape: { kind: 'time' },
  read(reader, limit) {
    const end = reader.enter(0x18, limit);
    const { pos } = reader;
    if (end - pos !== 15 || reader.bytes[pos + 14] !== 0x5a) reader.fail(FORM);
    const date = digits(reader, pos, 8);
    const hour = digits(reader, pos + 8, 2);
    const minute = digits(reader, pos + 10, 2);
    const second = digits(reader, pos + 12, 2);
    if (hour > 23 || minute > 59 || second > 59) reader.fail('KerberosTime is no date and time');
    // The times of a message are mostly of one day.
    if (date !== readDate) {
      readDay = dayOf(reader, date);
      readDate = date;
    }
    reader.pos = end;
    return readDay * 86_400 + hour * 3600 + minute * 60 + second;
  },
  write(writer, value) {
    if (!Number.isInteger(value) || value < MIN_TIME || value > MAX_TIME) {
      throw new RangeError(`${value} is no KerberosTime`);
    }
    const day = Math.floor(value / 86_400);
    if (day !== writtenDay) {
      writtenDate = dateOf(day);
      writtenDay = day;
    }
    const seconds = value - day * 86_400;
    const hour = (seconds / 3600) | 0;
    const minute = ((seconds / 60) | 0) % 60;
    writer.reserve(17);
    writer.pos -= 17;
    const { bytes, pos } = writer;
    bytes[pos] = 0x18;
    bytes[pos + 1] = 15;
    for (let i = 0; i < 8; i++) bytes[pos + 2 + i] = writtenDate[i] as number;
    twoDigits(bytes, pos + 10, hour);
    twoDigits(bytes, pos + 12, minute);
    twoDigits(bytes, pos + 14, seconds % 60);
    bytes[pos + 16] = 0x5a;
  },
};

const FORM = 'KerberosTime is not YYYYMMDDHHMMSSZ';
const MIN_TIME = daysFromCivil(0, 1, 1) * 86_400;
const MAX_TIME = daysFromCivil(9999, 12, 31) * 86_400 + 86_399;

let readDate = 19_700_101;
let readDay = 0;
let writtenDay = Number.NaN;
let writtenDate = new Uint8Array(8);

function digits(reader: Reader, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = (reader.bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) reader.fail(FORM);
    value = value * 10 + digit;
  }
  return value;
}

function twoDigits(bytes: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  bytes[at] = 0x30 + tens;
  bytes[at + 1] = 0x30 + value - tens * 10;
}

/** Days since 1970-01-01 of the date whose decimal digits are YYYYMMDD. */
function dayOf(reader: Reader, date: number): number {
  const year = Math.floor(date / 10_000);
  const month = Math.floor(date / 100) % 100;
  const day = date % 100;
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) {
    reader.fail('KerberosTime is no date and time');
  }
  return daysFromCivil(year, month, day);
}

/** The eight digits YYYYMMDD of a day, as ASCII. */
function dateOf(day: number): Uint8Array<ArrayBuffer> {
  const { year, month, dayOfMonth } = civilFromDays(day);
  const ascii = new Uint8Array(8);
  twoDigits(ascii, 0, Math.floor(year / 100));
  twoDigits(ascii, 2, year % 100);
  twoDigits(ascii, 4, month);
  twoDigits(ascii, 6, dayOfMonth);
  return ascii;
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

/** The inverse of `daysFromCivil`. */
function civilFromDays(days: number): { year: number; month: number; dayOfMonth: number } {
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
  return { year, month, dayOfMonth: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1 };
}
