import type { DeviceRepository } from '../realm/device.ts';
import { deviceHost } from './device-host.ts';

interface Devices {
  readonly devices: DeviceRepository;
}

/*
 * What an operator does to a device. Each throws `RealmwardError` `bad-host`, `not-found`.
 */

/** Its keys, tickets and bearer token count for nothing until it is switched on again. */
export async function disableDevice({ devices }: Devices, text: string): Promise<void> {
  await devices.setDisabled(deviceHost(text, []), true);
}

export async function enableDevice({ devices }: Devices, text: string): Promise<void> {
  await devices.setDisabled(deviceHost(text, []), false);
}

/** Removes the device for good: keys, tickets and bearer token of it are worthless at once. Its name is free. */
export async function removeDevice({ devices }: Devices, text: string): Promise<void> {
  await devices.remove(deviceHost(text, []));
}
