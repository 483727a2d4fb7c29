/** Preauthentication data: RFC 4120 section 5.2.7, RFC 6806, MS-KILE. */
import { boolean, octetString } from '../der/primitives.ts';
import { field, optional, sequence, sequenceOf } from '../der/schema.ts';
import type { Infer } from '../der/type.ts';
import { EncryptedData, Int32, KerberosFlags, KerberosString, KerberosTime, Microseconds } from './basic.ts';

/** PA-ENC-TIMESTAMP ::= EncryptedData -- PA-ENC-TS-ENC (section 5.2.7.2) */
export const PaEncTimestamp = EncryptedData;

/**
 * ```
 * PA-ENC-TS-ENC           ::= SEQUENCE {
 *         patimestamp     [0] KerberosTime -- client's time --,
 *         pausec          [1] Microseconds OPTIONAL
 * }
 * ```
 * Section 5.2.7.2.
 */
export const PaEncTsEnc = sequence('PA-ENC-TS-ENC', {
  patimestamp: field(0, KerberosTime),
  pausec: optional(1, Microseconds),
});

/**
 * ```
 * ETYPE-INFO-ENTRY        ::= SEQUENCE {
 *         etype           [0] Int32,
 *         salt            [1] OCTET STRING OPTIONAL
 * }
 * ```
 * Section 5.2.7.4.
 */
export const EtypeInfo = sequenceOf(
  'ETYPE-INFO',
  sequence('ETYPE-INFO-ENTRY', { etype: field(0, Int32), salt: optional(1, octetString('salt')) }),
  { max: 64 },
);

/**
 * ```
 * ETYPE-INFO2-ENTRY       ::= SEQUENCE {
 *         etype           [0] Int32,
 *         salt            [1] KerberosString OPTIONAL,
 *         s2kparams       [2] OCTET STRING OPTIONAL
 * }
 * ETYPE-INFO2             ::= SEQUENCE SIZE (1..MAX) OF ETYPE-INFO2-ENTRY
 * ```
 * Section 5.2.7.5.
 */
export const EtypeInfo2Entry = sequence('ETYPE-INFO2-ENTRY', {
  etype: field(0, Int32),
  salt: optional(1, KerberosString),
  s2kparams: optional(2, octetString('s2kparams', 64)),
});
export type EtypeInfo2Entry = Infer<typeof EtypeInfo2Entry>;
export const EtypeInfo2 = sequenceOf('ETYPE-INFO2', EtypeInfo2Entry, { min: 1, max: 64 });

/**
 * ```
 * KERB-PA-PAC-REQUEST ::= SEQUENCE {
 *         include-pac[0] BOOLEAN
 * }
 * ```
 * MS-KILE 2.2.3.
 */
export const PaPacRequest = sequence('KERB-PA-PAC-REQUEST', { includePac: field(0, boolean) });

/** PA-PAC-OPTIONS ::= SEQUENCE { KerberosFlags } (MS-KILE 2.2.10, field 0) */
export const PaPacOptions = sequence('PA-PAC-OPTIONS', { flags: field(0, KerberosFlags) });
