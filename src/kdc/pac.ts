import type { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import type { Sid } from '../base/sid.ts';
import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import { encodeWithoutPac, findPac } from '../codec/krb5/find-pac.ts';
import type { PaData, PrincipalName } from '../codec/krb5/basic.ts';
import { PaPacRequest } from '../codec/krb5/padata.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import { PacAttribute, statedAttributes } from '../pac/attributes-info.ts';
import { checkPacConsistency } from '../pac/consistency.ts';
import { decodeContents } from '../pac/contents.ts';
import { PacError } from '../pac/error.ts';
import { filterForeignPac } from '../pac/foreign.ts';
import { accountSid } from '../pac/logon-info.ts';
import { netbiosName, ownIdentity } from '../pac/own-account.ts';
import {
  issueServicePac,
  issueTgtPac,
  matchesTemplate,
  type PacIdentity,
  prepareServicePac,
  prepareTgtPac,
  type ServiceTemplate,
  type SigningEtypes,
  type TgtTemplate,
} from '../pac/template.ts';
import { type VerifiedPac, verifyForeignPac, verifyOwnServicePac, verifyOwnTgtPac } from '../pac/verify.ts';
import type { Principal } from '../realm/principal.ts';
import { isInbound, type Trust, trustedDomains } from '../realm/trust.ts';
import { PaType } from '../spec/pa-types.ts';
import { RightRid } from '../spec/right-rids.ts';
import { type Account, accountOf } from './account.ts';
import { type ForeignUser, foreignUser } from './foreign-user.ts';
import { findPrincipal, isReadByKdc } from './names.ts';
import { findPadata } from './padata.ts';
import type { KdcRealm } from './realm.ts';
import { refuse } from './refusal.ts';
import type { TicketClient } from './steps/ticket-client.ts';
import type { TicketKeys, TicketTarget } from './target.ts';
import type { OpenedTicket } from './ticket-memory.ts';
import { transitedRealms } from './transited.ts';

/** Whom a PAC is about and when that client logged in. */
interface PacTicket {
  readonly client: TicketClient;
  readonly cname: PrincipalName;
  readonly authtime: Seconds;
}

/**
 * ATTRIBUTES_INFO for what the client said about a PAC in PA-PAC-REQUEST (MS-KILE 2.2.3). Every ticket has one all the same: it is where the
 * account's SID stands.
 */
export function requestedPac(padata: readonly PaData[] | undefined): number {
  const value = findPadata(padata, PaType.PAC_REQUEST);
  if (value === undefined) return PacAttribute.WAS_GIVEN_IMPLICITLY;
  return decode(PaPacRequest, value).includePac ? PacAttribute.WAS_REQUESTED : 0;
}

/** The PAC of a ticket that a KDC will read: a ticket-granting ticket of this realm or for another, or a ticket for kadmin/changepw. */
export function tgtPac(
  realm: KdcRealm,
  ticket: PacTicket & { readonly pacAttributes: number; readonly target: TicketTarget },
  { crypto, key: serverKey, kdc: { key: kdcKey } }: TicketKeys,
): Uint8Array {
  const etypes = { server: serverKey.etype, kdc: kdcKey.etype };
  const template = tgtTemplate(realm, ticket.client, clientName(ticket.cname), etypes, ticket.target.trust);
  return issueTgtPac(crypto, template, {
    authTime: ticket.authtime,
    attributes: ticket.pacAttributes,
    serverKey,
    kdcKey,
  });
}

/** The PAC of a service ticket; `ticketBytes` is its EncTicketPart with `PAC_PLACEHOLDER` in the PAC's place. */
export function servicePac(
  realm: KdcRealm,
  ticket: PacTicket,
  kdcKey: Key,
  serverKey: Key,
  ticketBytes: Uint8Array,
): Uint8Array {
  const etypes = { server: serverKey.etype, kdc: kdcKey.etype };
  const template = serviceTemplate(realm, ticket.client, clientName(ticket.cname), etypes);
  return issueServicePac(realm.crypto, template, {
    authTime: ticket.authtime,
    ticketBytes,
    serverKey,
    kdcKey,
  });
}

/** Whom a ticket speaks for, and what its PAC says of itself. */
export type WhoIsIt = Pick<OpenedTicket, 'sid' | 'foreign' | 'pacAttributes'>;

/**
 * Verifies the PAC of a ticket that this realm has issued, which opened with `key`: its signatures, and that it speaks of the ticket's client.
 * Returns who that is: the SID of an account of ours, or a user of a trusted realm. Throws `Refusal`.
 */
export function verifyOwnPac(realm: KdcRealm, part: EncTicketPart, key: Key, server: Principal): WhoIsIt {
  return orMalformed(() => {
    const trust = part.crealm === realm.realm ? undefined : trustOf(realm, part);
    const bytes = findPac(part.authorizationData);
    if (bytes === undefined) {
      if (trust?.kind === 'mit') return nameAlone(realm, part, trust);
      return refuse('pac-missing');
    }
    const krbtgt = realm.directory.get(realm.krbtgtName);
    const kdcKeys = krbtgt === undefined ? [] : krbtgt.keys.map((one) => one.key);
    const isTgt = isReadByKdc(realm, server);
    const verified = isTgt
      ? verifyOwnTgtPac(realm.crypto, bytes, { serverKey: key, kdcKeys })
      : verifyOwnServicePac(realm.crypto, bytes, {
          serverKey: key,
          kdcKeys,
          ticketBytes: encodeWithoutPac(part),
        });
    if (typeof verified === 'string') return refuse(verified);
    const pacAttributes = statedAttributes(verified);
    if (trust !== undefined) {
      const foreign = filtered(realm, part, realm.realm, verified, trust, isTgt);
      return { sid: undefined, foreign, pacAttributes };
    }
    return { sid: ownSubject(realm, part, key, verified, isTgt), foreign: undefined, pacAttributes };
  });
}

/**
 * Verifies the PAC of a ticket-granting ticket that a trusted realm has issued for ours and that opened with `key`, the trust's: its server
 * signature, that it speaks of the ticket's client, and that the trust lets such a client in; and takes out of it what that realm has no
 * say in. An AD realm's ticket without PAC is refused (CVE-2026-11861); an MIT realm's PAC means nothing here. Throws `Refusal`.
 */
export function verifyTrustPac(realm: KdcRealm, part: EncTicketPart, key: Key, trust: Trust): WhoIsIt {
  if (trust.kind === 'mit') return nameAlone(realm, part, trust);
  return orMalformed(() => {
    const bytes = findPac(part.authorizationData);
    if (bytes === undefined) return refuse('foreign-pac-missing', `It was issued by ${trust.realm}.`);
    const verified = verifyForeignPac(realm.trustCrypto, bytes, key);
    if (typeof verified === 'string') return refuse(verified);
    const foreign = filtered(realm, part, trust.realm, verified, trust, true);
    return { sid: undefined, foreign, pacAttributes: statedAttributes(verified) };
  });
}

/** A user of an MIT realm. */
function nameAlone(realm: KdcRealm, part: EncTicketPart, trust: Trust): WhoIsIt {
  return {
    sid: undefined,
    foreign: foreignUser(trust, realm.sid, part, undefined),
    pacAttributes: undefined,
  };
}

function filtered(
  realm: KdcRealm,
  part: EncTicketPart,
  issuer: string,
  pac: VerifiedPac,
  trust: Trust,
  isTgt: boolean,
): ForeignUser {
  const known = isTgt ? realm.visitors.find(issuer, part, pac, trust) : undefined;
  if (known !== undefined) return known;
  const contents = decodeContents(pac);
  const wrong = checkPacConsistency(contents, {
    cname: clientName(part.cname),
    nameType: part.cname.nameType,
    crealm: part.crealm,
    authTime: part.authtime,
    isTgt,
  });
  if (wrong !== undefined) return refuse(wrong);
  const result = filterForeignPac(contents, { ownSid: realm.sid, domains: trustedDomains(trust) });
  if (typeof result === 'string') return refuse(result);
  const user = foreignUser(trust, realm.sid, part, { filtered: result, upnDnsInfo: contents.upnDnsInfo });
  if (isTgt) realm.visitors.remember(issuer, part, pac, user);
  return user;
}

/**
 * The trust over which the client of a ticket of ours came: the one with the last realm of its path, which `checkPath` has written there. The
 * client's realm would not tell: a realm behind one trust may have a trust of its own, with other rights.
 */
function trustOf(realm: KdcRealm, { crealm, transited }: EncTicketPart): Trust {
  const last = transitedRealms(transited).at(-1) ?? crealm;
  const trust = realm.trusts.find(last);
  if (trust === undefined || !isInbound(trust) || (last !== crealm && !trust.transits.includes(crealm)))
    return refuse('foreign-client', `It belongs to ${crealm}.`);
  return trust;
}

function ownSubject(realm: KdcRealm, part: EncTicketPart, key: Key, pac: VerifiedPac, isTgt: boolean): Sid {
  const name = clientName(part.cname);
  const principal = findPrincipal(realm, part.cname);
  const account = principal === undefined ? undefined : accountOf(realm, principal);
  // Nearly every ticket says what we would say of its client now; then nothing needs to be decoded.
  if (account !== undefined && isTgt) {
    const template = tgtTemplate(
      realm,
      { account, foreign: undefined },
      name,
      { server: key.etype, kdc: key.etype },
      undefined,
    );
    if (matchesTemplate(template, pac.bytes, part.authtime)) return account.sid;
  }
  const contents = decodeContents(pac);
  const wrong = checkPacConsistency(contents, {
    cname: name,
    nameType: part.cname.nameType,
    crealm: part.crealm,
    authTime: part.authtime,
    isTgt,
    sid: account?.sid,
  });
  if (wrong !== undefined) return refuse(wrong);
  if (contents.logonInfo === undefined) return refuse('pac-no-logon-info');
  return accountSid(contents.logonInfo);
}

function orMalformed<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PacError || error instanceof DerError) return refuse('pac-malformed', error.message);
    throw error;
  }
}

