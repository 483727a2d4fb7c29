import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward token revoke ID */
export const revoke: Define = (group, context) => {
  group
    .command('revoke')
    .description('make a join token worthless; devices that have joined with it stay')
    .argument('<id>', 'which one, as "token list" shows it')
    .action((id: string) =>
      withRealm(context, async (realm) => {
        await realm.store.joinTokens.revoke(id);
        context.print({ revoked: id }, `Revoked the join token ${id}.`);
      }),
    );
};
