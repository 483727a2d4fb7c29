/** Tickets for services, wherever they are: RFC 4120 section 3.3.1 (cross-realm) and RFC 6806 section 8 (referrals). */
import { type Principal, sameName, showText } from '../ap/principal.ts';
import { nowSeconds } from '../base/ports.ts';
import type { PrincipalName } from '../codec/krb5/basic.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { KdcOption } from '../spec/flags.ts';
import { ClientError, fail } from './client-error.ts';
import { type ClientContext, shifted } from './context.ts';
import { type Credential, grantingRealm } from './credential.ts';
import { isKdcError, type KerberosError } from './kerberos-error.ts';
import { krbtgt } from './names.ts';
import { realmsBetween } from './realm-path.ts';
import { askTgs } from './tgs.ts';

/** A service, and where it is. */
export interface ServiceRequest {
  readonly name: PrincipalName;
  /** Its realm; left out: the KDCs know, from ours on by their referrals. */
  readonly realm?: string;
  /** Whether KDCs may refer us to other realms and call the service by another name. Default: where no realm is given. */
  readonly canonicalize?: boolean;
  readonly signal?: AbortSignal;
}

/** A service's ticket, and how we came by it. */
export interface ServiceTicket {
  readonly credential: Credential;
  /** Ticket-granting tickets of other realms that were got on the way, in order. Worth keeping: another service there takes the last one. */
  readonly path: readonly Credential[];
}

/** Realms that are passed through at most. */
const MAX_HOPS = 10;

/**
 * Gets a ticket for a service with a ticket-granting ticket: walks from realm to realm where the service's is another one, and follows
 * referrals. Throws `KerberosError`, `ClientError`.
 */
export async function getServiceTicket(
  context: ClientContext,
  tgt: Credential,
  request: ServiceRequest,
): Promise<ServiceTicket> {
  const walk = new Walk(context, tgt, request.signal);
  const canonicalize = request.canonicalize ?? request.realm === undefined;
  if (request.realm !== undefined) {
    while (walk.realm !== request.realm) walk.step(await walk.towards(request.realm));
  }
  for (;;) {
    const credential = await walk.ask(request.name, canonicalize);
    if (!walk.leadsOn(credential, request.name)) return { credential, path: walk.path };
    walk.step(credential);
  }
}

/** Renews a ticket that can be: the same ticket with a new life (RFC 4120 section 2.3). Throws `KerberosError`, `ClientError`. */
export async function renewTicket(
  context: ClientContext,
  credential: Credential,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Credential> {
  const { server, renewTill, clockOffset } = credential;
  if (renewTill === undefined) fail('not-renewable');
  const ago = nowSeconds(shifted(context.clock, clockOffset)) - renewTill;
  if (ago >= 0) fail('not-renewable', `It could be renewed until ${ago} seconds ago.`);
  return askTgs(context, credential, {
    realm: server.realm,
    service: server.name,
    options: KdcOption.RENEW,
    serves: ({ name }) => sameName(name, server.name),
    signal: options.signal,
  });
}

/** Where we are on our way to a service. */
class Walk {
  readonly path: Credential[] = [];
  readonly #context: ClientContext;
  readonly #signal: AbortSignal | undefined;
  readonly #visited: string[];
  #tgt: Credential;

  constructor(context: ClientContext, tgt: Credential, signal: AbortSignal | undefined) {
    const realm = grantingRealm(tgt);
    if (realm === undefined) fail('not-a-tgt');
    this.#context = context;
    this.#signal = signal;
    this.#tgt = tgt;
    this.#visited = [realm];
  }

  /** The realm whose KDC is asked next. */
  get realm(): string {
    return this.#visited.at(-1) as string;
  }

  /** Goes on with `tgt`, a ticket for another realm. */
  step(tgt: Credential): void {
    const from = this.realm;
    const to = grantingRealm(tgt) as string;
    this.#context.observe?.({ kind: 'referral', exchange: 'TGS', from, to });
    const way = showText([...this.#visited, to].join(' → '), 400);
    if (this.#visited.includes(to)) fail('referral-loop', way);
    if (this.#visited.length > MAX_HOPS) fail('too-many-hops', way);
    this.#visited.push(to);
    this.path.push(tgt);
    this.#tgt = tgt;
  }

  /** Asks the KDC of this realm. Throws `ClientError` `server-mismatch` for a ticket that neither is for `name` nor leads there. */
  ask(name: PrincipalName, canonicalize: boolean): Promise<Credential> {
    const wantsTgt = grantingRealm({ server: { realm: this.realm, name } }) !== undefined;
    const serves = (server: Principal): boolean => {
      if (sameName(server.name, name)) return true;
      const to = grantingRealm({ server });
      // A KDC that has no ticket for the realm asked for may give one for a realm on the way there (section 3.3.1); whatever else it gives
      // under another name is as it was asked to (RFC 6806 sections 6 and 8).
      if (to === undefined) return canonicalize && !wantsTgt;
      return (canonicalize || wantsTgt) && to !== this.realm;
    };
    return askTgs(this.#context, this.#tgt, {
      realm: this.realm,
      service: name,
      options: canonicalize ? KdcOption.CANONICALIZE : 0,
      serves,
      signal: this.#signal,
    });
  }

  /** Whether `credential` is a ticket for another realm instead of one for `name`. */
  leadsOn(credential: Credential, name: PrincipalName): boolean {
    if (sameName(credential.server.name, name)) return false;
    return grantingRealm(credential) !== undefined;
  }

  /**
   * A ticket-granting ticket for `target`, or for a realm on the way there: the KDC of this realm is asked for `target` first, then for the
   * realms between, the one that is nearest to `target` first.
   */
  async towards(target: string): Promise<Credential> {
    const between = realmsBetween(this.realm, target, this.#context.settings?.capaths);
    let first: KerberosError | undefined;
    for (const realm of [target, ...between.toReversed()]) {
      if (this.#visited.includes(realm)) continue;
      try {
        return await this.ask(krbtgt(realm), false);
      } catch (error) {
        if (!isKdcError(error, ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN)) throw error;
        first ??= error;
      }
    }
    throw first ?? new ClientError('referral-loop', showText([...this.#visited, target].join(' → '), 400));
  }
}
