/** Random values of declared types, the same ones in every run. */
import type { FieldShape } from '../../src/codec/der/shape.ts';
import type { Type } from '../../src/codec/der/type.ts';

export type Random = (below: number) => number;

/** xorshift32 from a seed that is not 0: whole numbers from 0 up to, and without, `below`. */
export function generator(seed: number): Random {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A value that the type can hold: often one at the edge of it. Byte strings come from one pool, which is quick. */
export function randomValue(type: Type<unknown>, random: Random): unknown {
  const { shape } = type;
  switch (shape.kind) {
    case 'integer': {
      const { min, max } = shape;
      const edges = [
        min,
        max,
        0,
        1,
        -1,
        127,
        128,
        255,
        256,
        0x7fff,
        0x8000,
        0xffff,
        0x1_0000,
        -128,
        -129,
        0x7fff_ffff,
      ];
      const edge = edges[random(edges.length)] as number;
      if (random(2) === 0 && edge >= min && edge <= max) return edge;
      return min + Math.floor((random(2 ** 32) / 2 ** 32) * (max - min + 1));
    }
    case 'enumerated':
      return random(shape.max + 1);
    case 'oid':
      return OIDS[random(OIDS.length)];
    case 'octets':
      return POOL.subarray(0, Math.min(shape.max, [0, 1, 16, 127, 128, 255, 256, 300][random(8)] as number));
    case 'text':
      return TEXTS[random(TEXTS.length)];
    case 'flags':
      return random(2 ** 32);
    case 'time':
      return [0, -1, 86_399, 1_900_000_000, 4_294_967_295][random(6)] ?? random(2 ** 32) * 50;
    case 'boolean':
      return random(2) === 1;
    case 'tagged':
      return randomValue(shape.type, random);
    case 'choice': {
      const { key, type } = shape.alternatives[random(shape.alternatives.length)] as FieldShape;
      return { [key]: randomValue(type, random) };
    }
    case 'list': {
      const count = Math.max(shape.min, Math.min(shape.max, [0, 1, 2, 5][random(4)] as number));
      return Array.from({ length: count }, () => randomValue(shape.element, random));
    }
    default: {
      const fields = shape.fields.filter(({ optional }) => !optional || random(2) === 1);
      return Object.fromEntries(fields.map(({ key, type }) => [key, randomValue(type, random)]));
    }
  }
}

const POOL = Uint8Array.from({ length: 300 }, (_, i) => (i * 167 + 13) & 0xff);
const TEXTS = ['', 'alice', 'REALM1.EXAMPLE', 'zoë', '漢字', 'x'.repeat(64), 'y'.repeat(130), '🔑', 'host'];
const OIDS = [
  '1.2.840.113554.1.2.2',
  '1.3.6.1.5.5.2',
  '0.39',
  '2.5.4.3',
  '2.999.1',
  '2.25.4294967295',
  '1.0.128',
];
