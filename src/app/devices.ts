/** Devices and join tokens as the command line shows them. */
import type { DeviceAccounts } from '../accounts/devices.ts';
import { namedDevice } from '../accounts/device-host.ts';
import { RealmwardError } from '../base/errors.ts';
import { nowSeconds, type Seconds } from '../base/ports.ts';
import { etypeName } from '../crypto/etypes.ts';
import { type DeviceSummary, deviceNames } from '../realm/device.ts';
import type { JoinToken } from '../realm/join-token.ts';
import { maxTicketLife } from './administer.ts';
import type { Realm } from './compose/realm.ts';
import { isoTime } from './iso-time.ts';

/** A device; times are ISO 8601, `null`: there is none. */
export interface DeviceView {
  readonly host: string;
  /** `host/<host>@REALM`, and `HTTP/<host>@REALM` where it has that. */
  readonly principals: readonly string[];
  readonly state: 'ok' | 'disabled';
  readonly serial: string | null;
  readonly model: string | null;
  readonly joined: string;
  readonly joinedBy: string;
  readonly joinedFrom: string;
  readonly lastSeen: string | null;
  readonly kvno: number;
  readonly keysMade: string;
  readonly etypes: readonly string[];
}

export interface JoinTokenView {
  readonly id: string;
  readonly state: 'ok' | 'used up' | 'ended';
  readonly created: string;
  readonly expires: string;
  readonly uses: number;
  readonly used: number;
}

/** What `joinDevice` works on; `serverNames`: those of the realm's own servers now. */
export function deviceAccounts(realm: Realm, serverNames: () => readonly string[]): DeviceAccounts {
  const { accounts, store } = realm;
  return {
    ...accounts,
    devices: store.devices,
    get reservedHosts() {
      return serverNames();
    },
    maxTicketLife: maxTicketLife(realm),
  };
}

/** All devices, by host name. */
export async function listDevices({ store, config }: Realm): Promise<DeviceView[]> {
  return (await store.devices.list()).map((device) => deviceView(device, config.realm));
}

/** One device. Throws `RealmwardError` `bad-host`, `not-found`. */
export async function showDevice({ store, config }: Realm, text: string): Promise<DeviceView> {
  const host = namedDevice(config.realm, text);
  const device = await store.devices.summary(host);
  if (device !== undefined) return deviceView(device, config.realm);
  throw new RealmwardError('not-found', `no device "${host}" has joined`, {
    hint: '"realmward device list" shows those that have.',
  });
}

/** All join tokens, the newest first. */
export async function listJoinTokens({ store, accounts }: Realm): Promise<JoinTokenView[]> {
  const now = nowSeconds(accounts.clock);
  return (await store.joinTokens.list()).map((token) => joinTokenView(token, now));
}

export function joinTokenView({ id, created, expires, uses, used }: JoinToken, now: Seconds): JoinTokenView {
  const state = expires <= now ? 'ended' : used >= uses ? 'used up' : 'ok';
  return { id, state, created: isoTime(created), expires: isoTime(expires), uses, used };
}

function deviceView(device: DeviceSummary, realm: string): DeviceView {
  const { host, http } = device;
  const names = [deviceNames.host(host), ...(http ? [deviceNames.http(host)] : [])];
  return {
    host,
    principals: names.map((name) => `${name}@${realm}`),
    state: device.disabled ? 'disabled' : 'ok',
    serial: device.serial ?? null,
    model: device.model ?? null,
    joined: isoTime(device.joined),
    joinedBy: device.joinedBy,
    joinedFrom: device.joinedFrom,
    lastSeen: isoTime(device.lastSeen),
    kvno: device.kvno,
    keysMade: isoTime(device.keysMade),
    etypes: device.etypes.map(etypeName),
  };
}
