/** What the command line does to a realm's trusts. */
import { changeTrust, trustSecrets } from '../accounts/trusts.ts';
import { RealmwardError } from '../base/errors.ts';
import { nowSeconds } from '../base/ports.ts';
import { parseSid, type Sid, splitRid } from '../base/sid.ts';
import { etypeName } from '../crypto/etypes.ts';
import {
  checkedTrust,
  idleRules,
  lackingEtypes,
  statementOf,
  trustOf,
  trustWarnings,
} from '../realm/trust-settings.ts';
import { isOutbound, outboundSwitch } from '../realm/trust.ts';
import type { TrustRecord, TrustSettings } from '../realm/trust-settings.ts';
import { realmSid, type Realm } from './compose/realm.ts';
import { formatDuration } from './config/duration.ts';
import { formatPath } from './config/mistakes.ts';
import { trust as trustSchema, trustStatement } from './config/trusts.ts';
import { isoTime } from './iso-time.ts';

export { createTrust, rotateTrust } from '../accounts/trusts.ts';

/** Settings of a trust under the names, and in the form, that they have in the configuration; what is left out stays or has its default. */
export type TrustOptions = Readonly<Record<string, unknown>>;

/** A trust as the command line shows it; with `--json` as it is. Times are ISO 8601; `null`: there is none. */
export interface TrustView {
  readonly realm: string;
  readonly kind: TrustSettings['kind'];
  readonly direction: TrustSettings['direction'];
  readonly netbios: string | null;
  readonly domainSids: readonly string[];
  /** Empty: DNS knows them. */
  readonly kdcs: readonly string[];
  /** Empty: at the hosts of `kdcs`, or as DNS knows. */
  readonly kpasswd: readonly string[];
  readonly mode: TrustSettings['mode'];
  readonly reportOnly: boolean;
  readonly rights: readonly RuleView[];
  readonly enctypes: readonly string[];
  readonly domains: readonly string[];
  readonly transits: readonly string[];
  readonly transitive: boolean;
  /** So many wrong passwords of one account are tried there, in so many seconds. */
  readonly maxFailures: number;
  readonly window: number;
  /** The configuration declares it, and decides at each start what it is like. */
  readonly declared: boolean;
  /** The current secret, then the one before it, which still counts. */
  readonly secrets: readonly { readonly version: number; readonly set: string | null }[];
  /** From when on tickets for the other realm are made with the current secret; `null`: they are already, or there are none. */
  readonly newSecretFrom: string | null;
  /** What works less well than it seems, a sentence each. */
  readonly warnings: readonly string[];
}

export interface RuleView {
  readonly sid: string;
  readonly rid: number;
  readonly right: string;
  /** Its group is of a domain that the trust does not pin: nobody has it. */
  readonly idle: boolean;
}

/** The settings of a new trust. Throws `RealmwardError` `bad-trust`, `exists`. */
export async function newTrust(realm: Realm, options: TrustOptions): Promise<TrustSettings> {
  const settings = await readOptions(realm, options);
  const names = (await realm.accounts.trusts.list()).map((trust) => trust.realm);
  const other = names.find((name) => name.toLowerCase() === settings.realm.toLowerCase());
  if (other !== undefined) {
    throw new RealmwardError('exists', `there is a trust with ${other} already`, {
      hint: '"realmward trust set" changes it, "realmward trust rotate" gives it another secret.',
    });
  }
  return settings;
}

/** Changes a trust's settings. Throws `RealmwardError` `bad-trust`, `not-found`. */
export async function setTrust(realm: Realm, name: string, options: TrustOptions): Promise<TrustView> {
  const current = await findTrust(realm, name);
  const settings = await readOptions(realm, { ...optionsOf(current), ...options });
  await changeTrust(realm.accounts, settings);
  return showTrust(realm, name);
}

export async function listTrusts(realm: Realm): Promise<TrustView[]> {
  return (await realm.accounts.trusts.list()).map((record) => trustView(realm, record));
}

/** Throws `RealmwardError` `not-found`. */
export async function showTrust(realm: Realm, name: string): Promise<TrustView> {
  return trustView(realm, await findTrust(realm, name));
}

/**
 * Ends a trust; resolves to what it was like, `undefined` where its keys cannot be opened: such a trust, too, can be removed. `sure` is asked
 * before, and rejects where it is not meant. Throws `RealmwardError` `not-found`.
 */
export async function removeTrust(
  realm: Realm,
  name: string,
  sure: () => Promise<void>,
): Promise<TrustView | undefined> {
  let view: TrustView | undefined;
  try {
    view = await showTrust(realm, name);
  } catch (error) {
    if (!(error instanceof RealmwardError && error.code === 'broken-seal')) throw error;
  }
  await sure();
  await realm.accounts.trusts.remove(name);
  return view;
}

