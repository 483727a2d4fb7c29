/** Who is meant by what somebody typed, and what they may do: accounts of ours, and users of trusted realms. */
import { readFileSync } from 'node:fs';
import { RealmwardError } from '../base/errors.ts';
import {
  type Credential,
  enterprisePrincipal,
  fromCcache,
  parsePrincipal,
  samePrincipal,
  showPrincipal,
} from '../client/index.ts';
import type { Principal } from '../client/index.ts';
import { nodeClient } from '../client/node.ts';
import { readCcache } from '../codec/ccache.ts';
import { type TrustReport, testTrust } from '../doctor/trust-test.ts';
import { ownVerdict, type Verdict } from '../doctor/verdict.ts';
import { reasonRow } from '../kdc/reason.ts';
import type { TrustRecord } from '../realm/trust-settings.ts';
import { formatEndpoint, parseEndpoint } from '../transport/endpoint.ts';
import { showAccount } from './administer.ts';
import { realmSid, type Realm, trustCrypto } from './compose/realm.ts';
import { reachable } from './krb5-conf.ts';
import type { PrincipalState } from './principal-view.ts';
import { findTrust, isNamedAlike } from './trusts.ts';

/** A user of a trusted realm. */
export interface Visitor {
  readonly trust: TrustRecord;
  readonly principal: Principal;
}

/** How a visitor proves who it is: a password, or a credential cache with its tickets. */
export type VisitorProof = { readonly password: string } | { readonly ccache: string };

/** The user `text` of the trust with `name`; what is no name of its realms is taken for a UPN. Throws `RealmwardError` `not-found`, `bad-principal`. */
export async function visitorOf(realm: Realm, name: string, text: string): Promise<Visitor> {
  const trust = await findTrust(realm, name);
  return { trust, principal: visitor(trust, text) ?? enterprisePrincipal(text, trust.realm) };
}

/** Whom `user`, `user@REALM` or `user@upn.suffix` means; `undefined`: an account of ours. Throws `RealmwardError` `not-found`, `bad-principal`. */
export async function findVisitor(realm: Realm, text: string): Promise<Visitor | undefined> {
  const own = realm.config.realm;
  const named = parsePrincipal(text, own).realm;
  if (named === own) return undefined;
  const trusts = await realm.accounts.trusts.list();
  for (const trust of trusts) {
    const principal = visitor(trust, text);
    if (principal !== undefined) return { trust, principal };
  }
  if (named.toLowerCase() === own.toLowerCase()) {
    throw new RealmwardError('not-found', `there is no realm "${named}" here`, {
      hint: `Our realm is called ${own}: write it exactly so.`,
    });
  }
  // With a hint at what was probably meant.
  return { trust: await findTrust(realm, named), principal: parsePrincipal(text) };
}

function visitor(trust: TrustRecord, text: string): Principal | undefined {
  const principal = parsePrincipal(text, trust.realm);
  if (principal.realm === trust.realm || trust.transits.includes(principal.realm)) return principal;
  const { domains, kind } = trust;
  // AD finds an account by its UPN, and by its name and the realm's in whatever letter case. Elsewhere the latter is a slip.
  const isUpn =
    domains.includes(principal.realm.toLowerCase()) &&
    (kind === 'ad' || !isNamedAlike({ ...trust, domains: [] }, principal.realm));
  return isUpn ? enterprisePrincipal(text, trust.realm) : undefined;
}

/** Follows a visitor to its right here. Throws `RealmwardError` `bad-ccache`, `other-client`. */
export async function testVisitor(
  realm: Realm,
  { trust, principal }: Visitor,
  proof: VisitorProof,
  options: { readonly askUs: boolean },
): Promise<TrustReport> {
  const { config } = realm;
  const kdcs = trust.kdcs.length === 0 ? {} : { [trust.realm]: trust.kdcs };
  const ours = config.listen.kdc.map((text) => formatEndpoint(reachable(parseEndpoint(text))));
  return testTrust({
    trust,
    us: { realm: config.realm, sid: await realmSid(realm) },
    user: principal,
    proof: 'password' in proof ? proof : { tickets: readTickets(proof.ccache, principal) },
    client: (observe) => nodeClient({ realms: { ...kdcs, [config.realm]: ours }, observe }),
    askUs: options.askUs,
    trustCrypto,
    clockSkew: config.policy.clockSkew,
    now: () => performance.now(),
    sentence: reasonRow,
  });
}

/** What an account of ours may do. Throws `RealmwardError` `not-found`, `wrong-kind`. */
export async function ownRights(
  realm: Realm,
  text: string,
): Promise<{ readonly principal: string; readonly verdict: Verdict }> {
  const { principal, right, state } = await showAccount(realm, text, 'user');
  return {
    principal,
    verdict: ownVerdict((right ?? undefined) as Verdict['rights'][number] | undefined, OBSTACLES[state]),
  };
}

const OBSTACLES: Readonly<Record<PrincipalState, string | undefined>> = {
  ok: undefined,
  disabled: 'The account is disabled, so that nobody logs in with it.',
  expired: 'The account has expired, so that nobody logs in with it.',
  locked: 'The account is locked after too many wrong passwords.',
  'must-change': 'The password must be changed first.',
  'no-keys': 'The account has no keys to log in with.',
};

/** The tickets of a credential cache that must be the visitor's. */
function readTickets(name: string, principal: Principal): Credential[] {
  const file = name.replace(/^FILE:/, '');
  const [type] = /^[A-Z]+(?=:)/.exec(file) ?? [];
  if (type !== undefined) {
    throw new RealmwardError('bad-ccache', `a credential cache of the type ${type} cannot be read here`, {
      hint: `Copy it into a file: kinit or kvno with KRB5CCNAME=FILE:/tmp/cache`,
    });
  }
  const cache = readCcache(readFileSync(file));
  const isTheirs = samePrincipal(cache.principal, principal) || isSameUpn(cache.principal, principal);
  if (!isTheirs) {
    throw new RealmwardError(
      'other-client',
      `the cache ${file} belongs to ${showPrincipal(cache.principal)}, not to ${showPrincipal(principal)}`,
      {
        hint: 'Ask about the one whose cache it is.',
      },
    );
  }
  return fromCcache(cache);
}

/** A UPN becomes the account's own name where the client let the KDC canonicalize it: then only the realm can be compared. */
function isSameUpn(owner: Principal, { realm, name }: Principal): boolean {
  return owner.realm === realm && name.nameString[0]?.includes('@') === true;
}
