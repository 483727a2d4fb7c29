import { nameArgument } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward service enable NAME */
export const enable: Define = (group, context) => {
  group
    .command('enable')
    .description('let tickets for a service be had again')
    .addArgument(nameArgument('the service'))
    .action((name: string) =>
      withRealm(context, async (realm, { enableAccount, showAccount }) => {
        const before = await showAccount(realm, name, 'service');
        await enableAccount(realm.accounts, name);
        const view = await showAccount(realm, name, 'service');
        context.print(view, `${view.principal} ${before.disabled ? 'is enabled' : 'was not disabled'}.`);
      }),
    );
};
