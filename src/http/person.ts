import type { Key } from '../base/key.ts';
import { type Sid, splitRid } from '../base/sid.ts';
import { DerError } from '../codec/der/error.ts';
import { encodeWithoutPac, findPac } from '../codec/krb5/find-pac.ts';
import type { EncTicketPart } from '../codec/krb5/ticket.ts';
import type { Crypto } from '../crypto/crypto.ts';
import { checkPacConsistency } from '../pac/consistency.ts';
import { decodeContents } from '../pac/contents.ts';
import { PacError } from '../pac/error.ts';
import { accountSid, groupSids, type LogonInfo } from '../pac/logon-info.ts';
import { verifyOwnServicePac } from '../pac/verify.ts';
import { formatName } from '../realm/name.ts';
import { RightRid } from '../spec/right-rids.ts';
import type { Person } from './caller.ts';
import { TicketError } from './ticket-error.ts';

/** What a service ticket of ours is read with. */
export interface PersonOptions {
  /** Our realm and its SID. */
  readonly realm: string;
  readonly sid: Sid;
  readonly crypto: Crypto;
  /** The key that opened the ticket: the service's. */
  readonly serverKey: Key;
  /** Keys of krbtgt of every version that is alive. */
  readonly kdcKeys: readonly Key[];
}

/**
 * The person whom a service ticket of our realm speaks for. Its PAC must have all four signatures of ours, and speak of the ticket's client;
 * then it says who has which right (docs/decisions/0003): an account of ours by a RID among its GroupIds, one of another realm by our SID and
 * the RID among its ExtraSids. Whoever comes from a realm without PACs (of the kind `mit`) has neither groups nor rights.
 *
 * The ticket is as old as it is: what has changed since about the account is not in it. `rights.join` is the right Join-Realm itself; an
 * Administrator may join devices, too. Throws `TicketError`.
 */
export function personOf(part: EncTicketPart, options: PersonOptions): Person {
  return subjectOf(part, options).person;
}

/** The person of `personOf`, and the SID of the account; `undefined` where the realm has none. */
export interface TicketSubject {
  readonly person: Person;
  readonly sid: Sid | undefined;
}

/** As `personOf`, with the account's SID, which is what it is known by. */
export function subjectOf(part: EncTicketPart, options: PersonOptions): TicketSubject {
  try {
    const info = verifiedLogonInfo(part, options);
    const realm = part.crealm;
    if (info === undefined) {
      const name = formatName(part.cname.nameString);
      return { person: { realm, name, rights: rightsOf([]), groups: [] }, sid: undefined };
    }
    const rights = rightsOf(rightRids(part, info, options));
    return {
      person: { realm, name: nameOf(part, info), rights, groups: groupSids(info) },
      sid: accountSid(info),
    };
  } catch (error) {
    if (error instanceof PacError || error instanceof DerError)
      throw new TicketError('pac-malformed', error.message);
    throw error;
  }
}

/** Deny by default; of several rights to log in the highest wins. */
export function rightsOf(rids: readonly number[]): Person['rights'] {
  const has = (right: keyof typeof RightRid): boolean => rids.includes(RightRid[right]);
  const login = has('Administrator') ? 'Administrator' : has('Viewer') ? 'Viewer' : undefined;
  return { login, join: has('Join-Realm') };
}

function verifiedLogonInfo(part: EncTicketPart, options: PersonOptions): LogonInfo | undefined {
  const { realm, crypto, serverKey, kdcKeys } = options;
  const bytes = findPac(part.authorizationData);
  if (bytes === undefined) {
    // Every account of ours has one, whatever its client asked for.
    if (part.crealm === realm) throw new TicketError('pac-missing');
    return undefined;
  }
  const pac = verifyOwnServicePac(crypto, bytes, { serverKey, kdcKeys, ticketBytes: encodeWithoutPac(part) });
  if (typeof pac === 'string') throw new TicketError(pac);
  const contents = decodeContents(pac);
  const wrong = checkPacConsistency(contents, {
    cname: part.cname.nameString.join('/'),
    nameType: part.cname.nameType,
    crealm: part.crealm,
    authTime: part.authtime,
    isTgt: false,
  });
  if (wrong !== undefined) throw new TicketError(wrong);
  return contents.logonInfo;
}

/**
 * One name for one account: an enterprise name, or other letter case, is another way to write it, and the PAC was found to be of this client. Names of
 * several parts have no other way to be written.
 */
function nameOf({ cname }: EncTicketPart, info: LogonInfo): string {
  return formatName(cname.nameString.length === 1 ? [info.effectiveName] : cname.nameString);
}

/** RIDs of our SID that say what the account may do, from where our KDC writes them, and from nowhere else. */
function rightRids(part: EncTicketPart, info: LogonInfo, { realm, sid }: PersonOptions): readonly number[] {
  const isOwn = info.logonDomainId === sid;
  if (part.crealm === realm && !isOwn) throw new TicketError('pac-foreign-account');
  if (part.crealm !== realm && isOwn) throw new TicketError('pac-own-account');
  const stated = isOwn ? { ...info, extraSids: [] } : { ...info, groupIds: [] };
  const sids = groupSids({ ...stated, resourceGroupDomainSid: undefined });
  return sids.flatMap((one) => {
    const split = splitRid(one);
    return split?.domain === sid ? [split.rid] : [];
  });
}
