import type { Kysely, Transaction } from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import type { Seconds } from '../base/ports.ts';
import {
  type ActiveDevice,
  type Device,
  type DeviceEntry,
  deviceNames,
  type DeviceRepository,
  type DeviceSummary,
} from '../realm/device.ts';
import type { Principal, PrincipalKey } from '../realm/principal.ts';
import { earlierAnswer, keepAnswer, pruneAnswers } from './join-answers.ts';
import { takeUse } from './join-tokens.ts';
import type { MasterKeyRing } from './master-key.ts';
import { etypeList } from './principal-rows.ts';
import { addPrincipal, principalFinder, principalWriter, updatePrincipal } from './principal-writes.ts';
import type { DeviceTable, Tables } from './schema.ts';

/** The repository over `db`; `onChange` is called when a change of principals is committed, before the caller learns of it. */
export function createDeviceRepository(
  db: Kysely<Tables>,
  ring: MasterKeyRing,
  onChange: () => void,
): DeviceRepository {
  const write = principalWriter(db, onChange);

  return {
    async summary(host) {
      const row = await summaryRows(db).where('host', '=', host).executeTakeFirst();
      return row && toSummary(row);
    },

    async list() {
      return (await summaryRows(db).orderBy('host').execute()).map(toSummary);
    },

    join: (host, now, decide, once) =>
      write(async (transaction, changed) => {
        await pruneAnswers(transaction, now);
        const earlier = once && (await earlierAnswer(transaction, ring, once, now));
        if (earlier !== undefined) return { answer: earlier, repeated: true };

        const find = principalFinder(transaction, ring);
        const row = await findRow(transaction, host);
        const present = {
          host: await find(deviceNames.host(host)),
          http: await find(deviceNames.http(host)),
        };
        const ownsHttp = row !== undefined && row.http !== null && row.http === present.http?.id;
        const entry = decide({ ...present, device: row && toDevice(row), ownsHttp });
        if (entry.joinToken !== undefined) await takeUse(transaction, entry.joinToken, now);

        const put = async (
          name: string,
          current: Principal | undefined,
          keys: readonly PrincipalKey[],
        ): Promise<number> => {
          changed.push(name);
          const fields = { keys, passwordChanged: entry.at };
          if (current !== undefined && !entry.replace)
            return (await updatePrincipal(transaction, ring, current, fields)).id;
          if (current !== undefined)
            await transaction.deleteFrom('principal').where('id', '=', current.id).execute();
          const { expires, maxLife, maxRenew } = current ?? {};
          const bounds = { expires, maxLife, maxRenew };
          return (await addPrincipal(transaction, ring, { name, kind: 'service', ...bounds, ...fields })).id;
        };
        const { hostKeys, httpKeys } = entry;
        const principal = await put(deviceNames.host(host), present.host, hostKeys);
        const http =
          httpKeys === undefined
            ? (row?.http ?? null)
            : await put(deviceNames.http(host), present.http, httpKeys);
        await putDevice(transaction, { principal, http, host, ...deviceColumns(entry.device) });
        await putToken(transaction, principal, entry.token);
        // An answer that was kept names a token and keys that this join has replaced.
        await transaction.deleteFrom('join_answer').where('device', '=', principal).execute();
        if (once !== undefined) await keepAnswer(transaction, ring, once, principal, entry.answer);
        return { answer: entry.answer, repeated: false };
      }),

    setDisabled: (host, disabled) =>
      write(async (transaction, changed) => {
        const find = principalFinder(transaction, ring);
        for (const name of await principalsOf(transaction, host)) {
          const current = await find(name);
          if (current === undefined) continue;
          const next = await updatePrincipal(transaction, ring, current, { disabled });
          if (next !== current) changed.push(name);
        }
      }),

    remove: (host) =>
      write(async (transaction, changed) => {
        for (const name of await principalsOf(transaction, host)) {
          await transaction.deleteFrom('principal').where('name', '=', name).execute();
          changed.push(name);
        }
      }),
  };
}

/** The device of a row. */
function toDevice(row: Omit<DeviceTable, 'principal' | 'http'>): Device {
  return {
    host: row.host,
    serial: row.serial ?? undefined,
    model: row.model ?? undefined,
    joined: row.joined,
    joinedBy: row.joined_by,
    joinedFrom: row.joined_from,
    lastSeen: row.last_seen ?? undefined,
  };
}

