/** What stands in the OCTET STRINGs of a message, by the type that is given beside them. */
import { AdType } from '../../spec/ad-types.ts';
import { PaType } from '../../spec/pa-types.ts';
import type { Type } from '../der/type.ts';
import { ApReq } from '../krb5/ap.ts';
import {
  AdAndOr,
  AdCammac,
  AdIfRelevant,
  AdKdcIssued,
  AuthenticationIndicator,
  EtypeNegotiation,
} from '../krb5/authorization-data.ts';
import { Checksum, EncryptedData } from '../krb5/basic.ts';
import { EtypeInfo, EtypeInfo2, PaEncTimestamp, PaPacOptions, PaPacRequest } from '../krb5/padata.ts';

/** Types of padata-value by padata-type. */
export const PADATA_VALUES: ReadonlyMap<number, Type<unknown>> = new Map<number, Type<unknown>>([
  [PaType.TGS_REQ, ApReq],
  [PaType.ENC_TIMESTAMP, PaEncTimestamp],
  [PaType.ETYPE_INFO, EtypeInfo],
  [PaType.ETYPE_INFO2, EtypeInfo2],
  [PaType.PAC_REQUEST, PaPacRequest],
  [PaType.ENCRYPTED_CHALLENGE, EncryptedData],
  [PaType.PAC_OPTIONS, PaPacOptions],
  // RFC 6806 section 11: empty in a request, a checksum of it in the reply.
  [PaType.REQ_ENC_PA_REP, Checksum],
]);

/** Types of ad-data by ad-type. */
export const AD_VALUES: ReadonlyMap<number, Type<unknown>> = new Map<number, Type<unknown>>([
  [AdType.IF_RELEVANT, AdIfRelevant],
  [AdType.KDC_ISSUED, AdKdcIssued],
  [AdType.AND_OR, AdAndOr],
  [AdType.MANDATORY_FOR_KDC, AdIfRelevant],
  [AdType.CAMMAC, AdCammac],
  [AdType.AUTHENTICATION_INDICATOR, AuthenticationIndicator],
  [AdType.ETYPE_NEGOTIATION, EtypeNegotiation],
]);
