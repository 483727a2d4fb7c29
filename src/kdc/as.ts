import { nowSeconds } from '../base/ports.ts';
import { encode } from '../codec/der/type.ts';
import { Checksum, type PaData, type PrincipalName } from '../codec/krb5/basic.ts';
import { AsRep, EncAsRepPart, type KdcReq } from '../codec/krb5/kdc.ts';
import { checksumTypeOf } from '../crypto/etypes.ts';
import { parseName } from '../realm/name.ts';
import { KdcOption, TicketFlag } from '../spec/flags.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { NameType } from '../spec/name-types.ts';
import { PaType } from '../spec/pa-types.ts';
import { etypeInfoOf } from './account.ts';
import { lifetimeOf, startOf } from './lifetimes.ts';
import { isNamed } from './names.ts';
import { findPadata } from './padata.ts';
import type { KdcRealm, RequestOrigin } from './realm.ts';
import { refuse } from './refusal.ts';
import { requestedPac } from './pac.ts';
import { type Issued, NEVER_USED, rightsOf, sealTicket } from './ticket.ts';
import { sessionEtype, targetPrincipal } from './target.ts';
import { NO_TRANSIT } from './transited.ts';
import { refuseTicketOptions } from './steps/as-options.ts';
import { authenticateClient } from './steps/authenticate-client.ts';
import { checkClient, checkJoinOnly, checkPassword } from './steps/check-client.ts';
import { findServer, serverName } from './steps/find-server.ts';
import { referClient } from './steps/refer.ts';
import { servesRealm } from './steps/serves-realm.ts';

/** Answers an AS-REQ (RFC 4120 section 3.1) whose encoding is `raw`. Throws `Refusal`. */
export function answerAs(realm: KdcRealm, request: KdcReq, raw: Uint8Array, origin: RequestOrigin): Issued {
  const body = request.reqBody;
  const now = nowSeconds(realm.clock);
  servesRealm(realm, body);
  refuseTicketOptions(body);
  if (!isNamed(body.cname)) refuse('no-client-name');
  const sname = serverName(body);
  referClient(realm, body.cname);
  const client = authenticateClient(realm, request, body.cname, origin.address, now);
  const account = client.account;
  const principal = account.principal;
  checkClient(principal, now);
  const target = findServer(realm, body, sname, now);
  const server = targetPrincipal(target);
  checkPassword(principal, server?.name, realm.changepwName, now);
  const subject = { account, foreign: undefined };
  checkJoinOnly(rightsOf(subject), target);
  if (server?.kind === 'user') refuse('server-is-user');
  const session = sessionEtype(realm, target, body.etype);
  const lifetime = lifetimeOf(realm, body, startOf(realm, body, now), principal, server);

  const cname = (body.kdcOptions & KdcOption.CANONICALIZE) !== 0 ? canonicalName(principal.name) : body.cname;
  const encPaRep = findPadata(request.padata, PaType.REQ_ENC_PA_REP) !== undefined;
  const flags = initialFlags(body.kdcOptions, lifetime.renewTill !== undefined, encPaRep);
  const sealed = sealTicket(realm, {
    target,
    sealWith: undefined,
    client: subject,
    cname,
    crealm: realm.realm,
    flags,
    sessionEtype: session,
    transited: NO_TRANSIT,
    authtime: now,
    lifetime,
    caddr: body.addresses,
    inherited: undefined,
    pacAttributes: requestedPac(request.padata),
  });
  const part = encode(EncAsRepPart, {
    key: { keytype: session, keyvalue: sealed.sessionKey.bytes },
    lastReq: NEVER_USED,
    nonce: body.nonce,
    keyExpiration: principal.passwordExpires,
    flags,
    authtime: now,
    starttime: lifetime.starttime,
    endtime: lifetime.endtime,
    renewTill: lifetime.renewTill,
    srealm: realm.realm,
    sname: target.sname,
    caddr: body.addresses,
    encryptedPaData: encPaRep ? [requestChecksum(realm, client.key.key, raw)] : undefined,
  });
  const reply = encode(AsRep, {
    pvno: 5,
    msgType: 11,
    padata: [{ padataType: PaType.ETYPE_INFO2, padataValue: etypeInfoOf(realm, account, client.key) }],
    crealm: realm.realm,
    cname,
    ticket: sealed.ticket,
    encPart: {
      etype: client.key.key.etype,
      kvno: client.key.kvno,
      cipher: realm.crypto.encrypt(client.key.key, KeyUsage.AS_REP_ENC_PART, part),
    },
  });
  realm.logins.succeeded(principal, now);
  return {
    reply,
    client: { cname, crealm: realm.realm },
    ticketEtype: sealed.ticket.encPart.etype,
    sessionEtype: session,
    replyEtype: client.key.key.etype,
    rights: sealed.rights,
    subject,
    referredTo: undefined,
  };
}

function initialFlags(options: number, renewable: boolean, encPaRep: boolean): number {
  let flags = TicketFlag.INITIAL | TicketFlag.PRE_AUTHENT;
  if ((options & KdcOption.FORWARDABLE) !== 0) flags |= TicketFlag.FORWARDABLE;
  if ((options & KdcOption.PROXIABLE) !== 0) flags |= TicketFlag.PROXIABLE;
  if ((options & KdcOption.ALLOW_POSTDATE) !== 0) flags |= TicketFlag.MAY_POSTDATE;
  if ((options & KdcOption.POSTDATED) !== 0) flags |= TicketFlag.POSTDATED | TicketFlag.INVALID;
  if (renewable) flags |= TicketFlag.RENEWABLE;
  if (encPaRep) flags |= TicketFlag.ENC_PA_REP;
  return flags >>> 0;
}

/** RFC 6806 section 6: with canonicalize, the KDC answers with the name that the account really has. */
function canonicalName(name: string): PrincipalName {
  return { nameType: NameType.PRINCIPAL, nameString: parseName(name) };
}

/**
 * RFC 6806 section 11: the reply carries PA-REQ-ENC-PA-REP with a checksum of the request "using the reply key and key usage 56", so that
 * the client sees that nobody has changed what it asked for.
 */
function requestChecksum(
  realm: KdcRealm,
  key: Parameters<KdcRealm['crypto']['checksum']>[0],
  raw: Uint8Array,
): PaData {
  return {
    padataType: PaType.REQ_ENC_PA_REP,
    padataValue: encode(Checksum, {
      cksumtype: checksumTypeOf(key.etype),
      checksum: realm.crypto.checksum(key, KeyUsage.AS_REQ_CHECKSUM, raw),
    }),
  };
}
