import { progressOn } from '../progress.ts';
import { withRealm } from '../realm.ts';
import type { Define } from '../verbs.ts';

/** realmward master-key rotate */
export const define: Define = (command, context) => {
  command
    .command('rotate')
    .description('seal all keys of the store with a new master key; servers may go on running')
    .action(() =>
      withRealm(context, async (realm) => {
        const progress = await progressOn(context, 'principals');
        try {
          const { id, resealed, trusts, resumed, oldKeysIn } = await realm.store.rotateMasterKey(
            progress.update,
          );
          progress.stop();
          context.print({ id, resealed, trusts, resumed, oldKeysIn: oldKeysIn ?? null }, () =>
            [
              ...(resumed ? ['An earlier rotation had been interrupted; this one finished it.'] : []),
              `The keys of ${resealed} principals${trusts === 0 ? '' : ` and ${trusts} ${trusts === 1 ? 'trust' : 'trusts'}`} are sealed with the new master key ${id}. Save a copy of it apart from the backups of the store.`,
              ...(oldKeysIn === undefined
                ? []
                : [`The old key still stands in ${oldKeysIn}: take it away there.`]),
            ].join('\n'),
          );
        } finally {
          progress.stop();
        }
      }),
    );
};
