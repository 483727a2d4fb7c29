import type { Type } from './type.ts';

/** What a type looks like, for those who walk over declarations: the printer of messages, and the tests. */
export type TypeShape =
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'enumerated'; readonly max: number }
  | { readonly kind: 'octets'; readonly max: number }
  | { readonly kind: 'text' | 'flags' | 'time' | 'boolean' | 'oid' }
  | { readonly kind: 'sequence'; readonly fields: readonly FieldShape[] }
  | { readonly kind: 'list'; readonly element: Type<unknown>; readonly min: number; readonly max: number }
  | { readonly kind: 'tagged'; readonly tag: number; readonly type: Type<unknown> }
  | { readonly kind: 'choice'; readonly alternatives: readonly FieldShape[] };

/** A field of a SEQUENCE or an alternative of a CHOICE: its key in the value, its context tag's identifier octet and its type. */
export interface FieldShape {
  readonly key: string;
  readonly tag: number;
  readonly type: Type<unknown>;
  readonly optional: boolean;
}
