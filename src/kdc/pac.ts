import type { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import type { Sid } from '../base/sid.ts';
import { DerError } from '../codec/der/error.ts';
import { decode, encode } from '../codec/der/type.ts';
import { AdIfRelevant } from '../codec/krb5/authorization-data.ts';
import { AuthorizationData, type PaData, type PrincipalName } from '../codec/krb5/basic.ts';
import { PaPacRequest } from '../codec/krb5/padata.ts';
import { EncTicketPart } from '../codec/krb5/ticket.ts';
import { PacAttribute } from '../pac/attributes-info.ts';
import { checkPacConsistency } from '../pac/consistency.ts';
import { decodeContents } from '../pac/contents.ts';
import { PacError } from '../pac/error.ts';
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
  type TgtTemplate,
} from '../pac/template.ts';
import { type VerifiedPac, verifyOwnServicePac, verifyOwnTgtPac } from '../pac/verify.ts';
import type { PacReason } from '../pac/reason.ts';
import type { Principal } from '../realm/principal.ts';
import { AdType } from '../spec/ad-types.ts';
import { PaType } from '../spec/pa-types.ts';
import { RightRid } from '../spec/right-rids.ts';
import { type Account, accountOf } from './account.ts';
import { findPrincipal } from './names.ts';
import { findPadata } from './padata.ts';
import type { KdcRealm } from './realm.ts';
import { refuse } from './refusal.ts';

/** Whom a PAC is about and when that client logged in. */
interface PacTicket {
  readonly client: Account;
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

/** Stands for the PAC while the ticket signature is made: one zero byte (MS-PAC 2.8.3). */
export const PAC_PLACEHOLDER = new Uint8Array(1);

/** The PAC of a ticket-granting ticket or a ticket for kadmin/changepw. */
export function tgtPac(
  realm: KdcRealm,
  ticket: PacTicket & { readonly pacAttributes: number },
  kdcKey: Key,
  serverKey: Key,
): Uint8Array {
  const template = tgtTemplate(realm, ticket.client, clientName(ticket.cname), serverKey.etype, kdcKey.etype);
  return issueTgtPac(realm.crypto, template, {
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
  const name = clientName(ticket.cname);
  const template = serviceTemplate(realm, ticket.client, name, serverKey.etype, kdcKey.etype);
  return issueServicePac(realm.crypto, template, {
    authTime: ticket.authtime,
    ticketBytes,
    serverKey,
    kdcKey,
  });
}

/**
 * Verifies the PAC of a ticket that this realm has issued, which opened with `key`: its signatures, and that it speaks of the ticket's client.
 * Returns the SID of the account it speaks of. Throws `Refusal`.
 */
export function verifyTicketPac(realm: KdcRealm, part: EncTicketPart, key: Key, server: Principal): Sid {
  try {
    const bytes = findPac(part.authorizationData);
    if (bytes === undefined) refuse('pac-missing');
    const krbtgt = realm.directory.get(realm.krbtgtName);
    const kdcKeys = krbtgt === undefined ? [] : krbtgt.keys.map((one) => one.key);
    const isTgt = server.kind === 'realm';
    const verified = isTgt
      ? verifyOwnTgtPac(realm.crypto, bytes, { serverKey: key, kdcKeys })
      : verifyOwnServicePac(realm.crypto, bytes, {
          serverKey: key,
          kdcKeys,
          ticketBytes: withPlaceholder(part),
        });
    if (typeof verified === 'string') refuse(verified);
    return subjectOf(realm, part, key, verified, isTgt);
  } catch (error) {
    if (error instanceof PacError || error instanceof DerError) refuse('pac-malformed', error.message);
    throw error;
  }
}

function subjectOf(realm: KdcRealm, part: EncTicketPart, key: Key, pac: VerifiedPac, isTgt: boolean): Sid {
  const name = clientName(part.cname);
  const principal = part.crealm === realm.realm ? findPrincipal(realm, part.cname) : undefined;
  const account = principal === undefined ? undefined : accountOf(realm, principal);
  // Nearly every ticket says what we would say of its client now; then nothing needs to be decoded.
  if (account !== undefined && isTgt) {
    const template = tgtTemplate(realm, account, name, key.etype, key.etype);
    if (matchesTemplate(template, pac.bytes, part.authtime)) return account.sid;
  }
  const contents = decodeContents(pac);
  const wrong: PacReason | undefined = checkPacConsistency(contents, {
    cname: name,
    nameType: part.cname.nameType,
    crealm: part.crealm,
    authTime: part.authtime,
    isTgt,
    sid: account?.sid,
  });
  if (wrong !== undefined) refuse(wrong);
  if (contents.logonInfo === undefined) return refuse('pac-no-logon-info');
  return accountSid(contents.logonInfo);
}

/** CLIENT_INFO has the name's parts joined, nothing escaped. */
function clientName(cname: PrincipalName): string {
  return cname.nameString.length === 1 ? (cname.nameString[0] as string) : cname.nameString.join('/');
}

function tgtTemplate(
  realm: KdcRealm,
  account: Account,
  name: string,
  server: number,
  kdc: number,
): TgtTemplate {
  return remembered(realm, account, account.tgtPacs, name, server, kdc, prepareTgtPac);
}

function serviceTemplate(
  realm: KdcRealm,
  account: Account,
  name: string,
  server: number,
  kdc: number,
): ServiceTemplate {
  return remembered(realm, account, account.servicePacs, name, server, kdc, prepareServicePac);
}

function remembered<T>(
  realm: KdcRealm,
  account: Account,
  known: Map<number, T>,
  name: string,
  server: number,
  kdc: number,
  prepare: (identity: PacIdentity, etypes: { server: number; kdc: number }) => T,
): T {
  // A client that logged in under its enterprise name has that in CLIENT_INFO: rare, so not worth keeping.
  if (name !== account.pacName) {
    return prepare({ ...identityOf(realm, account), clientName: name }, { server, kdc });
  }
  const index = server * 256 + kdc;
  let template = known.get(index);
  if (template === undefined)
    known.set(index, (template = prepare(identityOf(realm, account), { server, kdc })));
  return template;
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

/** The PAC among a ticket's authorization data; it stands in an AD-IF-RELEVANT (MS-PAC 2.1). */
function findPac(elements: AuthorizationData | undefined): Uint8Array | undefined {
  for (const { adType, adData } of elements ?? []) {
    if (adType !== AdType.IF_RELEVANT) continue;
    for (const inner of decode(AdIfRelevant, adData))
      if (inner.adType === AdType.WIN2K_PAC) return inner.adData;
  }
  return undefined;
}

function withPlaceholder(part: EncTicketPart): Uint8Array {
  const authorizationData = part.authorizationData?.map((element) => {
    if (element.adType !== AdType.IF_RELEVANT) return element;
    const inner = decode(AdIfRelevant, element.adData);
    if (!inner.some(({ adType }) => adType === AdType.WIN2K_PAC)) return element;
    const emptied = inner.map((one) =>
      one.adType === AdType.WIN2K_PAC ? { ...one, adData: PAC_PLACEHOLDER } : one,
    );
    return { adType: element.adType, adData: encode(AuthorizationData, emptied) };
  });
  return encode(EncTicketPart, { ...part, authorizationData });
}
