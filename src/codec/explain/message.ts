/** A Kerberos message as a tree: a walk over its declaration and its value side by side. */
import { RealmwardError } from '../../base/errors.ts';
import { AdType } from '../../spec/ad-types.ts';
import { DerError } from '../der/error.ts';
import { decode } from '../der/type.ts';
import type { Type } from '../der/type.ts';
import {
  AuthorizationDataElement,
  EncryptionKey,
  HostAddress,
  MethodData,
  PaData,
  PrincipalName,
} from '../krb5/basic.ts';
import { PaPacOptions } from '../krb5/padata.ts';
import { explainDer } from './generic.ts';
import * as names from './names.ts';
import { AD_VALUES, PADATA_VALUES } from './nested.ts';
import { explainPac } from './pac.ts';
import { addressText, bytesText, lengthText, nameText, printable, textOrBytes, timeText } from './text.ts';
import type { Tree } from './tree.ts';

/** How deep byte strings are decoded that stand in decoded byte strings. */
const MAX_NESTING = 8;

/** Explains a decoded value of `type`. */
export function explainValue(label: string, type: Type<unknown>, value: unknown, nesting = 0): Tree {
  const special = SPECIAL.get(type);
  if (special !== undefined) return special(label, value, nesting);
  const { shape } = type;
  switch (shape.kind) {
    case 'integer':
      return { label, value: numberText(label, value as number) };
    case 'flags':
      return { label, value: names.flagsText(FLAGS.get(label), value as number) };
    case 'time':
      return { label, value: timeText(value as number) };
    case 'text':
      return { label, value: printable(value as string) };
    case 'oid':
      return { label, value: value as string };
    case 'enumerated':
    case 'boolean':
      return { label, value: String(value) };
    case 'octets':
      return explainOctets(label, value as Uint8Array, nesting);
    case 'tagged':
      return explainValue(label, shape.type, value, nesting);
    case 'list':
      return explainList(label, shape.element, value as readonly unknown[], nesting);
    default: {
      const fields = shape.kind === 'sequence' ? shape.fields : shape.alternatives;
      const values = value as Record<string, unknown>;
      const present = fields.filter(({ key }) => values[key] !== undefined);
      return {
        label,
        children: present.map((one) => explainValue(dashed(one.key), one.type, values[one.key], nesting)),
      };
    }
  }
}

type Show<T> = (label: string, value: T, nesting: number) => Tree;

/** Types that people read in another form than their fields. */
const SPECIAL: ReadonlyMap<Type<unknown>, Show<unknown>> = new Map([
  special(PrincipalName, (label, name) => ({ label, value: nameText(name) })),
  special(HostAddress, (label, address) => ({ label, value: addressText(address) })),
  special(EncryptionKey, (label, { keytype, keyvalue }) => ({
    label,
    value: `etype ${names.numbered(names.ETYPES, keytype)}, ${lengthText(keyvalue)}, not shown`,
  })),
  special(PaPacOptions, (label, { flags }) => ({ label, value: names.flagsText(names.PAC_OPTIONS, flags) })),
  special(PaData, (_label, { padataType, padataValue }, nesting) => {
    const label = names.numbered(names.PA_TYPES, padataType);
    return explainNested(label, PADATA_VALUES.get(padataType), padataValue, nesting);
  }),
  special(AuthorizationDataElement, (_label, { adType, adData }, nesting) => {
    const label = names.numbered(names.AD_TYPES, adType);
    if (adType === AdType.WIN2K_PAC) return explainPac(label, adData);
    return explainNested(label, AD_VALUES.get(adType), adData, nesting);
  }),
]);

function special<T>(type: Type<T>, show: Show<T>): [Type<unknown>, Show<unknown>] {
  return [type, show as Show<unknown>];
}

const FLAGS: ReadonlyMap<string, names.Names> = new Map([
  ['kdc-options', names.KDC_OPTIONS],
  ['ap-options', names.AP_OPTIONS],
  ['flags', names.TICKET_FLAGS],
]);

const NUMBERS: ReadonlyMap<string, names.Names> = new Map([
  ['msg-type', names.MESSAGE_TYPES],
  ['error-code', names.ERROR_CODES],
  ['etype', names.ETYPES],
  ['enctype', names.ETYPES],
  ['cksumtype', names.CHECKSUM_TYPES],
  ['tr-type', names.TRANSITED_TYPES],
]);

function numberText(label: string, value: number): string {
  const table = NUMBERS.get(label);
  return table === undefined ? String(value) : names.numbered(table, value);
}

function explainList(
  label: string,
  element: Type<unknown>,
  values: readonly unknown[],
  nesting: number,
): Tree {
  const { kind } = element.shape;
  if (values.length === 0) return { label, value: 'none' };
  if (kind === 'integer')
    return { label, value: values.map((one) => numberText('etype', one as number)).join(', ') };
  if (kind === 'text') return { label, value: values.map((one) => printable(one as string)).join(', ') };
  return { label, children: values.map((one, i) => explainValue(`${i + 1}`, element, one, nesting)) };
}

function explainOctets(label: string, bytes: Uint8Array, nesting: number): Tree {
  switch (label) {
    case 'e-data':
      return explainNested(label, MethodData, bytes, nesting);
    case 'user-data':
      // That of a password change holds the new password.
      return { label, value: `${lengthText(bytes)}, not shown` };
    case 'salt':
    case 'contents':
      return { label, value: textOrBytes(bytes) };
    case 's2kparams':
      // RFC 3962 section 4: "the number of iterations to be performed, in big-endian order".
      return {
        label,
        value:
          bytes.length === 4
            ? `${new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)} iterations`
            : bytesText(bytes),
      };
    default:
      return { label, value: bytesText(bytes) };
  }
}

/** A byte string that should hold DER of `type`; otherwise as whatever it looks like, and as bytes where that went on too long. */
function explainNested(
  label: string,
  type: Type<unknown> | undefined,
  bytes: Uint8Array,
  nesting: number,
): Tree {
  if (bytes.length === 0 || nesting === MAX_NESTING) return { label, value: bytesText(bytes) };
  if (type === undefined) return explainUnknown(label, bytes);
  try {
    return explainValue(label, type, decode(type, bytes), nesting + 1);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    const { value, ...rest } = explainUnknown(label, bytes);
    const problem = `no ${type.name}: ${error.message}`;
    return { ...rest, value: value === undefined ? problem : `${value} (${problem})` };
  }
}

/** A byte string of unknown type: as DER where it is a constructed element, otherwise as text or bytes. */
function explainUnknown(label: string, bytes: Uint8Array): Tree {
  if (((bytes[0] ?? 0) & 0x20) !== 0) {
    try {
      return { label, children: [explainDer(bytes, { secret: false })] };
    } catch (error) {
      if (!(error instanceof RealmwardError)) throw error;
    }
  }
  return { label, value: textOrBytes(bytes) };
}

/** `reqBody` as the RFC spells it: `req-body`. */
function dashed(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
