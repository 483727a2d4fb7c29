/**
 * Keytab files, format 0x0502 (MIT krb5, doc/formats/keytab_file_format): two bytes of version, then records of a signed 32-bit size
 * and that many bytes. A negative size is a hole that a removed entry left, size 0 ends the file. All numbers are big-endian.
 */
import { concat } from '../base/bytes.ts';
import { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import { BinaryReader, BinaryWriter } from './binary.ts';
import type { PrincipalName } from './krb5/basic.ts';

/** One long-term key of one principal. */
export interface KeytabEntry {
  readonly realm: string;
  readonly name: PrincipalName;
  /** When the entry was made; 0 where nobody knows. Unsigned 32 bits. */
  readonly timestamp: Seconds;
  /** Key version number, unsigned 32 bits. */
  readonly kvno: number;
  readonly key: Key;
}

/** Entries of a keytab file, in the file's order; keys are copies. Throws `RealmwardError` with code `bad-keytab`. */
export function readKeytab(bytes: Uint8Array): KeytabEntry[] {
  return scan(bytes).entries;
}

/** A keytab file with these entries. Throws `RangeError` for an entry that the format cannot hold. */
export function writeKeytab(entries: readonly KeytabEntry[]): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter().uint16(VERSION);
  for (const entry of entries) {
    const record = writeEntry(entry);
    writer.int32(record.length).octets(record);
  }
  return writer.take();
}

/**
 * `existing` with `entries` behind what it holds, whose bytes stay as they are, holes included; nothing is replaced (as `ktutil` appends). No
 * bytes at all are an empty keytab. Throws `RealmwardError` with code `bad-keytab` when `existing` is no keytab.
 */
export function appendToKeytab(
  existing: Uint8Array,
  entries: readonly KeytabEntry[],
): Uint8Array<ArrayBuffer> {
  if (existing.length === 0) return writeKeytab(entries);
  // Readers stop at a record of size 0, so what is appended has to replace it.
  const kept = existing.subarray(0, scan(existing).end);
  return concat(kept, writeKeytab(entries).subarray(2)) as Uint8Array<ArrayBuffer>;
}

/** Whether `bytes` begin like a keytab of this format. */
export function isKeytab(bytes: Uint8Array): boolean {
  return bytes[0] === VERSION >> 8 && bytes[1] === (VERSION & 0xff);
}

const VERSION = 0x0502;
const HINT = 'Is this a keytab? `klist -k FILE` of MIT krb5 reads the same format (0x0502).';

function scan(bytes: Uint8Array): { entries: KeytabEntry[]; end: number } {
  const reader = new BinaryReader(bytes, 'bad-keytab', HINT);
  const version = reader.uint16('the version');
  if (version !== VERSION) {
    reader.fail(`the file begins with ${version.toString(16).padStart(4, '0')}, a keytab with 0502`, 0);
  }
  const entries: KeytabEntry[] = [];
  while (reader.pos < bytes.length) {
    const start = reader.pos;
    const size = reader.int32('the size of an entry');
    if (size === 0) return { entries, end: start };
    if (Math.abs(size) > bytes.length - reader.pos) {
      reader.fail(`an entry of ${Math.abs(size)} bytes reaches beyond the end of the file`, start);
    }
    const next = reader.pos + Math.abs(size);
    if (size > 0) {
      reader.end = next;
      entries.push(readEntry(reader));
      reader.end = bytes.length;
    }
    reader.pos = next;
  }
  return { entries, end: bytes.length };
}

function readEntry(reader: BinaryReader): KeytabEntry {
  const count = reader.uint16('the number of name components');
  const realm = reader.text(reader.uint16('the length of the realm'), 'the realm');
  const nameString: string[] = [];
  for (let i = 0; i < count; i++) {
    nameString.push(reader.text(reader.uint16('the length of a name component'), 'a name component'));
  }
  const nameType = reader.int32('the name type');
  const timestamp = reader.uint32('the timestamp');
  const kvno8 = reader.uint8('the key version');
  const etype = reader.int16('the enctype');
  const key = new Key(etype, reader.octets(reader.uint16('the length of the key'), 'the key'));
  // Where four octets are left they are the key version in 32 bits. Zero there, as in older writers' files, means that only the octet counts.
  const kvno32 = reader.end - reader.pos >= 4 ? reader.uint32('the 32-bit key version') : 0;
  return { realm, name: { nameType, nameString }, timestamp, kvno: kvno32 === 0 ? kvno8 : kvno32, key };
}

function writeEntry({ realm, name, timestamp, kvno, key }: KeytabEntry): Uint8Array {
  const writer = new BinaryWriter().uint16(name.nameString.length).counted16(realm);
  for (const component of name.nameString) writer.counted16(component);
  return writer
    .int32(name.nameType)
    .uint32(timestamp)
    .uint8(kvno & 0xff)
    .int16(key.etype)
    .counted16(key.bytes)
    .uint32(kvno)
    .take();
}
