import { RealmwardError } from '../base/errors.ts';
import { parseSid, type Sid, splitRid, withRid } from '../base/sid.ts';
import { Etype, STRONG_ETYPES, TRUST_ETYPES } from '../spec/etypes.ts';
import type { AttemptLimit } from './attempts.ts';
import type { PrincipalKey } from './principal.ts';
import type { Right } from './right.ts';
import type { RightRule, Trust, TrustDirection, TrustKind } from './trust.ts';

/** Fewer failures than domain controllers allow, in the time in which those count at least. */
export const DEFAULT_ATTEMPTS: AttemptLimit = { maxFailures: 3, window: 1800 };

/** Everything about a trust but its secret. */
export interface TrustSettings extends Omit<Trust, 'inboundKeys' | 'outboundKeys'> {
  /** KDCs of the trusted realm, each as `host`, `host:port` or `[address]:port`; none: DNS knows them. */
  readonly kdcs: readonly string[];
  /** Where passwords of its users are changed, likewise; none: at the hosts of `kdcs`, or where DNS says. */
  readonly kpasswd: readonly string[];
  /** Etypes of the trust's tickets, strongest first. */
  readonly etypes: readonly number[];
}

/** A trust as it is kept. */
export interface TrustRecord extends TrustSettings {
  /** Keys of the current secret (highest kvno) and of the one before it, of every etype that there is, RC4 where it is named: `etypes` says which are used. */
  readonly keys: TrustKeys;
}

export interface TrustKeys {
  readonly inbound: readonly PrincipalKey[];
  readonly outbound: readonly PrincipalKey[];
}

/** A trust as an operator states it; what is left out has a default. */
export interface TrustStatement {
  readonly realm: string;
  readonly netbios?: string | undefined;
  /** Left out: `ad` where a domain SID is given, else `mit`. */
  readonly kind?: TrustKind | undefined;
  readonly domainSids?: readonly string[] | undefined;
  readonly direction: TrustDirection;
  readonly kdcs?: readonly string[] | undefined;
  readonly kpasswd?: readonly string[] | undefined;
  /** Left out: `groups`. */
  readonly mode?: Trust['mode'] | undefined;
  readonly reportOnly?: boolean | undefined;
  /** Groups by their RID in the first domain, or by their SID. */
  readonly rights?: readonly StatedRule[] | undefined;
  /** Left out: all, or towards AD those that it has. */
  readonly etypes?: readonly number[] | undefined;
  /** Left out: the realm's name in lower case. */
  readonly domains?: readonly string[] | undefined;
  readonly transits?: readonly string[] | undefined;
  readonly transitive?: boolean | undefined;
  /** Left out: `DEFAULT_ATTEMPTS`. */
  readonly attempts?: AttemptLimit | undefined;
}

export interface StatedRule {
  readonly rid?: number | undefined;
  readonly sid?: string | undefined;
  readonly right: Right;
}

/** What is wrong with a statement: where, and what should stand there. */
export interface TrustMistake {
  readonly path: readonly (string | number)[];
  readonly expected: string;
}

/** The realm that trusts; its SID as far as it is known. */
export interface TrustingRealm {
  readonly realm: string;
  readonly sid: Sid | undefined;
}

/** The settings that a statement means, or everything that is wrong with it. Each value in it is well-formed. */
export function readTrust(
  statement: TrustStatement,
  own: TrustingRealm,
): { readonly settings: TrustSettings } | { readonly mistakes: readonly TrustMistake[] } {
  const mistakes = [...realmMistakes(statement, own), ...rightMistakes(statement)];
  return mistakes.length > 0 ? { mistakes } : { settings: settingsOf(statement) };
}

/** As `readTrust`. Throws `RealmwardError` `bad-trust` with the first mistake. */
export function checkedTrust(statement: TrustStatement, own: TrustingRealm): TrustSettings {
  const read = readTrust(statement, own);
  if ('settings' in read) return read.settings;
  const [mistake] = read.mistakes as readonly [TrustMistake];
  throw new RealmwardError(
    'bad-trust',
    `the trust with ${statement.realm} cannot be so: ${mistake.path[0]}: expected ${mistake.expected}`,
  );
}

/** Rules that nobody can meet: their groups are of domains whose SIDs the trust does not pin, and whose groups it takes out of every ticket. */
export function idleRules({ domainSids, rights }: TrustSettings): RightRule[] {
  return rights.filter(({ sid }) => !domainSids.includes(splitRid(sid)?.domain as Sid));
}

