/** What Windows and Samba add to a KRB-ERROR: the NTSTATUS behind it (MS-KILE section 2.2.1, MS-ERREF section 2.3.1). */
import { DerError } from '../codec/der/error.ts';
import { decode } from '../codec/der/type.ts';
import { MethodData, PaData } from '../codec/krb5/basic.ts';
import type { KdcErrorRow } from './kdc-errors.ts';

/** Where an NTSTATUS says more than the error's number, which is the same for several of them. */
export const NT_STATUS: ReadonlyMap<number, KdcErrorRow & { readonly name: string }> = new Map([
  [0xc000_006a, { name: 'STATUS_WRONG_PASSWORD', text: 'The password is wrong.' }],
  [
    0xc000_006f,
    {
      name: 'STATUS_INVALID_LOGON_HOURS',
      text: 'The account may not log in at this time.',
      hint: 'Look at the logon hours of the account in AD.',
    },
  ],
  [
    0xc000_0070,
    {
      name: 'STATUS_INVALID_WORKSTATION',
      text: 'The account may not log in from this machine.',
      hint: 'Look at the list of machines ("Log On To") of the account in AD.',
    },
  ],
  [
    0xc000_0071,
    {
      name: 'STATUS_PASSWORD_EXPIRED',
      text: 'The password has expired.',
      hint: 'Change it on a Windows machine of the domain, with Ctrl+Alt+Del.',
    },
  ],
  [
    0xc000_0072,
    {
      name: 'STATUS_ACCOUNT_DISABLED',
      text: 'The account is disabled.',
      hint: 'Ask whoever keeps the accounts to enable it.',
    },
  ],
  [
    0xc000_0193,
    {
      name: 'STATUS_ACCOUNT_EXPIRED',
      text: 'The account has expired.',
      hint: 'Ask whoever keeps the accounts to extend it.',
    },
  ],
  [
    0xc000_0224,
    {
      name: 'STATUS_PASSWORD_MUST_CHANGE',
      text: 'The password must be changed before the account can be used.',
      hint: 'Change it on a Windows machine of the domain.',
    },
  ],
  [
    0xc000_0234,
    {
      name: 'STATUS_ACCOUNT_LOCKED_OUT',
      text: 'The account is locked after too many wrong passwords.',
      hint: 'Wait until the lock ends, or ask whoever keeps the accounts. Do not try again and again: that keeps it locked.',
    },
  ],
]);

/** KERB_ERR_TYPE_EXTENDED; Samba writes it as PA-PW-SALT, which has the same number. */
const EXTENDED = 3;
/** KERB-EXT-ERROR: status, reserved, flags, of four bytes each. */
const EXT_ERROR_LENGTH = 12;

/**
 * The NTSTATUS in a KRB-ERROR's e-data. Windows sends one KERB-ERROR-DATA, which looks like a PA-DATA; Samba a list of them. `undefined` for
 * anything else: e-data has many forms.
 */
export function ntStatusOf(eData: Uint8Array | undefined): number | undefined {
  if (eData === undefined) return undefined;
  const elements = readOr(() => decode(MethodData, eData)) ?? [readOr(() => decode(PaData, eData))];
  const value = elements.find((element) => element?.padataType === EXTENDED)?.padataValue;
  if (value?.length !== EXT_ERROR_LENGTH) return undefined;
  return new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}

function readOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
