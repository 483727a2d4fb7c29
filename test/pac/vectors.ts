import { readFileSync } from 'node:fs';
import { fromHex } from '../../src/base/bytes.ts';
import { Key } from '../../src/base/key.ts';
import type { PacContents } from '../../src/pac/contents.ts';
import { toHex } from '../../src/base/bytes.ts';

/** A PAC from elsewhere, and what Samba reads out of it: fixtures/pac/README.md. */
export interface PacVector {
  readonly name: string;
  readonly pac: Uint8Array;
  readonly expected: Record<string, unknown>;
  readonly client: { cname: string; nameType: number; crealm: string; authTime: number };
  readonly serverKey: Key;
  /** `undefined` where nobody has it. */
  readonly kdcKey: Key | undefined;
  /** `undefined` where only the PAC is known. */
  readonly ticketBytes: Uint8Array | undefined;
}

interface Row {
  readonly name: string;
  readonly pac: string;
  readonly expected: Record<string, unknown>;
  readonly client: PacVector['client'];
  readonly serverKey: { etype: number; hex: string };
  readonly kdcKey: { etype: number; hex: string } | null;
  readonly ticketBytes?: string;
}

/** PACs that Windows and Samba issued. */
export const ISSUED: readonly PacVector[] = read<Row>('pacs.json').map((row) => ({
  ...row,
  pac: fromHex(row.pac),
  serverKey: new Key(row.serverKey.etype, fromHex(row.serverKey.hex)),
  kdcKey: row.kdcKey === null ? undefined : new Key(row.kdcKey.etype, fromHex(row.kdcKey.hex)),
  ticketBytes: row.ticketBytes === undefined ? undefined : fromHex(row.ticketBytes),
}));

/** PACs that Samba packed of made-up values. */
export const BUILT: readonly Pick<PacVector, 'name' | 'pac' | 'expected'>[] = read<Row>('built.json').map(
  ({ name, pac, expected }) => ({ name, pac: fromHex(pac), expected }),
);

/** The vector whose name starts like that. */
export function issued(start: string): PacVector {
  const found = ISSUED.find(({ name }) => name.startsWith(start));
  if (found === undefined) throw new Error(`no vector "${start}"`);
  return found;
}

/** Contents in the form that the fixtures have: bytes in hexadecimal, FILETIMEs in decimal, null for what is absent. */
export function asFixture(contents: PacContents): Record<string, unknown> {
  const present = Object.entries(contents).filter(([, value]) => value !== undefined);
  return JSON.parse(
    JSON.stringify(Object.fromEntries(present), (_key, value: unknown) => {
      if (typeof value === 'bigint') return value.toString();
      if (value instanceof Uint8Array) return toHex(value);
      return value === undefined ? null : value;
    }),
  ) as Record<string, unknown>;
}

function read<T>(file: string): T[] {
  return JSON.parse(readFileSync(new URL(`../../fixtures/pac/${file}`, import.meta.url), 'utf8')) as T[];
}
