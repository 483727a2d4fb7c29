import { type Kysely, sql, type Transaction } from 'kysely';
import { equalBytes, toHex } from '../base/bytes.ts';
import { RealmwardError } from '../base/errors.ts';
import type { Seconds } from '../base/ports.ts';
import type { JoinOnce } from '../realm/device.ts';
import type { MasterKeyRing } from './master-key.ts';
import type { Tables } from './schema.ts';
import { seal, unseal } from './seal.ts';
import { sealingKey } from './sealing-key.ts';

/** Answers kept, a kilobyte each: joins of ten minutes at the pace of 30 a second. */
const KEPT_ANSWERS = 20_000;

/** The answer that was given before; `undefined`: none. Throws `RealmwardError` `request-id-reused`. */
export async function earlierAnswer(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
  { request, body }: JoinOnce,
  now: Seconds,
): Promise<Uint8Array | undefined> {
  const row = await transaction
    .selectFrom('join_answer')
    .select(['body', 'answer'])
    .where('request', '=', request)
    .where('expires', '>', now)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (!equalBytes(row.body, body)) {
    throw new RealmwardError('request-id-reused', 'this request id came before, with another request', {
      hint: 'A request id is for one request and its repetitions: make a new one.',
    });
  }
  return unseal(ring, joinAnswerContext(request), row.answer);
}

/** Keeps the answer, and lets go of those whose time is over. */
export async function keepAnswer(
  transaction: Transaction<Tables>,
  ring: MasterKeyRing,
  { request, body, expires }: JoinOnce,
  device: number,
  secret: Uint8Array,
): Promise<void> {
  const answer = seal(await sealingKey(transaction, ring), joinAnswerContext(request), secret);
  await transaction.insertInto('join_answer').values({ request, body, device, expires, answer }).execute();
}

/** Lets go of answers whose time is over. */
export async function pruneAnswers(db: Kysely<Tables>, now: Seconds): Promise<void> {
  await db.deleteFrom('join_answer').where('expires', '<=', now).execute();
  await sql`delete from join_answer where id <= (select max(id) from join_answer) - ${KEPT_ANSWERS}`.execute(
    db,
  );
}

/** What a sealed answer is bound to. */
export function joinAnswerContext(request: Uint8Array): string {
  return `join answer ${toHex(request)}`;
}