/** The statement that means these settings. */
export function statementOf(settings: TrustSettings): TrustStatement {
  const { realm, netbios, kind, domainSids, direction, kdcs, mode, reportOnly, rights, etypes } = settings;
  const { kpasswd, domains, transits, transitive, attempts } = settings;
  const stated = { realm, netbios, kind, domainSids, direction, kdcs, mode, reportOnly, rights, etypes };
  return { ...stated, kpasswd, domains, transits, transitive, attempts };
}

/** The trust as the KDC uses it: with keys of its etypes alone. */
export function trustOf(record: TrustRecord): Trust {
  const used = ({ key }: PrincipalKey): boolean => record.etypes.includes(key.etype);
  const { realm, netbios, kind, domainSids, direction, transits, transitive } = record;
  const { domains, mode, reportOnly, rights, attempts } = record;
  return {
    realm,
    netbios,
    kind,
    domainSids,
    direction,
    transits,
    transitive,
    domains,
    mode,
    reportOnly,
    rights,
    attempts,
    inboundKeys: record.keys.inbound.filter(used),
    outboundKeys: record.keys.outbound.filter(used),
  };
}

/** What works less well than its operator may think, or not at all, and is no mistake of the statement: a sentence each. */
export function trustWarnings(
  { realm, kind, etypes }: TrustSettings,
  own: { readonly realm: string; readonly etypes: readonly number[] },
): string[] {
  const warnings: string[] = [];
  if (etypes.includes(Etype.RC4_HMAC)) {
    warnings.push(
      `the trust with ${realm} uses RC4, which is broken: who records its tickets may come to read and to forge them. Switch AES on at the other side, and take arcfour-hmac out of enctypes`,
    );
  }
  if (kind === 'ad' && !AD_ETYPES.some((etype) => own.etypes.includes(etype))) {
    warnings.push(
      `the trust with ${realm} brings nobody here: Active Directory makes session keys of aes256-cts-hmac-sha1-96 and aes128-cts-hmac-sha1-96 alone, and policy.etypes has neither`,
    );
  }
  if (kind === 'ad' && realm !== realm.toUpperCase()) {
    warnings.push(
      `the trust with ${realm} does not work: Active Directory writes the names of its realms in upper case, so this one is ${realm.toUpperCase()}`,
    );
  }
  if (kind === 'ad' && own.realm !== own.realm.toUpperCase()) {
    warnings.push(
      `the trust with ${realm} does not work: Active Directory makes its keys with our name in upper case, and ours is ${own.realm}. A realm that AD trusts needs a name in upper case`,
    );
  }
  return warnings;
}

/** Etypes that a trust names and has no key of, since its secret was set before that: what came of that secret alone is kept. */
export function lackingEtypes({ etypes, keys: { inbound } }: Pick<TrustRecord, 'etypes' | 'keys'>): number[] {
  const newest = inbound[0]?.kvno;
  const has = (etype: number): boolean =>
    inbound.some(({ kvno, key }) => kvno === newest && key.etype === etype);
  return etypes.filter((etype) => !has(etype));
}

/** AD has AES keys of these alone, and issues no ticket of another AES etype. */
const AD_ETYPES: readonly number[] = [18, 17];

/** SIDs of Windows domains and of realmward realms. Nothing shorter: a pinned S-1-5-32 would let the administrators of any machine in. */
const DOMAIN_SID = /^S-1-5-21-\d+-\d+-\d+$/;

