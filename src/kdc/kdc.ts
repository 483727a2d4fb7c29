import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import { AsReq, type KdcReq, TgsReq } from '../codec/krb5/kdc.ts';
import { formatName } from '../realm/name.ts';
import { NotInMemory } from '../realm/ports.ts';
import { answerAs } from './as.ts';
import type { KdcEvent } from './event.ts';
import { krbError } from './krb-error.ts';
import { displayName, type KdcOptions, type KdcRealm, krbtgtOf, type RequestOrigin } from './realm.ts';
import type { ReasonCode } from './reason.ts';
import { type NamedClient, Refusal, refuse } from './refusal.ts';
import { answerTgs } from './tgs.ts';
import type { Issued } from './ticket.ts';
import { TicketMemory } from './ticket-memory.ts';
import { Throttle } from './throttle.ts';
import { VisitorMemory } from './visitor-memory.ts';

/** The KDC: bytes in, bytes out; `undefined` where silence is the answer. A promise only when the store had to be asked. */
export type Kdc = (
  request: Uint8Array,
  origin: RequestOrigin,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/** First octets: the application tags of AS-REQ and TGS-REQ. */
const AS_REQ = 0x6a;
const TGS_REQ = 0x6c;

/** A request touches few names: client, service, krbtgt, the service of a second ticket. */
const MAX_LOADS = 8;

/** Makes the KDC of a realm. It keeps no state but memories that may be lost at any time. */
export function createKdc(options: KdcOptions): Kdc {
  const krbtgt = krbtgtOf(options.realm);
  const realm: KdcRealm = {
    ...options,
    krbtgt,
    krbtgtName: formatName(krbtgt.nameString),
    changepwName: formatName(['kadmin', 'changepw']),
    accounts: new WeakMap(),
    opened: new TicketMemory(),
    visitors: new VisitorMemory(),
    throttle: new Throttle(options.policy.throttle),
    decoys: new Map(options.policy.etypes.map((etype) => [etype, options.crypto.randomKey(etype)])),
  };
  return (request, origin) => {
    try {
      return answer(realm, request, origin);
    } catch (missing) {
      if (missing instanceof NotInMemory) return answerLater(realm, request, origin, missing);
      throw missing;
    }
  };
}

/** The KRB-ERROR for a request that is longer than a transport accepts (RFC 4120 section 7.2.2). */
export function requestTooLong(options: KdcOptions): Uint8Array | undefined {
  return krbError({ ...options, krbtgt: krbtgtOf(options.realm) }, 'request-too-long', {});
}

/**
 * Brings what was missing into memory and works on the request again from its start: up to there it has changed nothing
 * (docs/decisions/0005).
 */
async function answerLater(
  realm: KdcRealm,
  request: Uint8Array,
  origin: RequestOrigin,
  first: NotInMemory,
): Promise<Uint8Array | undefined> {
  let missing = first;
  for (let loads = 0; loads < MAX_LOADS; loads++) {
    try {
      await realm.directory.load(missing.name);
      return answer(realm, request, origin);
    } catch (error) {
      if (!(error instanceof NotInMemory)) return failed(realm, origin, error);
      missing = error;
    }
  }
  return failed(realm, origin, new Error(`"${missing.name}" does not stay in memory`));
}

function answer(realm: KdcRealm, bytes: Uint8Array, origin: RequestOrigin): Uint8Array | undefined {
  const exchange = bytes[0] === AS_REQ ? 'AS' : bytes[0] === TGS_REQ ? 'TGS' : 'unknown';
  let request: KdcReq | undefined;
  try {
    if (exchange === 'unknown') {
      observe(realm, exchange, origin, undefined, new Refusal('not-a-request'));
      return undefined;
    }
    request = decode(exchange === 'AS' ? AsReq : TgsReq, bytes);
    if (request.pvno !== 5) refuse('wrong-version', `It says it is version ${request.pvno}.`);
    const issued =
      exchange === 'AS' ? answerAs(realm, request, bytes, origin) : answerTgs(realm, request, origin);
    if (issued.reply.length > origin.maxReply) throw tooBig(issued);
    observe(realm, exchange, origin, request, issued);
    return issued.reply;
  } catch (error) {
    if (error instanceof NotInMemory) throw error;
    const refusal = asRefusal(error);
    if (refusal === undefined) return failed(realm, origin, error);
    const reply = krbError(realm, refusal.reason, {
      detail: refusal.detail,
      client:
        refusal.client ??
        (exchange === 'AS' && refusal.reason !== 'wrong-realm' ? requestClient(request) : undefined),
      sname: request?.reqBody.sname,
      eData: refusal.eData,
    });
    observe(realm, exchange, origin, request, refusal);
    // Errors repeat names and salts, so that a forged sender could have us send somebody several times what it sends itself.
    if (reply !== undefined && reply.length > origin.maxReply) return krbError(realm, 'response-too-big', {});
    return reply;
  }
}

function asRefusal(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof DerError) return new Refusal('malformed-request', error.message);
  return undefined;
}

function tooBig(issued: Issued): Refusal {
  const refusal = new Refusal('response-too-big', `It has ${issued.reply.length} bytes.`);
  refusal.client = issued.client;
  return refusal;
}

/** Something that must not happen: the client is told in general words, the log in particular ones. */
function failed(realm: KdcRealm, origin: RequestOrigin, error: unknown): Uint8Array | undefined {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  observe(realm, 'unknown', origin, undefined, new Refusal('internal-error', detail));
  return krbError(realm, 'internal-error', {});
}

function requestClient(request: KdcReq | undefined): NamedClient | undefined {
  const body = request?.reqBody;
  return body?.cname === undefined ? undefined : { cname: body.cname, crealm: body.realm };
}

/** The one place from which events come. */
function observe(
  realm: KdcRealm,
  exchange: KdcEvent['exchange'],
  origin: RequestOrigin,
  request: KdcReq | undefined,
  result: Issued | Refusal,
): void {
  const body = request?.reqBody;
  const client = result.client ?? (exchange === 'AS' ? requestClient(request) : undefined);
  const refusal = result instanceof Refusal ? result : undefined;
  const issued = result instanceof Refusal ? undefined : result;
  realm.observe({
    exchange,
    outcome: refusal === undefined ? 'issued' : outcomeOf(refusal.reason),
    reason: refusal?.reason,
    detail: refusal?.detail,
    transport: origin.transport,
    address: origin.address,
    port: origin.port,
    client: client === undefined ? undefined : displayName(client.cname, client.crealm),
    referredTo: issued?.referredTo,
    server: body?.sname === undefined ? undefined : displayName(body.sname, body.realm),
    offered: body?.etype,
    ticketEtype: issued?.ticketEtype,
    sessionEtype: issued?.sessionEtype,
    replyEtype: issued?.replyEtype,
    right: issued === undefined || issued.rights.length === 0 ? undefined : issued.rights.join(','),
    groups: issued?.subject.foreign?.groups.join(' '),
    wouldGrant: wouldGrant(issued),
  });
}

/** What a report-only trust would have granted. */
function wouldGrant(issued: Issued | undefined): string | undefined {
  const foreign = issued?.subject.foreign;
  if (foreign === undefined || !foreign.trust.reportOnly) return undefined;
  return foreign.found.login ?? (foreign.found.join ? 'Join-Realm' : 'none');
}

function outcomeOf(reason: ReasonCode): KdcEvent['outcome'] {
  switch (reason) {
    case 'preauth-required':
    case 'response-too-big':
    case 'client-referral':
      return 'challenged';
    case 'not-a-request':
      return 'dropped';
    default:
      return 'refused';
  }
}
