import type { PrincipalKey } from '../realm/principal.ts';
import type { TrustKeys, TrustRecord } from '../realm/trust-settings.ts';
import { decodeKeys, encodeKeys, sortKeys } from './key-list.ts';
import type { MasterKey, MasterKeyRing } from './master-key.ts';
import type { TrustTable } from './schema.ts';
import { seal, unseal } from './seal.ts';

/** A row of `trust`. */
export type TrustRow = Omit<TrustTable, 'id'> & { readonly id: number };

/** The trust of a row. Throws as `unseal` does. */
export function toTrust(row: TrustRow, ring: MasterKeyRing): TrustRecord {
  return {
    realm: row.realm,
    netbios: row.netbios ?? undefined,
    kind: row.kind,
    direction: row.direction,
    mode: row.mode,
    reportOnly: row.report_only !== 0,
    transitive: row.transitive !== 0,
    domainSids: JSON.parse(row.domain_sids) as TrustRecord['domainSids'],
    kdcs: JSON.parse(row.kdcs) as TrustRecord['kdcs'],
    kpasswd: JSON.parse(row.kpasswd) as TrustRecord['kpasswd'],
    etypes: JSON.parse(row.etypes) as TrustRecord['etypes'],
    domains: JSON.parse(row.domains) as TrustRecord['domains'],
    transits: JSON.parse(row.transits) as TrustRecord['transits'],
    rights: JSON.parse(row.rights) as TrustRecord['rights'],
    attempts: { maxFailures: row.max_failures, window: row.failure_window },
    keys: {
      inbound: openKeys(row, 'inbound', row.inbound_keys, ring),
      outbound: openKeys(row, 'outbound', row.outbound_keys, ring),
    },
  };
}

/** Columns that an operator decides on. */
export function settingColumns(trust: TrustRecord) {
  return {
    netbios: trust.netbios ?? null,
    kind: trust.kind,
    direction: trust.direction,
    mode: trust.mode,
    report_only: trust.reportOnly ? 1 : 0,
    transitive: trust.transitive ? 1 : 0,
    domain_sids: JSON.stringify(trust.domainSids),
    kdcs: JSON.stringify(trust.kdcs),
    kpasswd: JSON.stringify(trust.kpasswd),
    etypes: JSON.stringify(trust.etypes),
    domains: JSON.stringify(trust.domains),
    transits: JSON.stringify(trust.transits),
    rights: JSON.stringify(trust.rights.map(({ sid, right }) => ({ sid, right }))),
    max_failures: trust.attempts.maxFailures,
    failure_window: trust.attempts.window,
  };
}

/** Key columns of a trust. */
export function trustKeyColumns(
  row: Pick<TrustRow, 'id' | 'realm'>,
  { inbound, outbound }: TrustKeys,
  master: MasterKey,
): Pick<TrustRow, 'inbound_keys' | 'outbound_keys'> {
  return {
    inbound_keys: sealKeys(trustKeyContext(row, 'inbound'), inbound, master),
    outbound_keys: sealKeys(trustKeyContext(row, 'outbound'), outbound, master),
  };
}

/** What sealed keys are bound to: neither another trust's nor those of the other direction open in their place. */
export function trustKeyContext(
  { id, realm }: Pick<TrustRow, 'id' | 'realm'>,
  direction: keyof TrustKeys,
): string {
  return `trust keys ${id} ${realm} ${direction}`;
}

function sealKeys(context: string, keys: readonly PrincipalKey[], master: MasterKey): Uint8Array {
  const secret = encodeKeys(sortKeys(keys));
  const sealed = seal(master, context, secret);
  secret.fill(0);
  return sealed;
}

function openKeys(
  row: TrustRow,
  direction: keyof TrustKeys,
  sealed: Uint8Array,
  ring: MasterKeyRing,
): readonly PrincipalKey[] {
  const secret = unseal(ring, trustKeyContext(row, direction), sealed);
  const keys = decodeKeys(secret);
  secret.fill(0);
  return keys;
}
