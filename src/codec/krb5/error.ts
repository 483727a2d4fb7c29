/** RFC 4120 section 5.9: error message. */
import { integer, octetString } from '../der/primitives.ts';
import { application, field, optional, sequence } from '../der/schema.ts';
import type { Infer } from '../der/type.ts';
import { Int32, KerberosString, KerberosTime, Microseconds, PrincipalName, Realm } from './basic.ts';

/**
 * ```
 * KRB-ERROR       ::= [APPLICATION 30] SEQUENCE {
 *         pvno            [0] INTEGER (5),
 *         msg-type        [1] INTEGER (30),
 *         ctime           [2] KerberosTime OPTIONAL,
 *         cusec           [3] Microseconds OPTIONAL,
 *         stime           [4] KerberosTime,
 *         susec           [5] Microseconds,
 *         error-code      [6] Int32,
 *         crealm          [7] Realm OPTIONAL,
 *         cname           [8] PrincipalName OPTIONAL,
 *         realm           [9] Realm -- service realm --,
 *         sname           [10] PrincipalName -- service name --,
 *         e-text          [11] KerberosString OPTIONAL,
 *         e-data          [12] OCTET STRING OPTIONAL
 * }
 * ```
 */
export const KrbError = application(
  30,
  sequence('KRB-ERROR', {
    pvno: field(0, integer('pvno', 5, 5)),
    msgType: field(1, integer('msg-type', 30, 30)),
    ctime: optional(2, KerberosTime),
    cusec: optional(3, Microseconds),
    stime: field(4, KerberosTime),
    susec: field(5, Microseconds),
    errorCode: field(6, Int32),
    crealm: optional(7, Realm),
    cname: optional(8, PrincipalName),
    realm: field(9, Realm),
    sname: field(10, PrincipalName),
    eText: optional(11, KerberosString),
    eData: optional(12, octetString('e-data')),
  }),
);
export type KrbError = Infer<typeof KrbError>;
