import { DerError } from '../der/error.ts';
import { tagName } from '../der/reader.ts';
import { decode } from '../der/type.ts';
import type { Type } from '../der/type.ts';
import { ApRep, ApReq, Authenticator, EncApRepPart } from '../krb5/ap.ts';
import { KrbError } from '../krb5/error.ts';
import { AsRep, AsReq, EncAsRepPart, EncTgsRepPart, TgsRep, TgsReq } from '../krb5/kdc.ts';
import { EncKrbCredPart, EncKrbPrivPart, KrbCred, KrbPriv, KrbSafe } from '../krb5/safe-priv-cred.ts';
import { EncTicketPart, Ticket } from '../krb5/ticket.ts';
import { explainDer } from './generic.ts';
import { messageBytes } from './input.ts';
import { explainValue } from './message.ts';
import type { Tree } from './tree.ts';

/**
 * Explains one Kerberos message (fields by the RFC's names, assigned numbers by name, times in ISO form, byte strings of known types
 * decoded further) or any other DER as a generic tree. `input` is the message as bytes, as hexadecimal text or as base64 text; a TCP length
 * before it is skipped. No key that stands in a message of a known type is shown. Throws `RealmwardError` with code `cannot-decode`.
 */
export function explain(input: Uint8Array): Tree {
  const bytes = messageBytes(input);
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
