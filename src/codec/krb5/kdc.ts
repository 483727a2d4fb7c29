/** RFC 4120 section 5.4: messages of the AS and TGS exchanges. */
import { integer } from '../der/primitives.ts';
import {
  application,
  field,
  optional,
  sequence,
  sequenceOf,
  sequenceWithRaw,
  tolerantOf,
} from '../der/schema.ts';
import type { Infer } from '../der/type.ts';
import {
  EncryptedData,
  EncryptionKey,
  HostAddresses,
  Int32,
  KerberosFlags,
  KerberosTime,
  MethodData,
  PrincipalName,
  Realm,
} from './basic.ts';
import { Ticket } from './ticket.ts';

const Pvno = integer('pvno', 5, 5);

/** Of a request, which is to be answered KDC_ERR_BAD_PVNO where it is another version's. */
const RequestPvno = integer('pvno', 0, 255);

/**
 * UInt32 by the RFC, but half of Heimdal 7's nonces are negative, and of a reply it reads 32 signed bits alone. So the number is kept as it
 * came, and whoever answers gives it back.
 */
const Nonce = integer('nonce', -0x8000_0000, 0xffff_ffff);

/**
 * ```
 * KDC-REQ-BODY    ::= SEQUENCE {
 *         kdc-options             [0] KDCOptions,
 *         cname                   [1] PrincipalName OPTIONAL -- Used only in AS-REQ --,
 *         realm                   [2] Realm -- Server's realm, also client's in AS-REQ --,
 *         sname                   [3] PrincipalName OPTIONAL,
 *         from                    [4] KerberosTime OPTIONAL,
 *         till                    [5] KerberosTime,
 *         rtime                   [6] KerberosTime OPTIONAL,
 *         nonce                   [7] UInt32,
 *         etype                   [8] SEQUENCE OF Int32 -- EncryptionType -- in preference order --,
 *         addresses               [9] HostAddresses OPTIONAL,
 *         enc-authorization-data  [10] EncryptedData OPTIONAL -- AuthorizationData --,
 *         additional-tickets      [11] SEQUENCE OF Ticket OPTIONAL
 * }
 * ```
 */
export const KdcReqBody = sequenceWithRaw('KDC-REQ-BODY', {
  kdcOptions: field(0, KerberosFlags),
  cname: optional(1, PrincipalName),
  realm: field(2, Realm),
  sname: optional(3, PrincipalName),
  from: optional(4, KerberosTime),
  till: field(5, KerberosTime),
  rtime: optional(6, KerberosTime),
  nonce: field(7, Nonce),
  etype: field(8, sequenceOf('etype', Int32, { max: 64 })),
  addresses: optional(9, HostAddresses),
  encAuthorizationData: optional(10, EncryptedData),
  additionalTickets: optional(11, sequenceOf('additional-tickets', Ticket, { max: 8 })),
});
export type KdcReqBody = Infer<typeof KdcReqBody>;

/**
 * ```
 * KDC-REQ         ::= SEQUENCE {
 *         -- NOTE: first tag is [1], not [0]
 *         pvno            [1] INTEGER (5) ,
 *         msg-type        [2] INTEGER (10 -- AS -- | 12 -- TGS --),
 *         padata          [3] SEQUENCE OF PA-DATA OPTIONAL,
 *         req-body        [4] KDC-REQ-BODY
 * }
 * ```
 */
const kdcReq = (name: string, msgType: number) =>
  sequence(name, {
    pvno: field(1, RequestPvno),
    msgType: field(2, integer('msg-type', msgType, msgType)),
    padata: optional(3, MethodData),
    reqBody: field(4, KdcReqBody),
  });

/** AS-REQ ::= [APPLICATION 10] KDC-REQ */
export const AsReq = application(10, kdcReq('AS-REQ', 10));
/** TGS-REQ ::= [APPLICATION 12] KDC-REQ */
export const TgsReq = application(12, kdcReq('TGS-REQ', 12));
export type KdcReq = Infer<typeof AsReq>;

