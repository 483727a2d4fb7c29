import { nameArgument } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward user enable NAME */
export const enable: Define = (group, context) => {
  group
    .command('enable')
    .description('let a user log in again that was disabled or locked')
    .addArgument(nameArgument('the user'))
    .action((name: string) =>
      withRealm(context, async (realm, { enableAccount, showAccount, unlockAccount }) => {
        const before = await showAccount(realm, name, 'user');
        await enableAccount(realm.accounts, name);
        await unlockAccount(realm.accounts, name);
        const view = await showAccount(realm, name, 'user');
        const changed = before.disabled || before.lockedUntil !== null;
        context.print(
          view,
          `${view.principal} ${changed ? 'is enabled' : 'was neither disabled nor locked'}.`,
        );
      }),
    );
};