function* realmMistakes(
  { realm, kind, domainSids = [], domains = [], transits = [], etypes = [] }: TrustStatement,
  own: TrustingRealm,
): Generator<TrustMistake> {
  // Windows compares names of realms without regard to case, so two that differ in nothing else cannot stand side by side.
  const isOwn = (name: string): boolean => name.toLowerCase() === own.realm.toLowerCase();
  if (isOwn(realm)) yield { path: ['realm'], expected: 'another realm: this is our own' };
  if (kind === 'mit' && domainSids.length > 0) {
    yield { path: ['domainSid'], expected: 'kind ad or realmward: realms of the kind mit have no SIDs' };
  }
  if ((kind === 'ad' || kind === 'realmward') && domainSids.length === 0) {
    yield {
      path: ['kind'],
      expected: `a domainSid beside it: users of a realm of the kind ${kind} are told by their SIDs`,
    };
  }
  for (const [i, sid] of domainSids.entries()) {
    const path = ['domainSid', i];
    if (sid === own.sid) yield { path, expected: "another SID: this is our own realm's" };
    else if (!DOMAIN_SID.test(sid))
      yield { path, expected: 'the SID of a domain, S-1-5-21- and three numbers' };
    else if (domainSids.indexOf(sid) !== i) yield { path, expected: 'each SID once' };
  }
  for (const [i, name] of transits.entries()) {
    const path = ['transits', i];
    if (isOwn(name)) yield { path, expected: 'another realm: this is our own' };
    else if (name === realm)
      yield { path, expected: 'realms behind the trusted one: this is the trusted one' };
    else if (transits.indexOf(name) !== i) yield { path, expected: 'each realm once' };
  }
  for (const [i, etype] of etypes.entries()) {
    if (etype === Etype.RC4_HMAC) {
      if (kind === 'realmward') yield { path: ['enctypes', i], expected: 'AES: no realmward realm lacks it' };
    } else if (isAd({ kind, domainSids }) && !AD_ETYPES.includes(etype)) {
      yield {
        path: ['enctypes', i],
        expected: 'aes256-cts-hmac-sha1-96 or aes128-cts-hmac-sha1-96: AD has no other AES keys',
      };
    }
  }
  for (const [i, domain] of domains.entries()) {
    if (isOwn(domain))
      yield { path: ['domains', i], expected: 'a domain of the trusted realm: this is our own' };
  }
}

function* rightMistakes({
  kind,
  domainSids = [],
  mode = 'groups',
  rights = [],
}: TrustStatement): Generator<TrustMistake> {
  if (mode === 'keep' && kind !== 'realmward') {
    yield {
      path: ['mode'],
      expected: '"groups": only a realm of the kind realmward states rights that could be kept',
    };
  }
  if (rights.length === 0) return;
  if (mode === 'keep')
    yield { path: ['rights'], expected: 'no rights beside mode keep, or mode groups, which maps them' };
  for (const [i, rule] of rights.entries()) {
    const path = ['rights', i];
    if ((rule.rid === undefined) === (rule.sid === undefined)) {
      yield { path, expected: 'either a rid or a sid, and a right' };
    } else if (rule.rid !== undefined && domainSids.length === 0) {
      yield {
        path: [...path, 'rid'],
        expected: 'a domainSid in this trust: a RID says nothing without its domain',
      };
    } else if (rule.sid !== undefined && !DOMAIN_SID.test(splitRid(parseSid(rule.sid))?.domain ?? '')) {
      // Whoever logs in has S-1-18-1, for instance.
      yield {
        path: [...path, 'sid'],
        expected: 'the SID of a group of a domain, S-1-5-21- and four numbers',
      };
    }
  }
}

function isAd({ kind, domainSids = [] }: Pick<TrustStatement, 'kind' | 'domainSids'>): boolean {
  return kind === 'ad' || (kind === undefined && domainSids.length > 0);
}

function settingsOf(statement: TrustStatement): TrustSettings {
  const { realm, netbios, direction, kdcs = [], mode = 'groups', reportOnly = false } = statement;
  const domainSids = (statement.domainSids ?? []).map(parseSid);
  const kind = isAd(statement) ? 'ad' : (statement.kind ?? 'mit');
  const etypes = statement.etypes ?? (kind === 'ad' ? AD_ETYPES : STRONG_ETYPES);
  const domains = statement.domains ?? [realm];
  return {
    realm,
    netbios,
    kind,
    domainSids,
    direction,
    kdcs,
    kpasswd: statement.kpasswd ?? [],
    mode,
    reportOnly,
    rights: (statement.rights ?? []).map(({ rid, sid, right }): RightRule => ({
      sid: sid === undefined ? withRid(domainSids[0] as Sid, rid as number) : parseSid(sid),
      right,
    })),
    etypes: TRUST_ETYPES.filter((etype) => etypes.includes(etype)),
    domains: [...new Set(domains.map((domain) => domain.toLowerCase()))],
    transits: statement.transits ?? [],
    transitive: statement.transitive ?? false,
    attempts: statement.attempts ?? DEFAULT_ATTEMPTS,
  };
}
