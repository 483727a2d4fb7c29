import type { Kysely } from 'kysely';
import type { Settings } from '../realm/ports.ts';
import type { Tables } from './schema.ts';

/** The realm's settings. Keys in use: `realm`, `master-key` (here in store/), `sid` (accounts/). */
export function createSettings(db: Kysely<Tables>): Settings {
  const get = async (key: string): Promise<string | undefined> => {
    const row = await db.selectFrom('setting').select('value').where('key', '=', key).executeTakeFirst();
    return row?.value;
  };
  return {
    get,

    async set(key, value) {
      const insert = db.insertInto('setting').values({ key, value });
      await insert.onConflict((conflict) => conflict.column('key').doUpdateSet({ value })).execute();
    },

    async once(key, value) {
      const insert = db.insertInto('setting').values({ key, value });
      await insert.onConflict((conflict) => conflict.column('key').doNothing()).execute();
      return (await get(key)) ?? value;
    },
  };
}
