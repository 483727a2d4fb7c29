/** A service ticket, opened and read as its device does. */
import { RealmwardError } from '../base/errors.ts';
import {
  ApError,
  type ClientContext,
  type Credential,
  indicatorsOf,
  showPrincipal,
} from '../client/index.ts';
import type { Sid } from '../base/sid.ts';
import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import { ETYPES } from '../codec/explain/names.ts';
import { findPac } from '../codec/krb5/find-pac.ts';
import { EncTicketPart } from '../codec/krb5/ticket.ts';
import { decodeContents } from '../pac/contents.ts';
import { PacError } from '../pac/error.ts';
import { groupSids } from '../pac/logon-info.ts';
import { verifyForeignPac } from '../pac/verify.ts';
import type { PrincipalKey } from '../realm/principal.ts';
import { type Right, RIGHTS } from '../realm/right.ts';
import { KeyUsage } from '../spec/key-usages.ts';
import { RIGHT_INDICATOR } from '../spec/right-indicators.ts';
import { Diagnosis } from './diagnosis.ts';

type Crypto = ClientContext['crypto'];

/** A key of the device. */
export type DeviceKey = Pick<PrincipalKey, 'kvno' | 'key'>;

/** What a device finds in a ticket. */
export interface OpenedTicket {
  readonly key: DeviceKey;
  /** Rights that the ticket states. */
  readonly rights: readonly Right[];
  /** Groups that its PAC states; none without one. */
  readonly groups: readonly Sid[];
}

/** Opens a service ticket with the device's keys. Throws `Diagnosis` at the step `key` or `right`. */
export function openServiceTicket(
  crypto: Crypto,
  { ticket, server }: Credential,
  keys: readonly DeviceKey[],
): OpenedTicket {
  const { etype, kvno, cipher } = ticket.encPart;
  for (const key of keys) {
    if (key.key.etype !== etype) continue;
    let plain: Uint8Array;
    try {
      plain = crypto.decrypt(key.key, KeyUsage.TICKET, cipher);
    } catch (error) {
      if (error instanceof RealmwardError && error.code === 'integrity') continue;
      throw error;
    }
    return wellFormed(() => {
      const part = decode(EncTicketPart, plain);
      return { key, rights: rightsIn(crypto, part, key), groups: groupsIn(crypto, part, key) };
    });
  }
  const made = `${ETYPES.get(etype) ?? `encryption type ${etype}`}${kvno === undefined ? '' : `, key version ${kvno}`}`;
  const has = keys
    .map((one) => `${ETYPES.get(one.key.etype) ?? one.key.etype} version ${one.kvno}`)
    .join(', ');
  const isOlder = kvno !== undefined && keys.length > 0 && keys.every((one) => one.kvno < kvno);
  throw new Diagnosis(
    'key',
    'wrong-device-key',
    `No key of ${showPrincipal(server)} opens the ticket, which is made with ${made}; there are ${has === '' ? 'none' : has}.`,
    isOlder
      ? 'The device has an old key: export its keytab anew, or let it join again.'
      : 'Either the device has another key than the realm, which a new keytab helps against, or it was not the KDC of this realm that answered.',
  );
}

/** Rights as the device finds them: docs/decisions/0003. */
function rightsIn(crypto: Crypto, ticket: EncTicketPart, ticketKey: DeviceKey): Right[] {
  try {
    const stated = indicatorsOf(crypto, { ticket, ticketKey });
    return RIGHTS.filter((right) => stated.includes(RIGHT_INDICATOR + right));
  } catch (error) {
    if (!(error instanceof ApError)) throw error;
    throw new Diagnosis('right', 'other', error.message, error.hint);
  }
}

function groupsIn(crypto: Crypto, part: EncTicketPart, { key }: DeviceKey): Sid[] {
  const bytes = findPac(part.authorizationData);
  if (bytes === undefined) return [];
  // The server signature is made with the key of whom the ticket is for, a trusted realm or a service.
  const pac = verifyForeignPac(crypto, bytes, key);
  if (typeof pac === 'string')
    throw new Diagnosis('right', 'pac-refused', `The PAC is not signed with the device's key (${pac}).`);
  const { logonInfo } = decodeContents(pac);
  return logonInfo === undefined ? [] : groupSids(logonInfo);
}

function wellFormed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PacError || error instanceof DerError)) throw error;
    throw new Diagnosis('right', 'other', `What the ticket holds is not well-formed: ${error.message}`);
  }
}
