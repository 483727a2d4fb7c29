import * as asn1 from 'asn1js';
import { RealmwardError } from '../../base/errors.ts';
import { tagName } from '../der/reader.ts';
import { bytesText, lengthText, textOrBytes } from './text.ts';
import type { Tree } from './tree.ts';

const MAX_DEPTH = 64;
const MAX_ELEMENTS = 20_000;
/** Longest value that asn1js gets to see: the time it takes for an OID grows with the square of its length. */
const MAX_LEAF = 256;

/**
 * Explains DER of no declared type, its values by asn1js. With `secret`, byte strings show their length alone. Throws `RealmwardError` with
 * code `cannot-decode` for what is no DER, nests too deep or has too many elements.
 */
export function explainDer(bytes: Uint8Array, options: { secret: boolean }): Tree {
  const { trees, end } = elements(bytes, 0, bytes.length, 1, { left: MAX_ELEMENTS, secret: options.secret });
  const [tree, ...others] = trees;
  if (tree === undefined || others.length > 0) throw notDer('more than one element', end);
  return tree;
}

interface Budget {
  left: number;
  readonly secret: boolean;
}

// The structure is walked here and not by asn1js, which recurses without limit, into byte strings too, and takes BER for DER.
function elements(
  bytes: Uint8Array,
  from: number,
  end: number,
  depth: number,
  budget: Budget,
): { trees: Tree[]; end: number } {
  if (depth > MAX_DEPTH) throw notDer(`more than ${MAX_DEPTH} levels`, from);
  const trees: Tree[] = [];
  let at = from;
  while (at < end) {
    if (--budget.left < 0) throw notDer(`more than ${MAX_ELEMENTS} elements`, at);
    const tag = bytes[at] as number;
    const extent = extentOf(bytes, at, end);
    const label = tagName(tag);
    if ((tag & 0x20) === 0) {
      trees.push({
        label,
        value: valueOf(tag, bytes.subarray(at, extent.end), extent.start - at, budget.secret),
      });
    } else if ((tag & 0xc0) === 0 && tag !== 0x30 && tag !== 0x31) {
      throw notDer(`${label} in pieces`, at);
    } else {
      trees.push({ label, children: elements(bytes, extent.start, extent.end, depth + 1, budget).trees });
    }
    at = extent.end;
  }
  return { trees, end: at };
}

/** Where the contents of the element at `at` begin and end. */
function extentOf(bytes: Uint8Array, at: number, limit: number): { start: number; end: number } {
  if (((bytes[at] as number) & 0x1f) === 0x1f) throw notDer('a tag of more than one octet', at);
  let start = at + 2;
  if (start > limit) throw notDer('an element without a length', at);
  let length = bytes[at + 1] as number;
  if (length >= 0x80) {
    const octets = length & 0x7f;
    if (octets === 0 || octets > 3) throw notDer('an indefinite or far too long length', at);
    if (start + octets > limit) throw notDer('a length that is cut off', at);
    length = 0;
    for (const last = start + octets; start < last; start++) length = length * 256 + (bytes[start] as number);
  }
  if (start + length > limit)
    throw notDer(`${tagName(bytes[at] as number)} reaches beyond its container`, at);
  return { start, end: start + length };
}

/** A primitive element in words. Its contents begin at `start` of `element`. */
function valueOf(tag: number, element: Uint8Array, start: number, secret: boolean): string {
  const contents = element.subarray(start);
  switch (tag) {
    case 0x01:
    case 0x02:
    case 0x06:
    case 0x0a:
    case 0x17:
    case 0x18:
    case 0x1e:
      return byAsn1js(element) ?? bytesText(contents);
    case 0x0c:
    case 0x13:
    case 0x16:
    case 0x1a:
    case 0x1b:
      return textOrBytes(contents);
    default:
      return secret ? lengthText(contents) : bytesText(contents);
  }
}

/** What asn1js reads; `undefined` where it does not like what it sees. */
function byAsn1js(element: Uint8Array): string | undefined {
  if (element.length > MAX_LEAF) return undefined;
  try {
    const { offset, result } = asn1.fromBER(Uint8Array.from(element));
    if (offset !== element.length) return undefined;
    if (result instanceof asn1.Integer) return String(result.toBigInt());
    if (result instanceof asn1.UTCTime) return result.toDate().toISOString().replace('.000Z', 'Z');
    if (result instanceof asn1.ObjectIdentifier || result instanceof asn1.BmpString) {
      return textOrBytes(new TextEncoder().encode(result.getValue()));
    }
    return result instanceof asn1.Boolean ? String(result.getValue()) : undefined;
  } catch {
    return undefined;
  }
}

function notDer(problem: string, at: number): RealmwardError {
  return new RealmwardError('cannot-decode', `this is no DER: ${problem} (at byte ${at})`, {
    hint: 'Hand in one Kerberos message or other DER: raw, as hexadecimal digits, or as base64.',
  });
}
