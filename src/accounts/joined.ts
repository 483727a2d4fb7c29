import { fromHex, fromUtf8, toHex, utf8 } from '../base/bytes.ts';
import { Key } from '../base/key.ts';
import type { Seconds } from '../base/ports.ts';
import type { Device } from '../realm/device.ts';
import type { PrincipalKey } from '../realm/principal.ts';

/** What whoever joins is told, and what is kept for who asks again. */
export interface JoinAnswer {
  readonly device: Device;
  /** Its current keys, of each of its principals, and when they were made. */
  readonly keys: readonly { readonly name: string; readonly key: PrincipalKey }[];
  readonly made: Seconds;
  readonly token: string | undefined;
}

/** As bytes to be sealed. */
export function encodeJoined({ device, keys, made, token }: JoinAnswer): Uint8Array {
  const rows = keys.map(({ name, key: { kvno, key } }) => ({
    name,
    kvno,
    etype: key.etype,
    key: toHex(key.bytes),
  }));
  return utf8(JSON.stringify({ device, keys: rows, made, token }));
}

/** The inverse; of a key nothing but kvno, etype and bytes comes back. */
export function decodeJoined(bytes: Uint8Array): JoinAnswer {
  const { device, keys, made, token } = JSON.parse(fromUtf8(bytes)) as Stored;
  return {
    // JSON has no undefined.
    device: { ...device, serial: device.serial, model: device.model, lastSeen: device.lastSeen },
    keys: keys.map(({ name, kvno, etype, key }) => ({
      name,
      key: { kvno, key: new Key(etype, fromHex(key)), salt: undefined, s2kparams: undefined },
    })),
    made,
    token,
  };
}

interface Stored {
  readonly device: Device;
  readonly keys: readonly {
    readonly name: string;
    readonly kvno: number;
    readonly etype: number;
    readonly key: string;
  }[];
  readonly made: Seconds;
  readonly token: string | undefined;
}