/** Throws `RealmwardError` `not-found`, with the name that was probably meant. */
export async function findTrust({ accounts }: Realm, name: string): Promise<TrustRecord> {
  const found = await accounts.trusts.find(name);
  if (found !== undefined) return found;
  const all = await accounts.trusts.list();
  const meant = all.find((trust) => isNamedAlike(trust, name));
  throw new RealmwardError(
    'not-found',
    `there is no trust with the realm "${name}"`,
    meant === undefined
      ? {
          hint:
            all.length === 0
              ? 'There are no trusts; "realmward trust add" makes one.'
              : `There are trusts with ${all.map((trust) => trust.realm).join(', ')}.`,
        }
      : { hint: `The realm is called ${meant.realm}: write it exactly so.` },
  );
}

/** Whether `name` is the realm's name in another letter case, its NETBIOS name, or one of its domains. */
export function isNamedAlike({ realm, netbios, domains }: TrustSettings, name: string): boolean {
  const folded = name.toLowerCase();
  return realm.toLowerCase() === folded || netbios?.toLowerCase() === folded || domains.includes(folded);
}

function trustView({ config, accounts }: Realm, record: TrustRecord): TrustView {
  const trust = trustOf(record);
  const { realm, kind, direction, netbios = null, domainSids, kdcs, kpasswd, mode, reportOnly } = record;
  const idle = new Set(idleRules(record));
  return {
    realm,
    kind,
    direction,
    netbios,
    domainSids,
    kdcs,
    kpasswd,
    mode,
    reportOnly,
    rights: record.rights.map((rule) => ({
      sid: rule.sid,
      rid: splitRid(rule.sid)?.rid ?? 0,
      right: rule.right,
      idle: idle.has(rule),
    })),
    enctypes: record.etypes.map(etypeName),
    domains: record.domains,
    transits: record.transits,
    transitive: record.transitive,
    ...record.attempts,
    declared: config.trusts.some((declared) => declared.realm === realm),
    secrets: trustSecrets(record).map(({ kvno, created }) => ({ version: kvno, set: isoTime(created) })),
    newSecretFrom: isoTime(isOutbound(trust) ? outboundSwitch(trust, nowSeconds(accounts.clock)) : undefined),
    warnings: recordWarnings(config, record),
  };
}

function recordWarnings({ realm, policy }: Realm['config'], record: TrustRecord): string[] {
  const lacking = lackingEtypes(record).map(
    (etype) =>
      `the trust with ${record.realm} has no key of ${etypeName(etype)} yet: type its secret once more, in "realmward trust rotate ${record.realm}"`,
  );
  return [...trustWarnings(record, { realm, etypes: policy.etypes }), ...lacking];
}

/** Warnings of all trusts that can be read. */
export async function trustWarningsOf({ config, store }: Realm): Promise<string[]> {
  const readable = store.trustDirectory.all().map(({ realm }) => store.trusts.find(realm));
  const records = await Promise.all(readable);
  return records.flatMap((record) => (record === undefined ? [] : recordWarnings(config, record)));
}

/** What a record would be stated as. */
function optionsOf(record: TrustRecord): TrustOptions {
  const { domainSids, etypes, attempts: _, ...others } = statementOf(record);
  return {
    ...others,
    ...(domainSids === undefined || domainSids.length === 0 ? {} : { domainSid: domainSids }),
    enctypes: etypes?.map(etypeName),
    maxFailures: record.attempts.maxFailures,
    window: formatDuration(record.attempts.window),
  };
}

const formSchema = trustSchema.omit({ secret: true });

/** Reads options as the configuration would. Throws `RealmwardError` `bad-trust`. */
async function readOptions(realm: Realm, options: TrustOptions): Promise<TrustSettings> {
  const parsed = formSchema.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new RealmwardError(
      'bad-trust',
      `the trust cannot be so: ${formatPath(issue?.path ?? [])}: expected ${issue?.message ?? 'another value'}`,
    );
  }
  return checkedTrust(trustStatement(parsed.data), { realm: realm.config.realm, sid: await knownSid(realm) });
}

/** The realm's SID as far as there is one: none is made for a look at a trust. */
async function knownSid({ config, store }: Realm): Promise<Sid | undefined> {
  const kept = config.sid ?? (await store.settings.get('sid'));
  return kept === undefined ? undefined : parseSid(kept);
}

/** What the other side has to know of us. */
export async function ourSide(realm: Realm): Promise<{ realm: string; sid: Sid; kdcs: readonly string[] }> {
  const { config } = realm;
  return { realm: config.realm, sid: await realmSid(realm), kdcs: config.listen.kdc };
}
