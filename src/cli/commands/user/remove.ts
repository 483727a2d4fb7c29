import { confirm } from '../../confirm.ts';
import { nameArgument } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward user remove NAME */
export const remove: Define = (group, context) => {
  group
    .command('remove')
    .description('remove a user for good')
    .addArgument(nameArgument('the user'))
    .option('--yes', 'do not ask at a terminal whether it is meant')
    .action((name: string, options: { yes?: boolean }) =>
      withRealm(context, async (realm, { removeAccount, showAccount }) => {
        const { principal } = await showAccount(realm, name, 'user');
        if (options.yes !== true) await confirm(`Remove ${principal} for good?`, context);
        await removeAccount(realm.accounts, name);
        context.print(
          { removed: principal },
          `Removed ${principal}. Its RID is never given again, so nobody inherits its rights.`,
        );
      }),
    );
};
