/** RFC 4120 section 5.5: client/server authentication messages. */
import { integer } from '../der/primitives.ts';
import { application, field, optional, sequence } from '../der/schema.ts';
import type { Infer } from '../der/type.ts';
import {
  AuthorizationData,
  Checksum,
  EncryptedData,
  EncryptionKey,
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
 * AP-REQ          ::= [APPLICATION 14] SEQUENCE {
 *         pvno            [0] INTEGER (5),
 *         msg-type        [1] INTEGER (14),
 *         ap-options      [2] APOptions,
 *         ticket          [3] Ticket,
 *         authenticator   [4] EncryptedData -- Authenticator
 * }
 * ```
 */
export const ApReq = application(
  14,
  sequence('AP-REQ', {
    pvno: field(0, Pvno),
    msgType: field(1, integer('msg-type', 14, 14)),
    apOptions: field(2, KerberosFlags),
    ticket: field(3, Ticket),
    authenticator: field(4, EncryptedData),
  }),
);
export type ApReq = Infer<typeof ApReq>;

/**
 * ```
 * Authenticator   ::= [APPLICATION 2] SEQUENCE  {
 *         authenticator-vno       [0] INTEGER (5),
 *         crealm                  [1] Realm,
 *         cname                   [2] PrincipalName,
 *         cksum                   [3] Checksum OPTIONAL,
 *         cusec                   [4] Microseconds,
 *         ctime                   [5] KerberosTime,
 *         subkey                  [6] EncryptionKey OPTIONAL,
 *         seq-number              [7] UInt32 OPTIONAL,
 *         authorization-data      [8] AuthorizationData OPTIONAL
 * }
 * ```
 */
export const Authenticator = application(
  2,
  sequence('Authenticator', {
    authenticatorVno: field(0, integer('authenticator-vno', 5, 5)),
    crealm: field(1, Realm),
    cname: field(2, PrincipalName),
    cksum: optional(3, Checksum),
    cusec: field(4, Microseconds),
    ctime: field(5, KerberosTime),
    subkey: optional(6, EncryptionKey),
    seqNumber: optional(7, UInt32),
    authorizationData: optional(8, AuthorizationData),
  }),
);
export type Authenticator = Infer<typeof Authenticator>;

/**
 * ```
 * AP-REP          ::= [APPLICATION 15] SEQUENCE {
 *         pvno            [0] INTEGER (5),
 *         msg-type        [1] INTEGER (15),
 *         enc-part        [2] EncryptedData -- EncAPRepPart
 * }
 * ```
 */
export const ApRep = application(
  15,
  sequence('AP-REP', {
    pvno: field(0, Pvno),
    msgType: field(1, integer('msg-type', 15, 15)),
    encPart: field(2, EncryptedData),
  }),
);

/**
 * ```
 * EncAPRepPart    ::= [APPLICATION 27] SEQUENCE {
 *         ctime           [0] KerberosTime,
 *         cusec           [1] Microseconds,
 *         subkey          [2] EncryptionKey OPTIONAL,
 *         seq-number      [3] UInt32 OPTIONAL
 * }
 * ```
 */
export const EncApRepPart = application(
  27,
  sequence('EncAPRepPart', {
    ctime: field(0, KerberosTime),
    cusec: field(1, Microseconds),
    subkey: optional(2, EncryptionKey),
    seqNumber: optional(3, UInt32),
  }),
);
