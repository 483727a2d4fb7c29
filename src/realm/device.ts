import type { Seconds } from '../base/ports.ts';

/** A device that has joined the realm; its key is that of the principal `host/<host>`, which also says whether it is disabled. */
export interface Device {
  /** Host name, the part of `host/<host>` behind the slash. By default a device's serial number. */
  readonly host: string;
  readonly serial: string | undefined;
  readonly model: string | undefined;
  readonly joined: Seconds;
  /** Who joined it: `name@REALM`, or `token <id>`. */
  readonly joinedBy: string;
  /** Network address that the join came from. */
  readonly joinedFrom: string;
  /** When it last authenticated itself to the realm's HTTPS server; kept to the minute. */
  readonly lastSeen: Seconds | undefined;
}

/** What the HTTPS server asks about devices. */
export interface DeviceDirectory {
  /** The device, unless it was removed or its principal is disabled. */
  find(host: string): Promise<Device | undefined>;
  /** The same by the SHA-256 of the bearer token that it got when it joined. */
  findByToken(hash: Uint8Array): Promise<Device | undefined>;
  /** Notes that the device was here; does not wait for the store. */
  seen(host: string, at: Seconds): void;
}
