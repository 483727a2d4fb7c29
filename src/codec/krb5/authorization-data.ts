/** Authorization data beyond the basic type: RFC 4120 section 5.2.6, RFC 7751 (CAMMAC), RFC 8129 (authentication indicators). */
import { textString } from '../der/primitives.ts';
import { field, optional, sequence, sequenceOf } from '../der/schema.ts';
import { AuthorizationData, Checksum, Int32, PrincipalName, Realm, UInt32 } from './basic.ts';

/** AD-IF-RELEVANT ::= AuthorizationData (section 5.2.6.1) */
export const AdIfRelevant = AuthorizationData;

/**
 * ```
 * AD-KDCIssued            ::= SEQUENCE {
 *         ad-checksum     [0] Checksum,
 *         i-realm         [1] Realm OPTIONAL,
 *         i-sname         [2] PrincipalName OPTIONAL,
 *         elements        [3] AuthorizationData
 * }
 * ```
 * Section 5.2.6.2.
 */
export const AdKdcIssued = sequence('AD-KDCIssued', {
  adChecksum: field(0, Checksum),
  iRealm: optional(1, Realm),
  iSname: optional(2, PrincipalName),
  elements: field(3, AuthorizationData),
});

/**
 * ```
 * AD-AND-OR               ::= SEQUENCE {
 *         condition-count [0] Int32,
 *         elements        [1] AuthorizationData
 * }
 * ```
 * Section 5.2.6.3.
 */
export const AdAndOr = sequence('AD-AND-OR', {
  conditionCount: field(0, Int32),
  elements: field(1, AuthorizationData),
});

/**
 * ```
 * Verifier-MAC     ::= SEQUENCE {
 *     identifier      [0] PrincipalName OPTIONAL,
 *     kvno            [1] UInt32 OPTIONAL,
 *     enctype         [2] Int32 OPTIONAL,
 *     mac             [3] Checksum
 * }
 * ```
 * RFC 7751 section 3.
 */
const VerifierMac = sequence('Verifier-MAC', {
  identifier: optional(0, PrincipalName),
  kvno: optional(1, UInt32),
  enctype: optional(2, Int32),
  mac: field(3, Checksum),
});

/**
 * ```
 * AD-CAMMAC                   ::= SEQUENCE {
 *     elements                [0] AuthorizationData,
 *     kdc-verifier            [1] Verifier-MAC OPTIONAL,
 *     svc-verifier            [2] Verifier-MAC OPTIONAL,
 *     other-verifiers         [3] SEQUENCE (SIZE (1..MAX)) OF Verifier OPTIONAL
 * }
 * Verifier             ::= CHOICE { mac Verifier-MAC, ... }
 * ```
 * RFC 7751 section 3, whose module tags automatically no CHOICE: a Verifier is a bare Verifier-MAC.
 */
export const AdCammac = sequence('AD-CAMMAC', {
  elements: field(0, AuthorizationData),
  kdcVerifier: optional(1, VerifierMac),
  svcVerifier: optional(2, VerifierMac),
  otherVerifiers: optional(3, sequenceOf('other-verifiers', VerifierMac, { min: 1, max: 16 })),
});

/** AD-AUTHENTICATION-INDICATOR ::= SEQUENCE OF UTF8String (RFC 8129 section 3) */
export const AuthenticationIndicator = sequenceOf(
  'AD-AUTHENTICATION-INDICATOR',
  textString('UTF8String', 0x0c),
  {
    max: 16,
  },
);

/** ETYPE-NEGOTIATION ::= SEQUENCE OF Int32 (RFC 4537) */
export const EtypeNegotiation = sequenceOf('EtypeList', Int32, { max: 64 });
