import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, sql, type Transaction } from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import type { TrustKeys } from '../realm/trust-settings.ts';
import {
  formatKeyId,
  type MasterKey,
  type MasterKeyRing,
  MASTER_KEY_VARIABLE,
  newMasterKey,
} from './master-key.ts';
import { joinAnswerContext } from './join-answers.ts';
import { keyContext } from './principal-rows.ts';
import { seal, sealingKeyId, unseal } from './seal.ts';
import { SEALING_KEY_SETTING, sealingKey } from './sealing-key.ts';
import { createSettings } from './settings.ts';
import type { Tables } from './schema.ts';
import { trustKeyContext } from './trust-rows.ts';

/** What a rotation did. Ids as eight hexadecimal digits. */
export interface MasterKeyRotation {
  readonly id: string;
  /** Principals whose keys were sealed anew. */
  readonly resealed: number;
  /** Trusts whose keys were sealed anew. */
  readonly trusts: number;
  /** An earlier rotation had not come to its end; this was its rest. */
  readonly resumed: boolean;
  /** Where old keys still stand because realmward cannot write there: take them away by hand. */
  readonly oldKeysIn: string | undefined;
}

/** Principals in one transaction, and the pause between two in which servers may write, in milliseconds. */
const CHUNK = 200;
const PAUSE = 2;

/**
 * Seals every secret of the store with a new master key, while servers go on running: the new key is added to the file beside the old one;
 * then the store says that new values are sealed with it; then what is there is sealed anew, some rows at a time; then the old key goes. It
 * may be stopped anywhere: both keys are there until nothing needs the old one, and the next rotation finishes the work. `onProgress` is told
 * how many of how many principals are done. Throws `RealmwardError` `no-new-master-key` when keys come from outside and no new one was given.
 */
export async function rotateMasterKey(
  db: Kysely<Tables>,
  ring: MasterKeyRing,
  onProgress: (done: number, total: number) => void,
): Promise<MasterKeyRotation> {
  const { source } = ring;
  const { next, resumed } = await db.transaction().execute((transaction) => beginRotation(transaction, ring));
  const resealed = await resealAll(db, ring, next, onProgress);
  const trusts = await db.transaction().execute((transaction) => resealTrusts(transaction, ring, next));
  await db.transaction().execute((transaction) => resealJoinAnswers(transaction, ring, next));
  await db.transaction().execute((transaction) => endRotation(transaction, ring, next));
  return {
    id: formatKeyId(next.id),
    resealed,
    trusts,
    resumed,
    oldKeysIn: source.write === undefined ? source.name : undefined,
  };
}

/** The transaction is also what keeps two rotations from making a key each, and losing one. */
async function beginRotation(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
): Promise<{ next: MasterKey; resumed: boolean }> {
  const { source } = ring;
  const inUse = await sealingKey(transaction, ring);
  const [first, ...others] = ring.reload();
  // More than one key: a rotation was stopped, or an operator put the new key in front of the old one. Then the first is the new one.
  const given = others.length > 0 ? first : undefined;
  if (given === undefined && source.write === undefined) throw noNewKey(source.name);
  const next = given ?? newMasterKey();
  if (given === undefined) {
    // The file before the store: a key must be safe before anything is sealed with it.
    source.write?.([next, inUse]);
    ring.reload();
  }
  await createSettings(transaction).set(SEALING_KEY_SETTING, formatKeyId(next.id));
  return { next, resumed: given !== undefined && source.write !== undefined };
}

/** Lets the old key go, once nothing is sealed with it. */
async function endRotation(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
  next: MasterKey,
): Promise<void> {
  if ((await sealingKey(transaction, ring)).id !== next.id) throw overtaken();
  const idBytes = new Uint8Array(4);
  new DataView(idBytes.buffer).setUint32(0, next.id);
  const principal = await transaction
    .selectFrom('principal')
    .select('name')
    .where(sql`substr(keys, 1, 4)`, '<>', idBytes)
    .executeTakeFirst();
  const trust = await transaction
    .selectFrom('trust')
    .select('realm')
    .where((where) =>
      where.or([
        where(sql`substr(inbound_keys, 1, 4)`, '<>', idBytes),
        where(sql`substr(outbound_keys, 1, 4)`, '<>', idBytes),
      ]),
    )
    .executeTakeFirst();
  const answer = await transaction
    .selectFrom('join_answer')
    .innerJoin('device', 'device.principal', 'join_answer.device')
    .select('device.host')
    .where(sql`substr(answer, 1, 4)`, '<>', idBytes)
    .executeTakeFirst();
  const left = principal?.name ?? trust?.realm ?? answer?.host;
  if (left !== undefined) {
    throw new RealmwardError(
      'rotation-unfinished',
      `the keys of "${left}" are still sealed with another master key`,
      {
        hint: 'Nothing is lost: all keys stay in place. Rotate again; it goes on from here.',
      },
    );
  }
  ring.source.write?.([next]);
}

