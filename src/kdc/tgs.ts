import { nowSeconds } from '../base/ports.ts';
import { encode } from '../codec/der/type.ts';
import { EncTgsRepPart, TgsRep } from '../codec/krb5/kdc.ts';
import { PacAttribute } from '../pac/attributes-info.ts';
import { KdcOption, TicketFlag } from '../spec/flags.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { PaType } from '../spec/pa-types.ts';
import { type Lifetime, lifetimeOf, startOf } from './lifetimes.ts';
import { sameName } from './names.ts';
import { findPadata } from './padata.ts';
import type { KdcRealm, RequestOrigin } from './realm.ts';
import { Refusal, refuse } from './refusal.ts';
import { type Issued, NEVER_USED, rightsOf, sealTicket } from './ticket.ts';
import { sessionEtype, targetPrincipal } from './target.ts';
import { inheritedAuthorizationData } from './steps/authorization-data.ts';
import { checkAsIssued, checkTicketTimes } from './steps/check-ticket-times.ts';
import { checkOnward, checkPath } from './steps/check-path.ts';
import { checkJoinOnly } from './steps/check-client.ts';
import { findServer, serverName } from './steps/find-server.ts';
import { secondTicketKey } from './steps/second-ticket.ts';
import { checkTgsOptions, derivedFlags } from './steps/tgs-options.ts';
import { ticketClient } from './steps/ticket-client.ts';
import { type TgsRequest, type UnverifiedTgsRequest, verifyTgsRequest } from './steps/verify-tgs-request.ts';

/** Answers a TGS-REQ (RFC 4120 section 3.3). Throws `Refusal`. */
export function answerTgs(realm: KdcRealm, unverified: UnverifiedTgsRequest, origin: RequestOrigin): Issued {
  const now = nowSeconds(realm.clock);
  const request = verifyTgsRequest(realm, unverified, origin, now);
  try {
    return answerVerified(realm, request, now);
  } catch (error) {
    if (error instanceof Refusal) error.client = request.ticket.opened.part;
    throw error;
  }
}