/**
 * ```
 * KDC-REP         ::= SEQUENCE {
 *         pvno            [0] INTEGER (5),
 *         msg-type        [1] INTEGER (11 -- AS -- | 13 -- TGS --),
 *         padata          [2] SEQUENCE OF PA-DATA OPTIONAL,
 *         crealm          [3] Realm,
 *         cname           [4] PrincipalName,
 *         ticket          [5] Ticket,
 *         enc-part        [6] EncryptedData -- EncASRepPart or EncTGSRepPart, as appropriate
 * }
 * ```
 */
const kdcRep = (name: string, msgType: number) =>
  sequence(name, {
    pvno: field(0, Pvno),
    msgType: field(1, integer('msg-type', msgType, msgType)),
    padata: optional(2, MethodData),
    crealm: field(3, Realm),
    cname: field(4, PrincipalName),
    ticket: field(5, Ticket),
    encPart: field(6, EncryptedData),
  });

/** AS-REP ::= [APPLICATION 11] KDC-REP */
export const AsRep = application(11, kdcRep('AS-REP', 11));
/** TGS-REP ::= [APPLICATION 13] KDC-REP */
export const TgsRep = application(13, kdcRep('TGS-REP', 13));
export type KdcRep = Infer<typeof AsRep>;

/** LastReq ::= SEQUENCE OF SEQUENCE { lr-type [0] Int32, lr-value [1] KerberosTime } (section 5.4.2) */
export const LastReq = sequenceOf(
  'LastReq',
  sequence('LastReq entry', { lrType: field(0, Int32), lrValue: field(1, KerberosTime) }),
  { max: 32 },
);

/**
 * ```
 * EncKDCRepPart   ::= SEQUENCE {
 *         key             [0] EncryptionKey,
 *         last-req        [1] LastReq,
 *         nonce           [2] UInt32,
 *         key-expiration  [3] KerberosTime OPTIONAL,
 *         flags           [4] TicketFlags,
 *         authtime        [5] KerberosTime,
 *         starttime       [6] KerberosTime OPTIONAL,
 *         endtime         [7] KerberosTime,
 *         renew-till      [8] KerberosTime OPTIONAL,
 *         srealm          [9] Realm,
 *         sname           [10] PrincipalName,
 *         caddr           [11] HostAddresses OPTIONAL,
 *         encrypted-pa-data [12] METHOD-DATA OPTIONAL -- RFC 6806 section 11
 * }
 * ```
 */
const EncKdcRepPart = sequence('EncKDCRepPart', {
  key: field(0, EncryptionKey),
  lastReq: field(1, LastReq),
  nonce: field(2, Nonce),
  keyExpiration: optional(3, KerberosTime),
  flags: field(4, KerberosFlags),
  authtime: field(5, KerberosTime),
  starttime: optional(6, KerberosTime),
  endtime: field(7, KerberosTime),
  renewTill: optional(8, KerberosTime),
  srealm: field(9, Realm),
  sname: field(10, PrincipalName),
  caddr: optional(11, HostAddresses),
  encryptedPaData: optional(12, MethodData),
});
export type EncKdcRepPart = Infer<typeof EncKdcRepPart>;

/** EncTGSRepPart ::= [APPLICATION 26] EncKDCRepPart */
export const EncTgsRepPart = application(26, EncKdcRepPart);

/**
 * EncASRepPart ::= [APPLICATION 25] EncKDCRepPart. "Some implementations unconditionally send an encrypted EncTGSRepPart (application
 * tag number 26) in this field regardless of whether the reply is a AS-REP or a TGS-REP.  In the interest of compatibility, implementors
 * MAY relax the check on the tag number of the decrypted ENC-PART."
 */
export const EncAsRepPart = tolerantOf(application(25, EncKdcRepPart), EncTgsRepPart);
