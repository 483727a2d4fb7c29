import type { Kysely } from 'kysely';
import { type Clock, type Logger, nowSeconds, type Seconds } from '../base/ports.ts';
import type { DeviceDirectory } from '../realm/device.ts';
import { BoundedMap } from './bounded-map.ts';
import { activeDevices, toActiveDevice } from './devices.ts';
import type { Tables } from './schema.ts';

/** How long it may take until it is written that a device was seen, in milliseconds. */
const DELAY = 1_000;
/** Devices whose last minute is remembered, so that it is written once. */
const REMEMBERED = 10_000;
/** Devices in one transaction. */
const CHUNK = 200;

/** A device's host name, and when it was seen. */
type Sighting = readonly [string, Seconds];

/** A `DeviceDirectory` that writes in the background when devices were seen. */
export interface StoredDevices extends DeviceDirectory {
  /** Writes the rest and stops. */
  close(): Promise<void>;
}

/** The directory: reads through `reader`, and writes through `writer` what can be told again if it is lost. */
export function createDeviceDirectory(
  { reader, writer }: { readonly reader: Kysely<Tables>; readonly writer: Kysely<Tables> },
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): StoredDevices {
  const recorded = new BoundedMap<Seconds>(REMEMBERED);
  let waiting = new Map<string, Seconds>();
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const seen = [...waiting];
    waiting = new Map();
    writing = write(writing, seen);
    return writing;
  };

  const write = async (before: Promise<void>, seen: readonly Sighting[]): Promise<void> => {
    await before;
    try {
      for (let at = 0; at < seen.length; at += CHUNK) await record(writer, seen.slice(at, at + CHUNK));
    } catch (error) {
      log.warn({ err: error }, 'it could not be recorded which devices were here');
    }
  };

  return {
    async find(host) {
      const active = activeDevices(reader, nowSeconds(clock));
      const row = await active.where('device.host', '=', host).executeTakeFirst();
      return row && toActiveDevice(row);
    },

    async findByToken(hash) {
      const row = await activeDevices(reader, nowSeconds(clock))
        .innerJoin('device_token', 'device_token.device', 'device.principal')
        .select(['device_token.id as token', 'device.principal'])
        .where('device_token.hash', '=', hash)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      await forgetEarlierTokens(reader, writer, row);
      return toActiveDevice(row);
    },

    seen(host, at) {
      const minute = at - (at % 60);
      if (recorded.get(host) === minute) return;
      recorded.set(host, minute);
      waiting.set(host, minute);
      timer ??= setTimeout(() => void flush(), DELAY).unref();
    },

    async close() {
      await flush();
    },
  };
}

/** A device that shows its new token has it: the one before it is needed no more. */
async function forgetEarlierTokens(
  reader: Kysely<Tables>,
  writer: Kysely<Tables>,
  { principal, token }: { readonly principal: number; readonly token: number },
): Promise<void> {
  const earlier = await reader
    .selectFrom('device_token')
    .select('id')
    .where('device', '=', principal)
    .where('id', '<', token)
    .executeTakeFirst();
  if (earlier === undefined) return;
  await writer.deleteFrom('device_token').where('device', '=', principal).where('id', '<', token).execute();
}

async function record(db: Kysely<Tables>, seen: readonly Sighting[]): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    for (const [host, at] of seen) {
      await transaction
        .updateTable('device')
        .set({ last_seen: at })
        .where('host', '=', host)
        .where((where) => where.or([where('last_seen', 'is', null), where('last_seen', '<', at)]))
        .execute();
    }
  });
}
