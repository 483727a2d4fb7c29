import { confirm } from '../../confirm.ts';
import { nameArgument } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward service remove NAME */
export const remove: Define = (group, context) => {
  group
    .command('remove')
    .description('remove a service and its keys for good')
    .addArgument(nameArgument('the service'))
    .option('--yes', 'do not ask at a terminal whether it is meant')
    .action((name: string, options: { yes?: boolean }) =>
      withRealm(context, async (realm, { removeAccount, showAccount }) => {
        const { principal } = await showAccount(realm, name, 'service');
        if (options.yes !== true) await confirm(`Remove ${principal} and its keys for good?`, context);
        await removeAccount(realm.accounts, name);
        context.print(
          { removed: principal },
          `Removed ${principal}. Its keytabs are worthless for new tickets.`,
        );
      }),
    );
};
