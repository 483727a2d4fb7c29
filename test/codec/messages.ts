/** Everything that src/codec declares, and the messages of fixtures/krb5 with the types they are of. */
import { readFileSync, readdirSync } from 'node:fs';
import { fromHex } from '../../src/base/bytes.ts';
import type { Type } from '../../src/codec/der/type.ts';
import { ChangePasswdData } from '../../src/codec/kpasswd.ts';
import * as ap from '../../src/codec/krb5/ap.ts';
import * as authorizationData from '../../src/codec/krb5/authorization-data.ts';
import * as basic from '../../src/codec/krb5/basic.ts';
import * as error from '../../src/codec/krb5/error.ts';
import * as kdc from '../../src/codec/krb5/kdc.ts';
import * as padata from '../../src/codec/krb5/padata.ts';
import * as safePrivCred from '../../src/codec/krb5/safe-priv-cred.ts';
import * as ticket from '../../src/codec/krb5/ticket.ts';
import { KdcProxyMessage } from '../../src/codec/kkdcp.ts';

/** All exported types, by the name they are exported under. */
export const TYPES: Readonly<Record<string, Type<unknown>>> = {
  ...basic,
  ...ticket,
  ...kdc,
  ...ap,
  ...safePrivCred,
  ...error,
  ...padata,
  ...authorizationData,
  KdcProxyMessage,
  ChangePasswdData,
};

export interface Message {
  readonly name: string;
  readonly type: Type<unknown>;
  readonly bytes: Uint8Array;
}

const FOLDER = new URL('../../fixtures/krb5/', import.meta.url);

/** The bytes of a captured packet. */
export function capture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`${name}.der`, FOLDER)));
}

/** MIT's reference vectors, then the captures. */
export function messages(): Message[] {
  return [...references(), ...captures()];
}

function references(): Message[] {
  const text = readFileSync(new URL('mit-reference.json', FOLDER), 'utf8');
  const { vectors } = JSON.parse(text) as { vectors: { name: string; type: string; der: string }[] };
  return vectors.map(({ name, type, der }) => ({ name, type: typeNamed(type), bytes: fromHex(der) }));
}

function captures(): Message[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.der'));
  return names.map((file) => {
    const name = file.slice(0, -'.der'.length);
    const [, type] = SUFFIXES.find(([suffix]) => name.endsWith(suffix)) ?? ['', ''];
    return { name, type: typeNamed(type), bytes: capture(name) };
  });
}

const SUFFIXES = [
  ['-as-req', 'AsReq'],
  ['-as-rep', 'AsRep'],
  ['-tgs-req', 'TgsReq'],
  ['-tgs-rep', 'TgsRep'],
  ['-ap-req', 'ApReq'],
  ['-krb-error', 'KrbError'],
  ['-authenticator', 'Authenticator'],
  ['-enc-ticket-part', 'EncTicketPart'],
  // MIT's KDC writes both parts under the tag of the latter.
  ['-enc-as-rep-part', 'EncTgsRepPart'],
  ['-enc-tgs-rep-part', 'EncTgsRepPart'],
] as const;

function typeNamed(name: string): Type<unknown> {
  const type = TYPES[name];
  if (type === undefined) throw new Error(`no type ${name}`);
  return type;
}
