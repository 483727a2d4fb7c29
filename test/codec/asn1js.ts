/**
 * asn1js as an independent judge of our DER. Its quirks (docs/decisions/0001): numbers only by `toBigInt`, GeneralStrings only by their
 * bytes.
 */
import * as asn1 from 'asn1js';
import { equalBytes, toHex, utf8 } from '../../src/base/bytes.ts';
import type { FieldShape } from '../../src/codec/der/shape.ts';
import type { Type } from '../../src/codec/der/type.ts';

/** asn1js's reading of `bytes`, all of them. */
export function parse(bytes: Uint8Array): asn1.AsnType {
  const { offset, result } = asn1.fromBER(bytes);
  if (offset !== bytes.length)
    throw new Error(`asn1js reads ${offset} of ${bytes.length} bytes: ${result.error}`);
  return result;
}

/** Where `block` is something else than `value` of `type`; `undefined` where it is the same. */
export function difference(
  type: Type<unknown>,
  value: unknown,
  block: asn1.BaseBlock,
  path = type.name,
): string | undefined {
  const { shape } = type;
  const tag = identifier(block);
  const wrong = (found: unknown) => `${path}: ${String(found)}`;
  if (shape.kind !== 'choice' && tag !== type.tag) return wrong(`tag 0x${tag.toString(16)}`);
  switch (shape.kind) {
    case 'integer': {
      const number = (block as asn1.Integer).toBigInt();
      return number === BigInt(value as number) ? undefined : wrong(number);
    }
    case 'enumerated': {
      const number = (block as asn1.Enumerated).toBigInt();
      return number === BigInt(value as number) ? undefined : wrong(number);
    }
    case 'oid': {
      const text = (block as asn1.ObjectIdentifier).valueBlock.toString();
      return text === value ? undefined : wrong(text);
    }
    case 'octets': {
      const bytes = (block as asn1.OctetString).valueBlock.valueHexView;
      return equalBytes(bytes, value as Uint8Array) ? undefined : wrong(toHex(bytes));
    }
    case 'text': {
      const bytes = (block as asn1.GeneralString).valueBlock.valueHexView;
      return equalBytes(bytes, utf8(value as string)) ? undefined : wrong(toHex(bytes));
    }
    case 'flags': {
      const { valueHexView: bytes, unusedBits } = (block as asn1.BitString).valueBlock;
      return unusedBits === 0 && equalBytes(bytes, bigEndian(value as number))
        ? undefined
        : wrong(toHex(bytes));
    }
    case 'time': {
      const seconds = (block as asn1.GeneralizedTime).toDate().getTime() / 1000;
      return seconds === value ? undefined : wrong(seconds);
    }
    case 'boolean': {
      const flag = (block as asn1.Boolean).getValue();
      return flag === value ? undefined : wrong(flag);
    }
    case 'tagged':
      return onlyChild(block, path, (child) => difference(shape.type, value, child, path));
    case 'choice': {
      const values = value as Record<string, unknown>;
      const one = shape.alternatives.find(({ key }) => values[key] !== undefined);
      if (one?.tag !== tag) return wrong(`tag 0x${tag.toString(16)}`);
      return onlyChild(block, path, (child) =>
        difference(one.type, values[one.key], child, `${path}.${one.key}`),
      );
    }
    case 'list': {
      const values = value as readonly unknown[];
      const children = childrenOf(block);
      if (children.length !== values.length) return wrong(`${children.length} elements`);
      return firstOf(children, (child, i) => difference(shape.element, values[i], child, `${path}[${i}]`));
    }
    default: {
      const fields = shape.fields.filter(({ key }) => (value as Record<string, unknown>)[key] !== undefined);
      const children = childrenOf(block);
      if (children.length !== fields.length) return wrong(`${children.length} fields`);
      return firstOf(fields, ({ key, tag, type }, i) => {
        const child = children[i] as asn1.BaseBlock;
        const at = `${path}.${key}`;
        if (identifier(child) !== tag) return `${at}: tag 0x${identifier(child).toString(16)}`;
        return onlyChild(child, at, (inner) =>
          difference(type, (value as Record<string, unknown>)[key], inner, at),
        );
      });
    }
  }
}

/** DER of `value` as asn1js writes it. */
export function build(type: Type<unknown>, value: unknown): Uint8Array {
  return new Uint8Array(block(type, value).toBER());
}

function block(type: Type<unknown>, value: unknown): asn1.BaseBlock {
  const { shape } = type;
  switch (shape.kind) {
    case 'integer':
      return asn1.Integer.fromBigInt(BigInt(value as number));
    case 'enumerated':
      return new asn1.Enumerated({ value: value as number });
    case 'oid':
      return new asn1.ObjectIdentifier({ value: value as string });
    case 'octets':
      return new asn1.OctetString({ valueHex: Uint8Array.from(value as Uint8Array) });
    case 'text': {
      // By its bytes: asn1js cuts every character of a GeneralString to eight bits.
      const string = type.tag === 0x0c ? new asn1.Utf8String() : new asn1.GeneralString();
      string.valueBlock.valueHexView = utf8(value as string);
      return string;
    }
    case 'flags':
      return new asn1.BitString({ valueHex: bigEndian(value as number), unusedBits: 0 });
    case 'time':
      return new asn1.GeneralizedTime({ valueDate: new Date((value as number) * 1000) });
    case 'boolean':
      return new asn1.Boolean({ value: value as boolean });
    case 'list':
      return new asn1.Sequence({
        value: (value as unknown[]).map((one) => block(shape.element, one)),
      });
    case 'tagged':
      return tagged(shape.tag, block(shape.type, value));
    case 'choice':
      return fieldBlocks(shape.alternatives, value)[0] as asn1.BaseBlock;
    default:
      return new asn1.Sequence({ value: fieldBlocks(shape.fields, value) });
  }
}

function fieldBlocks(fields: readonly FieldShape[], value: unknown): asn1.BaseBlock[] {
  const values = value as Record<string, unknown>;
  return fields
    .filter(({ key }) => values[key] !== undefined)
    .map(({ key, tag, type }) => tagged(tag, block(type, values[key])));
}

function tagged(tag: number, inner: asn1.BaseBlock): asn1.BaseBlock {
  const idBlock = { tagClass: (tag >> 6) + 1, tagNumber: tag & 0x1f };
  return new asn1.Constructed({ idBlock, value: [inner] as never });
}

/** The identifier octet that asn1js has understood. */
function identifier({ idBlock }: asn1.BaseBlock): number {
  return ((idBlock.tagClass - 1) << 6) | (idBlock.isConstructed ? 0x20 : 0) | idBlock.tagNumber;
}

function childrenOf(block: asn1.BaseBlock): asn1.BaseBlock[] {
  return (block as asn1.Constructed).valueBlock.value;
}

function onlyChild(
  block: asn1.BaseBlock,
  path: string,
  then: (child: asn1.BaseBlock) => string | undefined,
): string | undefined {
  const [child, ...others] = childrenOf(block);
  return child === undefined || others.length > 0 ? `${path}: not one value inside its tag` : then(child);
}

function firstOf<T>(
  list: readonly T[],
  check: (one: T, i: number) => string | undefined,
): string | undefined {
  for (const [i, one] of list.entries()) {
    const found = check(one, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

function bigEndian(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
