/** RFC 4120 section 5.3: tickets. */
import { integer, octetString } from '../der/primitives.ts';
import { application, field, optional, sequence, sequenceWithRaw } from '../der/schema.ts';
import type { Infer } from '../der/type.ts';
import {
  AuthorizationData,
  EncryptedData,
  EncryptionKey,
  HostAddresses,
  Int32,
  KerberosFlags,
  KerberosTime,
  PrincipalName,
  Realm,
} from './basic.ts';

/**
 * ```
 * Ticket          ::= [APPLICATION 1] SEQUENCE {
 *         tkt-vno         [0] INTEGER (5),
 *         realm           [1] Realm,
 *         sname           [2] PrincipalName,
 *         enc-part        [3] EncryptedData -- EncTicketPart
 * }
 * ```
 */
export const Ticket = application(
  1,
  sequenceWithRaw('Ticket', {
    tktVno: field(0, integer('tkt-vno', 5, 5)),
    realm: field(1, Realm),
    sname: field(2, PrincipalName),
    encPart: field(3, EncryptedData),
  }),
);
export type Ticket = Infer<typeof Ticket>;

/**
 * ```
 * TransitedEncoding       ::= SEQUENCE {
 *         tr-type         [0] Int32 -- must be registered --,
 *         contents        [1] OCTET STRING
 * }
 * ```
 */
export const TransitedEncoding = sequence('TransitedEncoding', {
  trType: field(0, Int32),
  contents: field(1, octetString('contents', 4096)),
});

/**
 * ```
 * EncTicketPart   ::= [APPLICATION 3] SEQUENCE {
 *         flags                   [0] TicketFlags,
 *         key                     [1] EncryptionKey,
 *         crealm                  [2] Realm,
 *         cname                   [3] PrincipalName,
 *         transited               [4] TransitedEncoding,
 *         authtime                [5] KerberosTime,
 *         starttime               [6] KerberosTime OPTIONAL,
 *         endtime                 [7] KerberosTime,
 *         renew-till              [8] KerberosTime OPTIONAL,
 *         caddr                   [9] HostAddresses OPTIONAL,
 *         authorization-data      [10] AuthorizationData OPTIONAL
 * }
 * ```
 */
export const EncTicketPart = application(
  3,
  sequence('EncTicketPart', {
    flags: field(0, KerberosFlags),
    key: field(1, EncryptionKey),
    crealm: field(2, Realm),
    cname: field(3, PrincipalName),
    transited: field(4, TransitedEncoding),
    authtime: field(5, KerberosTime),
    starttime: optional(6, KerberosTime),
    endtime: field(7, KerberosTime),
    renewTill: optional(8, KerberosTime),
    caddr: optional(9, HostAddresses),
    authorizationData: optional(10, AuthorizationData),
  }),
);
export type EncTicketPart = Infer<typeof EncTicketPart>;