function answerVerified(realm: KdcRealm, request: TgsRequest, now: number): Issued {
  const { body, ticket } = request;
  const { part } = ticket.opened;
  const options = body.kdcOptions;
  const sname = serverName(body);
  const validating = (options & KdcOption.VALIDATE) !== 0;
  const renewing = (options & KdcOption.RENEW) !== 0;

  checkTicketTimes(realm, part, validating, now);
  // How long another realm's tickets live, and what stands in them, is its own affair; ours we know.
  if (ticket.trust === undefined) checkAsIssued(realm, part);
  const transited = ticket.trust === undefined ? part.transited : checkPath(realm, part, ticket.trust);
  // A service's ticket may be renewed or validated; everything else takes a ticket-granting ticket (section 3.3.1).
  const again = renewing || validating;
  if (ticket.server.name !== realm.krbtgtName && !again)
    refuse('not-our-ticket', `It is for ${ticket.server.name}.`);
  refuseOnBehalf(request);
  checkTgsOptions(body, part);
  const client = ticketClient(realm, ticket.opened, now);
  const target = findServer(realm, body, sname, now);
  const server = targetPrincipal(target);
  if (again && (ticket.trust !== undefined || server?.id !== ticket.server.id)) {
    refuse(
      'option-refused',
      'A ticket is renewed or validated by its own realm, for the service that it was issued for.',
    );
  }
  // PROXIABLE allows tickets "(but not a ticket-granting ticket) with a different network address" (section 2.5).
  if ((options & KdcOption.PROXY) !== 0 && (target.trust !== undefined || server?.kind === 'realm'))
    refuse('option-refused', 'No ticket-granting ticket is a proxy.');
  checkOnward(client, target);
  checkJoinOnly(rightsOf(client), target);
  if (server?.name === realm.changepwName) refuse('initial-ticket-required');
  const sealWith =
    (options & KdcOption.ENC_TKT_IN_SKEY) === 0
      ? undefined
      : secondTicketKey(realm, body, target, sname, now);
  if (server?.kind === 'user' && sealWith === undefined) refuse('server-is-user');
  const session = sessionEtype(realm, target, body.etype);

  let lifetime: Lifetime;
  let flags: number;
  if (again) {
    lifetime = renewing ? renewed(request, now) : validated(request, now);
    flags = (part.flags & ~(TicketFlag.INVALID | TicketFlag.INITIAL)) >>> 0;
  } else {
    // Renewed it would go on stating groups of which its realm was not asked again (docs/decisions/0015).
    const renewTill = client.foreign === undefined ? part.renewTill : undefined;
    const parent = { endtime: part.endtime, renewTill };
    lifetime = lifetimeOf(realm, body, startOf(realm, body, now), client.account?.principal, server, parent);
    flags = derivedFlags(options, part, lifetime.renewTill !== undefined);
  }
  // "FORWARDED and PROXY: the addresses of the new ticket are those of the request" (section 3.3.3); otherwise they stay.
  const caddr = (options & (KdcOption.FORWARDED | KdcOption.PROXY)) !== 0 ? body.addresses : part.caddr;
  const sealed = sealTicket(realm, {
    target,
    sealWith,
    client,
    cname: part.cname,
    crealm: part.crealm,
    flags,
    sessionEtype: session,
    transited,
    authtime: part.authtime,
    lifetime,
    caddr,
    inherited: inheritedAuthorizationData(realm, request),
    pacAttributes: ticket.opened.pacAttributes ?? PacAttribute.WAS_GIVEN_IMPLICITLY,
  });
  const replyPart = encode(EncTgsRepPart, {
    key: { keytype: session, keyvalue: sealed.sessionKey.bytes },
    lastReq: NEVER_USED,
    nonce: body.nonce,
    flags,
    authtime: part.authtime,
    starttime: lifetime.starttime,
    endtime: lifetime.endtime,
    renewTill: lifetime.renewTill,
    srealm: realm.realm,
    sname: target.sname,
    caddr,
  });
  const usage = request.replyKeyIsSubkey
    ? KeyUsage.TGS_REP_ENC_PART_SUBKEY
    : KeyUsage.TGS_REP_ENC_PART_SESSION_KEY;
  const reply = encode(TgsRep, {
    pvno: 5,
    msgType: 13,
    crealm: part.crealm,
    cname: part.cname,
    ticket: sealed.ticket,
    encPart: {
      etype: request.replyKey.etype,
      cipher: realm.crypto.encrypt(request.replyKey, usage, replyPart),
    },
  });
  return {
    reply,
    client: part,
    ticketEtype: sealed.ticket.encPart.etype,
    sessionEtype: session,
    replyEtype: request.replyKey.etype,
    rights: sealed.rights,
    subject: client,
    // Whoever asks for the ticket of another realm by name is not referred.
    referredTo: target.sname === sname || sameName(target.sname, sname) ? undefined : target.trust?.realm,
  };
}

/**
 * S4U2Self, by name (MS-SFU 2.2.1) or by certificate (2.2.2). Neither may be ignored: then the service would get a ticket that speaks for itself, and take
 * it for the user's.
 */
function refuseOnBehalf({ padata }: TgsRequest): void {
  for (const type of [PaType.FOR_USER, PaType.S4U_X509_USER])
    if (findPadata(padata, type) !== undefined)
      refuse('s4u-refused', `Its preauthentication data has the type ${type}.`);
}

/**
 * "RENEW: … the ticket is renewed if the renew-till in it has not passed"; the new one lives as long as the old one did, from now on, but not beyond
 * renew-till (section 3.3.3).
 */
function renewed({ ticket }: TgsRequest, now: number): Lifetime {
  const { part } = ticket.opened;
  const renewTill = part.renewTill ?? 0;
  if (renewTill <= now) refuse('renewal-ended');
  const life = part.endtime - (part.starttime ?? part.authtime);
  return { starttime: now, endtime: Math.min(renewTill, now + life), renewTill };
}

/** "VALIDATE: … if the starttime has come, the ticket is issued without INVALID" (section 3.3.3); its times stay. */
function validated({ ticket }: TgsRequest, now: number): Lifetime {
  const { part } = ticket.opened;
  const starttime = part.starttime ?? part.authtime;
  if (starttime > now) refuse('ticket-not-yet-valid', `It starts in ${starttime - now} seconds.`);
  return { starttime, endtime: part.endtime, renewTill: part.renewTill };
}