async function resealAll(
  db: Kysely<Tables>,
  ring: MasterKeyRing,
  next: MasterKey,
  onProgress: (done: number, total: number) => void,
): Promise<number> {
  const total = await countPrincipals(db);
  let resealed = 0;
  let done = 0;
  let chunk: Chunk = { last: 0, rows: 0, resealed: 0 };
  while (chunk.last !== undefined) {
    const after = chunk.last;
    chunk = await db.transaction().execute((transaction) => resealChunk(transaction, ring, next, after));
    resealed += chunk.resealed;
    done += chunk.rows;
    onProgress(done, Math.max(done, total));
    await sleep(PAUSE);
  }
  return resealed;
}

interface Chunk {
  /** The last principal of it; `undefined` when there was none left. */
  last: number | undefined;
  rows: number;
  resealed: number;
}

async function countPrincipals(db: Kysely<Tables>): Promise<number> {
  const query = db.selectFrom('principal').select((select) => select.fn.countAll<number>().as('total'));
  return (await query.executeTakeFirstOrThrow()).total;
}

async function resealChunk(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
  next: MasterKey,
  after: number,
): Promise<Chunk> {
  if ((await sealingKey(transaction, ring)).id !== next.id) throw overtaken();
  const rows = await transaction
    .selectFrom('principal')
    .select(['id', 'kvno', 'etypes', 'keys'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(CHUNK)
    .execute();
  let resealed = 0;
  for (const row of rows) {
    if (row.keys === null || sealingKeyId(row.keys) === next.id) continue;
    const secret = unseal(ring, keyContext(row), row.keys);
    const keys = seal(next, keyContext(row), secret);
    secret.fill(0);
    await transaction.updateTable('principal').set({ keys }).where('id', '=', row.id).execute();
    resealed++;
  }
  return { last: rows.at(-1)?.id, rows: rows.length, resealed };
}

/** Trusts are few: all of them at once. */
async function resealTrusts(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
  next: MasterKey,
): Promise<number> {
  if ((await sealingKey(transaction, ring)).id !== next.id) throw overtaken();
  const rows = await transaction
    .selectFrom('trust')
    .select(['id', 'realm', 'inbound_keys', 'outbound_keys'])
    .execute();
  let resealed = 0;
  for (const row of rows) {
    const { id, inbound_keys: inbound, outbound_keys: outbound } = row;
    if (sealingKeyId(inbound) === next.id && sealingKeyId(outbound) === next.id) continue;
    const again = (direction: keyof TrustKeys, sealed: Uint8Array): Uint8Array => {
      const context = trustKeyContext(row, direction);
      const secret = unseal(ring, context, sealed);
      const resealed = seal(next, context, secret);
      secret.fill(0);
      return resealed;
    };
    const columns = { inbound_keys: again('inbound', inbound), outbound_keys: again('outbound', outbound) };
    await transaction.updateTable('trust').set(columns).where('id', '=', id).execute();
    resealed++;
  }
  return resealed;
}

/** Answers live for minutes, and their number is bounded: all at once, too. */
async function resealJoinAnswers(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
  next: MasterKey,
): Promise<void> {
  if ((await sealingKey(transaction, ring)).id !== next.id) throw overtaken();
  const rows = await transaction.selectFrom('join_answer').select(['id', 'request', 'answer']).execute();
  for (const { id, request, answer } of rows) {
    if (sealingKeyId(answer) === next.id) continue;
    const secret = unseal(ring, joinAnswerContext(request), answer);
    const resealed = seal(next, joinAnswerContext(request), secret);
    secret.fill(0);
    await transaction.updateTable('join_answer').set({ answer: resealed }).where('id', '=', id).execute();
  }
}

function noNewKey(name: string): RealmwardError {
  return new RealmwardError(
    'no-new-master-key',
    `the master key comes from ${name}, where realmward cannot put a new one`,
    {
      hint: `Set it to the new key, a comma, and the old key (a new one: openssl rand -base64 32), restart the servers, and rotate again${
        name === `$${MASTER_KEY_VARIABLE}` ? '' : ' with the same credential'
      }.`,
    },
  );
}

function overtaken(): RealmwardError {
  return new RealmwardError('rotation-overtaken', 'another rotation of the master key began meanwhile', {
    hint: 'Let it end; what this one did is not lost.',
  });
}
