/** RFC 4120 section 5.2: basic Kerberos types. */
import {
  flags32,
  integer,
  kerberosTime,
  octetString,
  textString,
  wrappingUint32,
} from '../der/primitives.ts';
import { field, optional, sequence, sequenceOf } from '../der/schema.ts';
import type { Infer } from '../der/type.ts';

/** Int32 ::= INTEGER (-2147483648..2147483647) */
export const Int32 = integer('Int32', -0x8000_0000, 0x7fff_ffff);

/** UInt32 ::= INTEGER (0..4294967295), read tolerantly. */
export const UInt32 = wrappingUint32;

/** Microseconds ::= INTEGER (0..999999) */
export const Microseconds = integer('Microseconds', 0, 999_999);

/** KerberosString ::= GeneralString (IA5String) */
export const KerberosString = textString('KerberosString', 0x1b);

/** Realm ::= KerberosString */
export const Realm = KerberosString;

export const KerberosTime = kerberosTime;
export const KerberosFlags = flags32;

/**
 * ```
 * PrincipalName   ::= SEQUENCE {
 *         name-type       [0] Int32,
 *         name-string     [1] SEQUENCE OF KerberosString
 * }
 * ```
 * Section 5.2.2. The type is a hint and never compared.
 */
export const PrincipalName = sequence('PrincipalName', {
  nameType: field(0, Int32),
  nameString: field(1, sequenceOf('name-string', KerberosString, { max: 32 })),
});
export type PrincipalName = Infer<typeof PrincipalName>;

/**
 * ```
 * HostAddress     ::= SEQUENCE  {
 *         addr-type       [0] Int32,
 *         address         [1] OCTET STRING
 * }
 * ```
 * Section 5.2.5.
 */
export const HostAddress = sequence('HostAddress', {
  addrType: field(0, Int32),
  address: field(1, octetString('address', 256)),
});
export type HostAddress = Infer<typeof HostAddress>;

/** HostAddresses ::= SEQUENCE OF HostAddress */
export const HostAddresses = sequenceOf('HostAddresses', HostAddress, { max: 64 });

/**
 * ```
 * AuthorizationData       ::= SEQUENCE OF SEQUENCE {
 *         ad-type         [0] Int32,
 *         ad-data         [1] OCTET STRING
 * }
 * ```
 * Section 5.2.6.
 */
export const AuthorizationDataElement = sequence('AuthorizationData element', {
  adType: field(0, Int32),
  adData: field(1, octetString('ad-data')),
});
export const AuthorizationData = sequenceOf('AuthorizationData', AuthorizationDataElement, { max: 64 });
export type AuthorizationData = Infer<typeof AuthorizationData>;

/**
 * ```
 * PA-DATA         ::= SEQUENCE {
 *         -- NOTE: first tag is [1], not [0]
 *         padata-type     [1] Int32,
 *         padata-value    [2] OCTET STRING -- might be encoded AP-REQ
 * }
 * ```
 * Section 5.2.7.
 */
export const PaData = sequence('PA-DATA', {
  padataType: field(1, Int32),
  padataValue: field(2, octetString('padata-value')),
});
export type PaData = Infer<typeof PaData>;

/** METHOD-DATA ::= SEQUENCE OF PA-DATA (section 5.9.1) */
export const MethodData = sequenceOf('METHOD-DATA', PaData, { max: 64 });

/**
 * ```
 * EncryptedData   ::= SEQUENCE {
 *         etype   [0] Int32 -- EncryptionType --,
 *         kvno    [1] UInt32 OPTIONAL,
 *         cipher  [2] OCTET STRING -- ciphertext
 * }
 * ```
 * Section 5.2.9.
 */
export const EncryptedData = sequence('EncryptedData', {
  etype: field(0, Int32),
  kvno: optional(1, UInt32),
  cipher: field(2, octetString('cipher')),
});
export type EncryptedData = Infer<typeof EncryptedData>;

/**
 * ```
 * EncryptionKey   ::= SEQUENCE {
 *         keytype         [0] Int32 -- actually encryption type --,
 *         keyvalue        [1] OCTET STRING
 * }
 * ```
 * Section 5.2.9.
 */
export const EncryptionKey = sequence('EncryptionKey', {
  keytype: field(0, Int32),
  keyvalue: field(1, octetString('keyvalue', 64)),
});
export type EncryptionKey = Infer<typeof EncryptionKey>;

/**
 * ```
 * Checksum        ::= SEQUENCE {
 *         cksumtype       [0] Int32,
 *         checksum        [1] OCTET STRING
 * }
 * ```
 * Section 5.2.9.
 */
export const Checksum = sequence('Checksum', {
  cksumtype: field(0, Int32),
  checksum: field(1, octetString('checksum')),
});
export type Checksum = Infer<typeof Checksum>;
