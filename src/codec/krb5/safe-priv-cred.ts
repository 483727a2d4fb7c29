/** RFC 4120 sections 5.6 to 5.8: KRB-SAFE, KRB-PRIV and KRB-CRED. */
import { integer, octetString } from '../der/primitives.ts';
import { application, field, optional, sequence, sequenceOf, sequenceWithRaw } from '../der/schema.ts';
import {
  Checksum,
  EncryptedData,
  EncryptionKey,
  HostAddress,
  HostAddresses,
  KerberosFlags,
  KerberosTime,
  Microseconds,
  PrincipalName,
  Realm,
  UInt32,
} from './basic.ts';
import { Ticket } from './ticket.ts';

const Pvno = integer('pvno', 5, 5);

/**
 * ```
 * KRB-SAFE-BODY   ::= SEQUENCE {
 *         user-data       [0] OCTET STRING,
 *         timestamp       [1] KerberosTime OPTIONAL,
 *         usec            [2] Microseconds OPTIONAL,
 *         seq-number      [3] UInt32 OPTIONAL,
 *         s-address       [4] HostAddress,
 *         r-address       [5] HostAddress OPTIONAL
 * }
 * ```
 */
export const KrbSafeBody = sequenceWithRaw('KRB-SAFE-BODY', {
  userData: field(0, octetString('user-data')),
  timestamp: optional(1, KerberosTime),
  usec: optional(2, Microseconds),
  seqNumber: optional(3, UInt32),
  sAddress: field(4, HostAddress),
  rAddress: optional(5, HostAddress),
});

/**
 * ```
 * KRB-SAFE        ::= [APPLICATION 20] SEQUENCE {
 *         pvno            [0] INTEGER (5),
 *         msg-type        [1] INTEGER (20),
 *         safe-body       [2] KRB-SAFE-BODY,
 *         cksum           [3] Checksum
 * }
 * ```
 */
export const KrbSafe = application(
  20,
  sequence('KRB-SAFE', {
    pvno: field(0, Pvno),
    msgType: field(1, integer('msg-type', 20, 20)),
    safeBody: field(2, KrbSafeBody),
    cksum: field(3, Checksum),
  }),
);

/**
 * ```
 * KRB-PRIV        ::= [APPLICATION 21] SEQUENCE {
 *         pvno            [0] INTEGER (5),
 *         msg-type        [1] INTEGER (21),
 *                         -- NOTE: there is no [2] tag
 *         enc-part        [3] EncryptedData -- EncKrbPrivPart
 * }
 * ```
 */
export const KrbPriv = application(
  21,
  sequence('KRB-PRIV', {
    pvno: field(0, Pvno),
    msgType: field(1, integer('msg-type', 21, 21)),
    encPart: field(3, EncryptedData),
  }),
);

/**
 * ```
 * EncKrbPrivPart  ::= [APPLICATION 28] SEQUENCE {
 *         user-data       [0] OCTET STRING,
 *         timestamp       [1] KerberosTime OPTIONAL,
 *         usec            [2] Microseconds OPTIONAL,
 *         seq-number      [3] UInt32 OPTIONAL,
 *         s-address       [4] HostAddress -- sender's addr --,
 *         r-address       [5] HostAddress OPTIONAL -- recip's addr
 * }
 * ```
 */
export const EncKrbPrivPart = application(
  28,
  sequence('EncKrbPrivPart', {
    userData: field(0, octetString('user-data')),
    timestamp: optional(1, KerberosTime),
    usec: optional(2, Microseconds),
    seqNumber: optional(3, UInt32),
    sAddress: field(4, HostAddress),
    rAddress: optional(5, HostAddress),
  }),
);

/**
 * ```
 * KRB-CRED        ::= [APPLICATION 22] SEQUENCE {
 *         pvno            [0] INTEGER (5),
 *         msg-type        [1] INTEGER (22),
 *         tickets         [2] SEQUENCE OF Ticket,
 *         enc-part        [3] EncryptedData -- EncKrbCredPart
 * }
 * ```
 */
export const KrbCred = application(
  22,
  sequence('KRB-CRED', {
    pvno: field(0, Pvno),
    msgType: field(1, integer('msg-type', 22, 22)),
    tickets: field(2, sequenceOf('tickets', Ticket, { max: 32 })),
    encPart: field(3, EncryptedData),
  }),
);

/**
 * ```
 * KrbCredInfo     ::= SEQUENCE {
 *         key             [0] EncryptionKey,
 *         prealm          [1] Realm OPTIONAL,
 *         pname           [2] PrincipalName OPTIONAL,
 *         flags           [3] TicketFlags OPTIONAL,
 *         authtime        [4] KerberosTime OPTIONAL,
 *         starttime       [5] KerberosTime OPTIONAL,
 *         endtime         [6] KerberosTime OPTIONAL,
 *         renew-till      [7] KerberosTime OPTIONAL,
 *         srealm          [8] Realm OPTIONAL,
 *         sname           [9] PrincipalName OPTIONAL,
 *         caddr           [10] HostAddresses OPTIONAL
 * }
 * ```
 */
export const KrbCredInfo = sequence('KrbCredInfo', {
  key: field(0, EncryptionKey),
  prealm: optional(1, Realm),
  pname: optional(2, PrincipalName),
  flags: optional(3, KerberosFlags),
  authtime: optional(4, KerberosTime),
  starttime: optional(5, KerberosTime),
  endtime: optional(6, KerberosTime),
  renewTill: optional(7, KerberosTime),
  srealm: optional(8, Realm),
  sname: optional(9, PrincipalName),
  caddr: optional(10, HostAddresses),
});

/**
 * ```
 * EncKrbCredPart  ::= [APPLICATION 29] SEQUENCE {
 *         ticket-info     [0] SEQUENCE OF KrbCredInfo,
 *         nonce           [1] UInt32 OPTIONAL,
 *         timestamp       [2] KerberosTime OPTIONAL,
 *         usec            [3] Microseconds OPTIONAL,
 *         s-address       [4] HostAddress OPTIONAL,
 *         r-address       [5] HostAddress OPTIONAL
 * }
 * ```
 */
export const EncKrbCredPart = application(
  29,
  sequence('EncKrbCredPart', {
    ticketInfo: field(0, sequenceOf('ticket-info', KrbCredInfo, { max: 32 })),
    nonce: optional(1, UInt32),
    timestamp: optional(2, KerberosTime),
    usec: optional(3, Microseconds),
    sAddress: optional(4, HostAddress),
    rAddress: optional(5, HostAddress),
  }),
);
