import { showText } from '../ap/principal.ts';
import { RealmwardError } from '../base/errors.ts';
import type { Seconds } from '../base/ports.ts';
import type { KrbError } from '../codec/krb5/error.ts';
import { ErrorCode } from '../spec/error-codes.ts';
import { NT_STATUS, ntStatusOf } from './nt-status.ts';
import { KDC_ERRORS, type KdcErrorRow } from './kdc-errors.ts';

/** A KRB-ERROR that a KDC has sent. Nobody has signed it: it may be a reason to stop, never one to do something. */
export class KerberosError extends RealmwardError {
  /** The number of RFC 4120 section 7.5.9. */
  readonly errorCode: number;
  /** Its name there, or `KRB_ERROR_<number>`; `code` is the same in kebab case: `kdc-err-preauth-failed`. */
  readonly errorName: string;
  /** The realm whose KDC was asked. */
  readonly realm: string;
  /** What the KDC adds in its own words; made printable. */
  readonly eText: string | undefined;
  /** What Windows and Samba add (MS-ERREF section 2.3.1): 0xC0000234 for an account that is locked, 0xC0000072 for a disabled one. */
  readonly ntStatus: number | undefined;
  /** The client's realm, as far as the KDC says it: where WRONG_REALM refers to. */
  readonly clientRealm: string | undefined;
  /** The KDC's clock when it answered. */
  readonly stime: Seconds;

  constructor(realm: string, error: KrbError) {
    const { errorCode } = error;
    const name = NAMES.get(errorCode);
    const errorName = name ?? `KRB_ERROR_${errorCode}`;
    const ntStatus = ntStatusOf(error.eData);
    const status = ntStatus === undefined ? undefined : NT_STATUS.get(ntStatus);
    const row: KdcErrorRow = status ?? (name === undefined ? UNKNOWN : KDC_ERRORS[name]);
    const eText = error.eText === undefined || error.eText === '' ? undefined : showText(error.eText, 200);
    const says = eText === undefined ? '' : `, which says "${eText}"`;
    super(
      errorName.toLowerCase().replaceAll('_', '-'),
      `${row.text} (${errorName}${status === undefined ? '' : `, ${status.name}`} from the KDC of ${showText(realm, 100)}${says})`,
      row.hint === undefined ? {} : { hint: row.hint },
    );
    this.errorCode = errorCode;
    this.errorName = errorName;
    this.realm = realm;
    this.eText = eText;
    this.ntStatus = ntStatus;
    this.clientRealm = error.crealm;
    this.stime = error.stime;
  }
}

/** Whether `error` is a KRB-ERROR with this code. */
export function isKdcError(error: unknown, errorCode: number): error is KerberosError {
  return error instanceof KerberosError && error.errorCode === errorCode;
}

const UNKNOWN: KdcErrorRow = {
  text: 'The KDC reports an error that is not known here.',
  hint: 'The log of the KDC says more.',
};

const NAMES: ReadonlyMap<number, keyof typeof ErrorCode> = new Map(
  Object.entries(ErrorCode).map(([name, code]) => [code, name as keyof typeof ErrorCode]),
);
