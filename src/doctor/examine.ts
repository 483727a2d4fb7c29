/** What a ticket that came over a trust says, read with the trust's keys as our KDC reads it. */
import { fromUtf8 } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import type { Seconds } from '../base/ports.ts';
import type { Sid } from '../base/sid.ts';
import type { ClientContext } from '../client/index.ts';
import { showPrincipal } from '../client/index.ts';
import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import { CHECKSUM_TYPES, ETYPES, PAC_BUFFERS } from '../codec/explain/names.ts';
import { findPac } from '../codec/krb5/find-pac.ts';
import { EncTicketPart, type Ticket } from '../codec/krb5/ticket.ts';
import { checkPacConsistency } from '../pac/consistency.ts';
import { decodeContents, type PacContents } from '../pac/contents.ts';
import { PacError } from '../pac/error.ts';
import { type DroppedSid, type FilteredPac, filterForeignPac } from '../pac/foreign.ts';
import { accountSid } from '../pac/logon-info.ts';
import { decodePac, findBuffer, type Pac } from '../pac/pac.ts';
import type { PacReason } from '../pac/reason.ts';
import { type VerifiedPac, verifyForeignPac } from '../pac/verify.ts';
import type { PrincipalKey } from '../realm/principal.ts';
import { trustedDomains } from '../realm/trust.ts';
import type { TrustRecord } from '../realm/trust-settings.ts';
import { Etype } from '../spec/etypes.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { PacBuffer } from '../spec/pac-buffers.ts';
import { Diagnosis } from './diagnosis.ts';
import type { Steps } from './steps.ts';

/** What a ticket is examined with. */
export interface Examination {
  readonly crypto: ClientContext['crypto'];
  readonly trust: TrustRecord;
  readonly us: { readonly realm: string; readonly sid: Sid };
  readonly now: Seconds;
  readonly clockSkew: Seconds;
  /** The sentence and the hint for a reason to refuse a PAC. */
  readonly sentence: (reason: PacReason) => { readonly text: string; readonly hint: string };
}

/** Who a ticket brings, as far as rights are concerned. */
export interface Arrival {
  /** `name@REALM`. */
  readonly client: string;
  /** The account's SID; `undefined` without a PAC. */
  readonly account: Sid | undefined;
  /** Groups that count. */
  readonly groups: readonly Sid[];
  /** SIDs that the trust takes out. */
  readonly dropped: readonly DroppedSid[];
}

/** Takes the steps from `key` to `groups`. Throws `Diagnosis` at the first that fails. */
export function examineTicket(examination: Examination, ticket: Ticket, steps: Steps): Arrival {
  const { trust } = examination;
  const { part, key, generation } = openTicket(examination, ticket);
  steps.seen(
    'key',
    `It opens with the ${generation} secret's key of ${etype(key.key.etype)}, version ${key.kvno} here.`,
  );
  const client = showPrincipal({ realm: part.crealm, name: part.cname });
  steps.seen('client', checkClient(examination, part, client));
  if (trust.kind === 'mit') {
    steps.seen('PAC', 'None is looked for: a realm of the kind mit has no say in groups.');
    return { client, account: undefined, groups: [], dropped: [] };
  }
  const bytes = readPac(part, trust);
  const pac = decoded(() => decodePac(bytes));
  steps.seen(
    'PAC',
    `${bytes.length} bytes: ${pac.buffers.map(({ type }) => PAC_BUFFERS.get(type) ?? `buffer ${type}`).join(', ')}.`,
  );
  const verified = verify(examination, bytes, key);
  steps.seen('signatures', signatureSentence(pac));
  const contents = decoded(() => decodeContents(verified));
  const filtered = identify(examination, part, contents);
  const account = accountSid(filtered.logonInfo);
  steps.seen(
    'identity',
    `${filtered.logonInfo.logonDomainName}\\${filtered.logonInfo.effectiveName} is ${account}; all names and SIDs agree.`,
  );
  steps.seen('groups', groupSentence(filtered));
  return { client, account, groups: filtered.groups, dropped: filtered.dropped };
}

interface Opened {
  readonly part: EncTicketPart;
  readonly key: PrincipalKey;
  readonly generation: 'current' | 'previous';
}