/** The device of a row of `activeDevices`. */
export function toActiveDevice(
  row: Parameters<typeof toDevice>[0] & Pick<ActiveDevice, 'rid'>,
): ActiveDevice {
  return { ...toDevice(row), rid: row.rid };
}

/** Columns of `device` that make a `Device`. */
const DEVICE_COLUMNS = [
  'device.host',
  'device.serial',
  'device.model',
  'device.joined',
  'device.joined_by',
  'device.joined_from',
  'device.last_seen',
] as const;

function findRow(db: Kysely<Tables>, host: string): Promise<DeviceTable | undefined> {
  return db.selectFrom('device').selectAll().where('host', '=', host).executeTakeFirst();
}

function summaryRows(db: Kysely<Tables>) {
  return db
    .selectFrom('device')
    .innerJoin('principal', 'principal.id', 'device.principal')
    .select(DEVICE_COLUMNS)
    .select(['device.http', 'principal.disabled', 'principal.kvno', 'principal.etypes'])
    .select(['principal.password_changed', 'principal.last_success']);
}

type SummaryRow = Awaited<ReturnType<ReturnType<typeof summaryRows>['execute']>>[number];

function toSummary(row: SummaryRow): DeviceSummary {
  const seen = [row.last_seen, row.last_success].filter((at) => at !== null);
  return {
    ...toDevice(row),
    lastSeen: seen.length === 0 ? undefined : Math.max(...seen),
    disabled: row.disabled !== 0,
    kvno: row.kvno,
    etypes: etypeList(row.etypes),
    keysMade: row.password_changed,
    http: row.http !== null,
  };
}

function deviceColumns({ serial, model, joined, joinedBy, joinedFrom }: DeviceEntry['device']) {
  return {
    serial: serial ?? null,
    model: model ?? null,
    joined,
    joined_by: joinedBy,
    joined_from: joinedFrom,
  };
}

async function putDevice(
  transaction: Transaction<Tables>,
  row: Omit<DeviceTable, 'last_seen'>,
): Promise<void> {
  const { principal: _, ...columns } = row;
  await transaction
    .insertInto('device')
    .values({ ...row, last_seen: null })
    .onConflict((conflict) => conflict.column('principal').doUpdateSet(columns))
    .execute();
}

async function putToken(
  transaction: Transaction<Tables>,
  device: number,
  token: DeviceEntry['token'],
): Promise<void> {
  const tokens = transaction.selectFrom('device_token').select('id').where('device', '=', device);
  // The oldest one: a token that was used is the oldest, as using it takes those before it away.
  const kept = tokens.orderBy('id').limit(token?.keepPrevious === true ? 1 : 0);
  await transaction
    .deleteFrom('device_token')
    .where('device', '=', device)
    .where('id', 'not in', kept)
    .execute();
  if (token === undefined) return;
  await transaction.insertInto('device_token').values({ hash: token.hash, device }).execute();
}

/** The names of a device's principals. Throws `RealmwardError` `not-found`. */
async function principalsOf(transaction: Transaction<Tables>, host: string): Promise<readonly string[]> {
  const rows = await transaction
    .selectFrom('device')
    .innerJoin('principal', (join) =>
      join.on((on) =>
        on.or([
          on('principal.id', '=', on.ref('device.principal')),
          on('principal.id', '=', on.ref('device.http')),
        ]),
      ),
    )
    .select('principal.name')
    .where('device.host', '=', host)
    .execute();
  if (rows.length > 0) return rows.map(({ name }) => name);
  throw new RealmwardError('not-found', `no device "${host}" has joined`, {
    hint: '"realmward device list" shows those that have.',
  });
}

/** Of a `DeviceDirectory`: what a device that may act looks like. */
export function activeDevices(db: Kysely<Tables>, now: Seconds) {
  return db
    .selectFrom('device')
    .innerJoin('principal', 'principal.id', 'device.principal')
    .select(DEVICE_COLUMNS)
    .select('device.principal as rid')
    .where('principal.disabled', '=', 0)
    .where((where) =>
      where.or([where('principal.expires', 'is', null), where('principal.expires', '>', now)]),
    );
}
