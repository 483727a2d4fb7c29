/** Assigned numbers the other way round: from number to name. */
import { AdType } from '../../spec/ad-types.ts';
import { ChecksumType } from '../../spec/checksum-types.ts';
import { ErrorCode } from '../../spec/error-codes.ts';
import { Etype } from '../../spec/etypes.ts';
import { ApOption, KdcOption, TicketFlag } from '../../spec/flags.ts';
import { MessageType } from '../../spec/message-types.ts';
import { NameType } from '../../spec/name-types.ts';
import { PaType } from '../../spec/pa-types.ts';
import { PacBuffer } from '../../spec/pac-buffers.ts';
import { TransitedType } from '../../spec/transited-types.ts';

/** Names by number. */
export type Names = ReadonlyMap<number, string>;

export const MESSAGE_TYPES = names(MessageType, dashed);
export const ERROR_CODES = names(ErrorCode, (name) => name);
export const NAME_TYPES = names(NameType, (name) => `NT-${dashed(name)}`);
export const PA_TYPES = names(PaType, (name) => `PA-${dashed(name)}`);
export const AD_TYPES = names(AdType, (name) => `AD-${dashed(name)}`);
export const PAC_BUFFERS = names(PacBuffer, (name) => name);
export const CHECKSUM_TYPES = names(ChecksumType, lowerDashed);
export const TRANSITED_TYPES = names(TransitedType, dashed);
/** RFC 4120 section 7.5.3. */
export const ADDRESS_TYPES: Names = new Map([
  [2, 'IPv4'],
  [3, 'directional'],
  [20, 'NetBIOS'],
  [24, 'IPv6'],
]);
/** Beside the etypes of the realm, those that old clients still offer. */
export const ETYPES: Names = new Map([
  ...names(Etype, lowerDashed),
  [1, 'des-cbc-crc'],
  [3, 'des-cbc-md5'],
  [16, 'des3-cbc-sha1'],
  [24, 'rc4-hmac-exp'],
  [25, 'camellia128-cts-cmac'],
  [26, 'camellia256-cts-cmac'],
]);

export const TICKET_FLAGS = names(TicketFlag, lowerDashed);
export const KDC_OPTIONS = names(KdcOption, lowerDashed);
export const AP_OPTIONS = names(ApOption, lowerDashed);

/** MS-KILE 2.2.10. */
export const PAC_OPTIONS: Names = new Map([
  [0x8000_0000, 'claims'],
  [0x4000_0000, 'branch-aware'],
  [0x2000_0000, 'forward-to-full-dc'],
  [0x1000_0000, 'resource-based-constrained-delegation'],
]);

/** `25 (PA-X)`, or the bare number where it has no name here. */
export function numbered(names: Names, number: number): string {
  const name = names.get(number);
  return name === undefined ? String(number) : `${number} (${name})`;
}

/** Flags as a number and the names of its bits. */
export function flagsText(names: Names | undefined, flags: number): string {
  const set: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const mask = (0x8000_0000 >>> bit) >>> 0;
    if ((flags & mask) !== 0) set.push(names?.get(mask) ?? `bit ${bit}`);
  }
  const number = `0x${flags.toString(16).padStart(8, '0')}`;
  return set.length === 0 ? number : `${number} (${set.join(', ')})`;
}

function names(table: Readonly<Record<string, number>>, spell: (name: string) => string): Names {
  return new Map(Object.entries(table).map(([name, number]) => [number, spell(name)]));
}

function dashed(name: string): string {
  return name.replaceAll('_', '-');
}

function lowerDashed(name: string): string {
  return dashed(name).toLowerCase();
}