/** CLIENT_INFO has the name's parts joined, nothing escaped. */
function clientName(cname: PrincipalName): string {
  return cname.nameString.length === 1 ? (cname.nameString[0] as string) : cname.nameString.join('/');
}

/**
 * Towards ourselves the PAC of our own user goes without UPN_DNS_INFO: account name and SID stand in LOGON_INFO and REQUESTER_SID, and an
 * AS-REP should fit into one datagram (docs/decisions/0012). `towards`: the realm that will read it, where that is
 * another. Where it runs realmward, it may keep the rights that we state, so those of users of other realms go there, too (docs/decisions/0003).
 */
function tgtTemplate(
  realm: KdcRealm,
  client: TicketClient,
  name: string,
  etypes: SigningEtypes,
  towards: Trust | undefined,
): TgtTemplate {
  if (client.foreign !== undefined) {
    const { tgtPacs, abroad: identity, here } = client.foreign;
    if (towards?.kind === 'realmward') return prepareTgtPac(known(here), etypes);
    return remembered(tgtPacs, etypes, () => prepareTgtPac(known(identity), etypes));
  }
  const { account } = client;
  // A client that logged in under its enterprise name has that in CLIENT_INFO: rare, so not worth keeping.
  if (name !== account.pacName)
    return prepareTgtPac({ ...identityOf(realm, account), clientName: name }, etypes);
  if (towards !== undefined) return prepareTgtPac(identityOf(realm, account), etypes);
  return remembered(account.tgtPacs, etypes, () =>
    prepareTgtPac({ ...identityOf(realm, account), upnDnsInfo: undefined }, etypes),
  );
}