/** Tries the keys as our KDC does, and then those that it would not try, to learn what is wrong. */
function openTicket({ crypto, trust, us }: Examination, { encPart, sname, realm }: Ticket): Opened {
  const them = trust.realm;
  const type = etype(encPart.etype);
  const attempt = (keys: readonly PrincipalKey[]): { key: PrincipalKey; plain: Uint8Array } | undefined => {
    for (const key of keys) {
      if (key.key.etype !== encPart.etype) continue;
      try {
        return { key, plain: crypto.decrypt(key.key, KeyUsage.TICKET, encPart.cipher) };
      } catch (error) {
        if (!(error instanceof RealmwardError && error.code === 'integrity')) throw error;
      }
    }
    return undefined;
  };
  if (
    realm !== them ||
    sname.nameString.length !== 2 ||
    sname.nameString[0] !== 'krbtgt' ||
    sname.nameString[1] !== us.realm
  ) {
    throw new Diagnosis(
      'key',
      'other',
      `The ticket is for ${showPrincipal({ realm, name: sname })}, and not for krbtgt/${us.realm}@${them}.`,
    );
  }
  const { inbound, outbound } = trust.keys;
  const opened = attempt(inbound);
  if (opened === undefined) {
    if (attempt(outbound) !== undefined) {
      throw new Diagnosis(
        'key',
        'wrong-salt-side',
        `The ticket opens with the key of the other direction: ${them} has made its key with the salt ${us.realm}krbtgt${them} instead of ${them}krbtgt${us.realm}.`,
        `Make the key of krbtgt/${us.realm}@${them} anew there, from the same secret and with its own default salt.`,
      );
    }
    throw inbound.some(({ key }) => key.etype === encPart.etype)
      ? otherSecret(trust, us.realm)
      : new Diagnosis(
          'key',
          'enctype-not-enabled',
          `${them} made the ticket with ${type}, of which this trust has no key here: AES is not switched on for it there.`,
          aesFix(trust, us.realm),
        );
  }
  if (!trust.etypes.includes(encPart.etype)) {
    throw new Diagnosis(
      'key',
      'enctype-not-enabled',
      `${them} made the ticket with ${type}, which this trust does not use here (${trust.etypes.map(etype).join(', ')}).`,
      `Add it to the enctypes of the trust, in the configuration or with "realmward trust set ${them} --enctypes".`,
    );
  }
  const generation = opened.key.kvno === inbound[0]?.kvno ? 'current' : 'previous';
  try {
    return { part: decode(EncTicketPart, opened.plain), key: opened.key, generation };
  } catch (error) {
    throw new Diagnosis(
      'key',
      'other',
      `What the ticket holds is not well-formed: ${(error as Error).message}`,
    );
  }
}

function otherSecret({ realm: them, kind }: TrustRecord, us: string): Diagnosis {
  const lower = [us, them].filter((realm) => realm !== realm.toUpperCase());
  if (kind === 'ad' && lower.length > 0) {
    return new Diagnosis(
      'key',
      'realm-case',
      `No key of the trust opens the ticket. Active Directory makes its keys with the names of both realms in upper case, and ${lower.join(' and ')} ${lower.length > 1 ? 'are' : 'is'} not.`,
      'A realm that AD trusts has a name in upper case, and AD itself is trusted under its name in upper case.',
    );
  }
  return new Diagnosis(
    'key',
    'wrong-secret',
    'No key of the trust opens the ticket, neither the current one nor the one before it: the two sides have different secrets.',
    `Give both sides the same secret: "realmward trust rotate ${them}" here, and what that prints there. The names ${them} and ${us} must be written on both sides exactly so, as keys are made with them.`,
  );
}

/** Where AES is switched on for a trust at the other side. */
export function aesFix({ kind, realm: them, etypes }: TrustRecord, us: string): string {
  if (kind === 'ad' && etypes.every((etype) => etype === Etype.RC4_HMAC))
    return `In AD set msDS-SupportedEncryptionTypes of the trust with ${us} to 36: RC4 tickets with AES session keys in them. Better: let both sides use AES altogether.`;
  return kind === 'ad'
    ? `In AD tick "The other domain supports Kerberos AES Encryption" in the properties of the trust, or: ksetup /setenctypeattr ${us} AES256-CTS-HMAC-SHA1-96. Then set the secret there again, so that AD makes AES keys of it.`
    : `Give krbtgt/${us}@${them} a key of aes256 there.`;
}

function checkClient({ trust, now, clockSkew }: Examination, part: EncTicketPart, client: string): string {
  const { crealm, transited } = part;
  if (crealm !== trust.realm && !trust.transits.includes(crealm)) {
    throw new Diagnosis(
      'client',
      'not-behind',
      `${client} belongs to ${crealm}, which the trust does not list behind ${trust.realm}.`,
      `Where its users may come by this trust, add ${crealm} to the trust's transits, and its domain SID to domainSid.`,
    );
  }
  const start = part.starttime ?? part.authtime;
  if (start > now + clockSkew) {
    throw new Diagnosis(
      'client',
      'skew',
      `The ticket begins ${start - now} seconds from now: by more than ${clockSkew} seconds the clock there is ahead of ours.`,
      'Let both sides ask the same time servers.',
    );
  }
  if (part.endtime < now - clockSkew)
    throw new Diagnosis(
      'client',
      'other',
      `The ticket ended ${now - part.endtime} seconds ago.`,
      'Get a new one.',
    );
  const via = transited.contents.length === 0 ? 'directly' : `through ${textOf(transited.contents)}`;
  return `${client} came ${via}; the ticket ends in ${part.endtime - now} seconds.`;
}

