import { RealmwardError } from '../../base/errors.ts';
import { DerError } from '../der/error.ts';
import { tagName } from '../der/reader.ts';
import { decode } from '../der/type.ts';
import type { Type } from '../der/type.ts';
import { ApRep, ApReq, Authenticator, EncApRepPart } from '../krb5/ap.ts';
import { KrbError } from '../krb5/error.ts';
import { AsRep, AsReq, EncAsRepPart, EncTgsRepPart, TgsRep, TgsReq } from '../krb5/kdc.ts';
import { EncKrbCredPart, EncKrbPrivPart, KrbCred, KrbPriv, KrbSafe } from '../krb5/safe-priv-cred.ts';
import { EncTicketPart, Ticket } from '../krb5/ticket.ts';
import { decodeKdcProxyMessage, type ProxiedMessage } from '../kkdcp.ts';
import { explainDer } from './generic.ts';
import { messageBytes } from './input.ts';
import { readKpasswdParts } from './kpasswd.ts';
import { explainValue } from './message.ts';
import { printable } from './text.ts';
import type { Tree } from './tree.ts';

/**
 * Explains one Kerberos message (fields by the RFC's names, assigned numbers by name, times in ISO form, byte strings of known types
 * decoded further), one inside a KDC-PROXY-MESSAGE, those in a request for a new password and its reply (RFC 3244), or any other DER as a generic tree. `input` is the message as bytes, as hexadecimal text or as base64 text; a TCP length
 * before it is skipped. No key that stands in a message of a known type is shown. Throws `RealmwardError` with code `cannot-decode`.
 */
export function explain(input: Uint8Array): Tree {
  const bytes = messageBytes(input);
  const proxied = readProxied(bytes);
  return proxied === undefined ? explainMessage(bytes) : explainProxied(proxied);
}

function explainMessage(bytes: Uint8Array): Tree {
  const kpasswd = readKpasswdParts(bytes);
  if (kpasswd !== undefined) return { label: kpasswd.label, children: kpasswd.parts.map(explainMessage) };
  const type = MESSAGES.find(({ tag }) => tag === bytes[0]);
  if (type === undefined) return explainDer(bytes, { secret: false });
  try {
    return explainValue(`${type.name} ${tagName(type.tag)}`, type, decode(type, bytes));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    const problem = `no ${type.name}, though ${tagName(type.tag)} says so: ${error.message}`;
    return { label: 'DER', value: problem, children: [explainDer(bytes, { secret: true })] };
  }
}

function explainProxied({ message, realm, dclocatorHint }: ProxiedMessage): Tree {
  const children = [explainMessage(message)];
  if (realm !== undefined) children.push({ label: 'target-domain', value: printable(realm) });
  if (dclocatorHint !== undefined) children.push({ label: 'dclocator-hint', value: String(dclocatorHint) });
  return { label: 'KDC-PROXY-MESSAGE', children };
}

/** No tag tells a KDC-PROXY-MESSAGE; its form does. */
function readProxied(bytes: Uint8Array): ProxiedMessage | undefined {
  try {
    return decodeKdcProxyMessage(bytes);
  } catch (error) {
    if (error instanceof RealmwardError) return undefined;
    throw error;
  }
}

/** Whatever an application tag of RFC 4120 tells. */
const MESSAGES: readonly Type<unknown>[] = [
  Ticket,
  Authenticator,
  EncTicketPart,
  AsReq,
  AsRep,
  TgsReq,
  TgsRep,
  ApReq,
  ApRep,
  KrbSafe,
  KrbPriv,
  KrbCred,
  EncAsRepPart,
  EncTgsRepPart,
  EncApRepPart,
  EncKrbPrivPart,
  EncKrbCredPart,
  KrbError,
];
