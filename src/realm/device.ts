import type { Seconds } from '../base/ports.ts';
import { formatName } from './name.ts';
import type { Principal, PrincipalKey } from './principal.ts';

/** A device that has joined the realm; its key is that of the principal `host/<host>`, which also says whether it is disabled. */
export interface Device {
  /** Host name, the part of `host/<host>` behind the slash. By default a device's serial number. */
  readonly host: string;
  readonly serial: string | undefined;
  readonly model: string | undefined;
  readonly joined: Seconds;
  /** Who joined it: `name@REALM`, or `token <id>`. When it gives itself new keys, this and the two beside it stay. */
  readonly joinedBy: string;
  /** Network address that the join came from. */
  readonly joinedFrom: string;
  /** When it last authenticated itself to the realm's HTTPS server; kept to the minute. */
  readonly lastSeen: Seconds | undefined;
}

/** A device that may act, and which of those that had its name one after the other it is. */
export interface ActiveDevice extends Device {
  /** RID of the account `host/<host>`; a device that replaces it has another one. */
  readonly rid: number;
}

/** What the HTTPS server asks about devices. */
export interface DeviceDirectory {
  /** The device, unless it was removed or its principal is disabled. */
  find(host: string): Promise<ActiveDevice | undefined>;
  /** The same by the SHA-256 of the bearer token that it got when it joined. */
  findByToken(hash: Uint8Array): Promise<ActiveDevice | undefined>;
  /** Notes that the device was here; does not wait for the store. */
  seen(host: string, at: Seconds): void;
}

/** A device as an administrator sees it. */
export interface DeviceSummary extends Device {
  /** When it last proved who it is: to the HTTPS server, or with its key to the KDC. */
  readonly lastSeen: Seconds | undefined;
  readonly disabled: boolean;
  /** Of its current keys. */
  readonly kvno: number;
  readonly etypes: readonly number[];
  readonly keysMade: Seconds;
  /** Whether it has a principal `HTTP/<host>` beside `host/<host>`. */
  readonly http: boolean;
}

/** Canonical names of the principals of a device. */
export const deviceNames = {
  host: (host: string): string => formatName(['host', host]),
  http: (host: string): string => formatName(['HTTP', host]),
};

/** What stands under a host's name when somebody wants to join it. */
export interface HostRecord {
  /** `undefined` where nothing has joined; principals may have been made by other means. */
  readonly device: Device | undefined;
  readonly host: Principal | undefined;
  /** `HTTP/<host>`, whether or not it belongs to the device. */
  readonly http: Principal | undefined;
  /** Whether it does. */
  readonly ownsHttp: boolean;
}

/** What a join makes of a host's name. */
export interface DeviceEntry {
  readonly device: Omit<Device, 'host' | 'lastSeen'>;
  /** When the keys were made. */
  readonly at: Seconds;
  /**
   * The principals that are there give way to new ones, with SIDs of their own, so that tickets which the old ones got are worthless; their
   * bounds on tickets stay.
   */
  readonly replace: boolean;
  /** All keys of `host/<host>`, older ones included. */
  readonly hostKeys: readonly PrincipalKey[];
  /** The same of `HTTP/<host>`, which becomes the device's; `undefined`: it stays as it is. */
  readonly httpKeys: readonly PrincipalKey[] | undefined;
  /** SHA-256 of a new bearer token. With `keepPrevious` the one that the device used last stays good until the new one is used; else all others go. */
  readonly token: { readonly hash: Uint8Array; readonly keepPrevious: boolean } | undefined;
  /** Id of the join token of which one use is taken. */
  readonly joinToken: string | undefined;
  /** What whoever joins is answered; it holds secrets. */
  readonly answer: Uint8Array;
}

/** What makes a join that is asked for twice be done once. */
export interface JoinOnce {
  /** SHA-256 of who asks, for which host, under which request id. */
  readonly request: Uint8Array;
  /** SHA-256 of what is asked for. */
  readonly body: Uint8Array;
  /** Until when the answer is kept. */
  readonly expires: Seconds;
}

/** The repository of devices: each method is one transaction over a device and its principals, and leaves lines in the change feed. */
export interface DeviceRepository {
  summary(host: string): Promise<DeviceSummary | undefined>;
  /** All devices, by host name. */
  list(): Promise<DeviceSummary[]>;
  /**
   * Makes a device, or gives one that exists new keys: what `decide` says, which is called inside the transaction with what is there then. Where
   * `once` was answered before, nothing is done, and that answer comes again. Throws what `decide` throws, `RealmwardError` `join-token-used`
   * when its token is used up, expired or revoked, `request-id-reused` when `once` came before with another body, and `exists` for a name that
   * cannot be told from an existing one.
   */
  join(
    host: string,
    now: Seconds,
    decide: (present: HostRecord) => DeviceEntry,
    once?: JoinOnce,
  ): Promise<{ readonly answer: Uint8Array; readonly repeated: boolean }>;
  /** Switches the device's principals off or on. Throws `RealmwardError` `not-found`. */
  setDisabled(host: string, disabled: boolean): Promise<void>;
  /** Removes the device with its principals, tokens and answers. Throws `RealmwardError` `not-found`. */
  remove(host: string): Promise<void>;
}