function serviceTemplate(
  realm: KdcRealm,
  client: TicketClient,
  name: string,
  etypes: SigningEtypes,
): ServiceTemplate {
  if (client.foreign !== undefined) {
    const { servicePacs, here } = client.foreign;
    return remembered(servicePacs, etypes, () => prepareServicePac(known(here), etypes));
  }
  const { account } = client;
  if (name !== account.pacName) {
    return prepareServicePac({ ...identityOf(realm, account), clientName: name }, etypes);
  }
  return remembered(account.servicePacs, etypes, () => prepareServicePac(identityOf(realm, account), etypes));
}

function remembered<T>(templates: Map<number, T>, { server, kdc }: SigningEtypes, prepare: () => T): T {
  const index = server * 256 + kdc;
  let template = templates.get(index);
  if (template === undefined) templates.set(index, (template = prepare()));
  return template;
}

function known(identity: PacIdentity | undefined): PacIdentity {
  if (identity === undefined) throw new Error('a user of an MIT realm has no PAC');
  return identity;
}

function identityOf(realm: KdcRealm, account: Account): PacIdentity {
  const { principal } = account;
  return ownIdentity(
    { realm: realm.realm, netbios: netbiosName(realm.realm), sid: realm.sid },
    {
      name: account.pacName,
      rid: principal.rid,
      rightRid: principal.right === undefined ? undefined : RightRid[principal.right],
      passwordChanged: principal.passwordChanged,
      passwordExpires: principal.passwordExpires,
      expires: principal.expires,
    },
  );
}
