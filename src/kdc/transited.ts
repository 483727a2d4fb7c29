import { fromUtf8, utf8 } from '../base/bytes.ts';
import { TransitedType } from '../spec/transited-types.ts';
import { refuse } from './refusal.ts';

/** The transited field of a ticket. */
export interface Transited {
  readonly trType: number;
  readonly contents: Uint8Array;
}

export const NO_TRANSIT: Transited = {
  trType: TransitedType.DOMAIN_X500_COMPRESS,
  contents: new Uint8Array(0),
};

const MAX_REALMS = 32;

/**
 * The realms in a transited field, as DOMAIN-X500-COMPRESS has them (RFC 4120 section 3.3.3.2): separated by commas; one that ends in a dot stands in
 * front of the one before it, one that begins with a slash behind it; a backslash quotes; a space in front keeps a name from being
 * compressed. Empty fields stand for all realms in between: which those are is a matter of opinion, so they are refused.
 */
export function transitedRealms({ trType, contents }: Transited): string[] {
  if (contents.length === 0) return [];
  if (trType !== TransitedType.DOMAIN_X500_COMPRESS)
    refuse('path-not-accepted', `Transited type ${trType} is unknown.`);
  const realms: string[] = [];
  for (const field of splitFields(readText(contents))) {
    const before = realms.at(-1) ?? '';
    if (field === '') refuse('path-not-accepted', 'Its list of transited realms has a gap.');
    if (field.startsWith(' ')) realms.push(field.slice(1));
    else if (field.endsWith('.')) realms.push(field + before);
    else if (field.startsWith('/') && before.startsWith('/')) realms.push(before + field);
    else realms.push(field);
    if (realms.length > MAX_REALMS)
      refuse('path-not-accepted', `It has passed through more than ${MAX_REALMS} realms.`);
  }
  return realms;
}

/** The field with `realm` added at its end, uncompressed. */
export function addTransited(transited: Transited, realm: string): Transited {
  const quoted = realm.replace(/[\\,]/g, '\\$&').replace(/^(?=[ /])/, ' ');
  const before = readText(transited.contents);
  return {
    trType: TransitedType.DOMAIN_X500_COMPRESS,
    contents: utf8(before === '' ? quoted : `${before},${quoted}`),
  };
}

function splitFields(text: string): string[] {
  const fields = [''];
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === ',') fields.push('');
    else fields[fields.length - 1] += char === '\\' ? (text[++i] ?? '') : char;
  }
  return fields;
}

function readText(contents: Uint8Array): string {
  try {
    return fromUtf8(contents);
  } catch {
    return refuse('path-not-accepted', 'Its list of transited realms is no text.');
  }
}
