import type { Joined } from '../accounts/devices.ts';
import { nowSeconds, type Clock, type Seconds } from '../base/ports.ts';
import { writeKeytab } from '../codec/keytab.ts';
import { deviceNames } from '../realm/device.ts';
import { parseName } from '../realm/name.ts';
import { NameType } from '../spec/name-types.ts';

/** Where clients reach the realm: `host:port`, IPv6 in brackets; of `https` the beginnings of URLs, and of `kdcProxy` whole ones (MS-KKDCP). */
export interface RealmServices {
  readonly kdc: readonly string[];
  readonly kpasswd: readonly string[];
  readonly https: readonly string[];
  readonly kdcProxy: readonly string[];
}

/** The answer to `POST /v1/join`. Secret: keytab and token are the device. */
export interface JoinAnswerBody {
  readonly realm: string;
  readonly device: {
    readonly host: string;
    /** `host/<host>@REALM`, and `HTTP/<host>@REALM` where it has that. */
    readonly principals: readonly string[];
    readonly kvno: number;
    readonly serial: string | null;
    readonly model: string | null;
    /** ISO 8601, as `time`. */
    readonly joined: string;
    readonly joinedBy: string;
    readonly joinedFrom: string;
  };
  /** A keytab file with the current keys, in base64. */
  readonly keytab: string;
  /** Bearer token of the device. */
  readonly token: string | null;
  readonly servers: RealmServices;
  /** PEM of the authority behind the server's certificate; `null` where it is none of the realm's own. */
  readonly ca: string | null;
  /** The server's clock. */
  readonly time: string;
  /** This request came before, and this is its answer once more. */
  readonly repeated: boolean;
}

export function joinAnswer(
  joined: Joined,
  realm: {
    readonly realm: string;
    readonly clock: Clock;
    readonly servers: RealmServices;
    readonly ca: string | undefined;
  },
): JoinAnswerBody {
  const { device, keys, made, token, repeated } = joined;
  const names = [...new Set(keys.map(({ name }) => name))];
  return {
    realm: realm.realm,
    device: {
      host: device.host,
      principals: names.map((name) => `${name}@${realm.realm}`),
      kvno: keys.find(({ name }) => name === deviceNames.host(device.host))?.key.kvno ?? 0,
      serial: device.serial ?? null,
      model: device.model ?? null,
      joined: isoTime(device.joined),
      joinedBy: device.joinedBy,
      joinedFrom: device.joinedFrom,
    },
    keytab: keytabOf(realm.realm, keys, made),
    token: token ?? null,
    servers: realm.servers,
    ca: realm.ca ?? null,
    time: isoTime(nowSeconds(realm.clock)),
    repeated,
  };
}

function keytabOf(realm: string, keys: Joined['keys'], timestamp: Seconds): string {
  const bytes = writeKeytab(
    keys.map(({ name, key: { kvno, key } }) => ({
      realm,
      name: { nameType: NameType.PRINCIPAL, nameString: parseName(name) },
      timestamp,
      kvno,
      key,
    })),
  );
  const text = Buffer.from(bytes).toString('base64');
  bytes.fill(0);
  return text;
}

function isoTime(at: Seconds): string {
  return new Date(at * 1000).toISOString().replace('.000Z', 'Z');
}