function readPac(part: EncTicketPart, trust: TrustRecord): Uint8Array {
  const bytes = decoded(() => findPac(part.authorizationData));
  if (bytes !== undefined) return bytes;
  throw new Diagnosis(
    'PAC',
    'pac-missing',
    'The ticket has no PAC, so nobody knows which account and which groups it speaks of: our KDC refuses it.',
    trust.kind === 'ad'
      ? 'Look at the account in AD: NO_AUTH_DATA_REQUIRED must not be set in its userAccountControl. If that realm is no AD, its kind is mit.'
      : 'Is that realm a realmward realm? If not, its kind is mit.',
  );
}

function verify({ crypto, sentence }: Examination, bytes: Uint8Array, { key }: PrincipalKey): VerifiedPac {
  const verified = decoded(() => verifyForeignPac(crypto, bytes, key));
  if (typeof verified !== 'string') return verified;
  throw refused('signatures', verified, sentence);
}

function signatureSentence(pac: Pac): string {
  const data = findBuffer(pac, PacBuffer.SERVER_CHECKSUM)?.data;
  const type = data === undefined ? 0 : new DataView(data.buffer, data.byteOffset, 4).getInt32(0, true);
  return `The server signature (${CHECKSUM_TYPES.get(type) ?? type}) is right. The KDC's own is made with a key that only that realm has.`;
}

function identify(
  { trust, us, sentence }: Examination,
  part: EncTicketPart,
  contents: PacContents,
): FilteredPac {
  const wrong = checkPacConsistency(contents, {
    cname: part.cname.nameString.join('/'),
    nameType: part.cname.nameType,
    crealm: part.crealm,
    authTime: part.authtime,
    isTgt: true,
  });
  if (wrong !== undefined) throw refused('identity', wrong, sentence);
  const domains = trustedDomains(trust);
  const filtered = filterForeignPac(contents, { ownSid: us.sid, domains });
  if (typeof filtered !== 'string') return filtered;
  const { logonInfo } = contents;
  if (filtered === 'pac-domain-sid' && logonInfo !== undefined) {
    throw new Diagnosis(
      'identity',
      'wrong-domain-sid',
      `The account is of the domain ${logonInfo.logonDomainName}, ${logonInfo.logonDomainId}; the trust lets accounts of ${trust.domainSids.join(', ')} in.`,
      'If that is the right domain, its SID is what domainSid must say; of a child domain add it to the list.',
    );
  }
  if (filtered === 'pac-domain-name' && logonInfo !== undefined) {
    throw new Diagnosis(
      'identity',
      'wrong-netbios',
      `The domain calls itself ${logonInfo.logonDomainName}, the trust ${trust.netbios}.`,
      `If ${logonInfo.logonDomainName} is right, that is what netbios must say.`,
    );
  }
  throw refused('identity', filtered, sentence);
}

function groupSentence({ groups, dropped }: FilteredPac): string {
  const taken = dropped.map(({ sid, why }) => `${sid} (${DROPPED[why]})`);
  const ignored = taken.length === 0 ? '' : ` Not counted: ${taken.join(', ')}.`;
  const count = groups.length === 1 ? '1 group counts' : `${groups.length} groups count`;
  return `${count}${groups.length === 0 ? '' : `: ${groups.join(', ')}`}.${ignored}`;
}

const DROPPED: Readonly<Record<DroppedSid['why'], string>> = {
  'own-domain': "our own realm's",
  'other-domain': 'of a domain that the trust does not name',
  builtin: 'a group of the machine itself',
  'well-known': 'well-known',
};

function refused(
  step: 'PAC' | 'signatures' | 'identity',
  reason: PacReason,
  sentence: Examination['sentence'],
): Diagnosis {
  const { text, hint } = sentence(reason);
  return new Diagnosis(step, 'pac-refused', `${text} (${reason})`, hint);
}

/** What `read` gives; bytes that cannot be read are a PAC that is refused. */
function decoded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PacError || error instanceof DerError)) throw error;
    throw new Diagnosis(
      'PAC',
      'pac-refused',
      `It is not well-formed: ${error.message}`,
      'Not what an honest KDC sends: look at who sends it.',
    );
  }
}

function etype(type: number): string {
  return ETYPES.get(type) ?? `encryption type ${type}`;
}

function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    return 'realms whose names cannot be read';
  }
}
