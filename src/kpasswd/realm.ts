import type { DeviceAccounts } from '../accounts/devices.ts';
import type { Seconds } from '../base/ports.ts';
import type { PrincipalDirectory } from '../realm/ports.ts';
import type { KpasswdEvent } from './event.ts';

/** What a password service is made of. */
export interface KpasswdOptions {
  readonly accounts: DeviceAccounts;
  /** Where the keys of kadmin/changepw come from: from memory. */
  readonly directory: PrincipalDirectory;
  readonly clockSkew: Seconds;
  /** Told once for each request. Must not throw. */
  readonly observe: (event: KpasswdEvent) => void;
}

/** Where a request came from. */
export interface KpasswdOrigin {
  readonly transport: string;
  readonly address: string;
  readonly port: number;
  /** Our own address that was asked, where it is known. */
  readonly localAddress?: string;
}
