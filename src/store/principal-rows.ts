import type { Principal, PrincipalKey } from '../realm/principal.ts';
import { decodeKeys, encodeKeys } from './key-list.ts';
import type { MasterKey, MasterKeyRing } from './master-key.ts';
import type { PrincipalTable } from './schema.ts';
import { seal, unseal } from './seal.ts';

/** Columns of `principal` that make a `Principal`, but for its keys. */
export const COLUMNS = [
  'id',
  'name',
  'kind',
  'right',
  'disabled',
  'expires',
  'password_expires',
  'password_changed',
  'max_life',
  'max_renew',
  'locked_until',
] as const;

/** Columns of its keys. */
export const KEY_COLUMNS = ['kvno', 'etypes', 'keys'] as const;

/** A row as far as it makes a `Principal`. */
export type PrincipalRow = Omit<
  PrincipalTable,
  'id' | 'folded' | 'last_success' | 'last_failure' | 'failures'
> & {
  readonly id: number;
};
type RowWithoutKeys = Omit<PrincipalRow, (typeof KEY_COLUMNS)[number]>;

/** The principal of a row. Throws as `unseal` does. */
export function toPrincipal(row: PrincipalRow, ring: MasterKeyRing): Principal {
  return { ...withoutKeys(row), keys: openKeys(row, ring) };
}

/** Everything but the keys. */
export function withoutKeys(row: RowWithoutKeys): Omit<Principal, 'keys'> {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    rid: row.id,
    right: row.right ?? undefined,
    disabled: row.disabled !== 0,
    expires: row.expires ?? undefined,
    passwordExpires: row.password_expires ?? undefined,
    passwordChanged: row.password_changed,
    maxLife: row.max_life ?? undefined,
    maxRenew: row.max_renew ?? undefined,
    lockedUntil: row.locked_until ?? undefined,
  };
}

/** Columns that may change in a principal's life, but for keys and login counters. */
export function changeableColumns(principal: Partial<Principal> & Pick<Principal, 'passwordChanged'>) {
  return {
    right: principal.right ?? null,
    disabled: principal.disabled === true ? 1 : 0,
    expires: principal.expires ?? null,
    password_expires: principal.passwordExpires ?? null,
    password_changed: principal.passwordChanged,
    max_life: principal.maxLife ?? null,
    max_renew: principal.maxRenew ?? null,
    locked_until: principal.lockedUntil ?? null,
  };
}

/** Key columns of the principal with that id; `keys` sorted. Row number, kvno and etypes are bound to the keys: none can be exchanged. */
export function keyColumns(
  id: number,
  keys: readonly PrincipalKey[],
  master: MasterKey,
): Pick<PrincipalRow, (typeof KEY_COLUMNS)[number]> {
  const kvno = keys[0]?.kvno ?? 0;
  const etypes = keys.flatMap((key) => (key.kvno === kvno ? [key.key.etype] : [])).join(',');
  if (keys.length === 0) return { kvno, etypes, keys: null };
  const secret = encodeKeys(keys);
  const sealed = seal(master, keyContext({ id, kvno, etypes }), secret);
  secret.fill(0);
  return { kvno, etypes, keys: sealed };
}

/** Etypes as the column `etypes` has them. */
export function etypeList(text: string): readonly number[] {
  return text === '' ? [] : text.split(',').map(Number);
}

/** What the sealed keys of a row are bound to. */
export function keyContext({ id, kvno, etypes }: Pick<PrincipalRow, 'id' | 'kvno' | 'etypes'>): string {
  return `principal keys ${id} ${kvno} ${etypes}`;
}

function openKeys(row: PrincipalRow, ring: MasterKeyRing): readonly PrincipalKey[] {
  if (row.keys === null) return [];
  const secret = unseal(ring, keyContext(row), row.keys);
  const keys = decodeKeys(secret);
  secret.fill(0);
  return keys;
}
