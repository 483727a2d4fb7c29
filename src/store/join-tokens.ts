import type { Kysely, Transaction } from 'kysely';
import { RealmwardError } from '../base/errors.ts';
import type { Seconds } from '../base/ports.ts';
import { JOIN_ANSWER_LIFE, type JoinTokenRepository } from '../realm/join-token.ts';
import type { Tables } from './schema.ts';

/** Tokens that ended so long ago are not shown any more. */
const SHOWN_AFTER_END = 30 * 86_400;

export function createJoinTokenRepository(db: Kysely<Tables>): JoinTokenRepository {
  return {
    async add(token, hash) {
      await db
        .deleteFrom('join_token')
        .where('expires', '<', token.created - SHOWN_AFTER_END)
        .execute();
      const insert = db.insertInto('join_token').values({ ...token, hash, used: 0 });
      const { numInsertedOrUpdatedRows } = await insert
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows !== 0n) return;
      throw new RealmwardError('exists', `there is a join token ${token.id} already`, { hint: 'Try again.' });
    },

    list: () =>
      db
        .selectFrom('join_token')
        .select(['id', 'created', 'expires', 'uses', 'used'])
        .orderBy('created', 'desc')
        .orderBy('id')
        .execute(),

    async find(hash, now) {
      const row = await db
        .selectFrom('join_token')
        .select('id')
        .where('hash', '=', hash)
        .where('expires', '>', now - JOIN_ANSWER_LIFE)
        .executeTakeFirst();
      return row?.id;
    },

    async revoke(id) {
      const remove = db.deleteFrom('join_token').where('id', '=', id);
      const { numDeletedRows } = await remove.executeTakeFirstOrThrow();
      if (numDeletedRows !== 0n) return;
      throw new RealmwardError('not-found', `there is no join token "${id}"`, {
        hint: '"realmward token list" shows those that exist.',
      });
    },
  };
}

/** Takes one use of a token, at once for all servers. Throws `RealmwardError` `join-token-used`. */
export async function takeUse(transaction: Transaction<Tables>, id: string, now: Seconds): Promise<void> {
  const { numUpdatedRows } = await transaction
    .updateTable('join_token')
    .set((token) => ({ used: token('used', '+', 1) }))
    .where('id', '=', id)
    .whereRef('used', '<', 'uses')
    .where('expires', '>', now)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 0n) return;
  throw new RealmwardError('join-token-used', `the join token ${id} is used up, has ended or was revoked`, {
    hint: 'Make a new one with "realmward token create".',
  });
}
