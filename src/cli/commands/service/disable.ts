import { nameArgument } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward service disable NAME */
export const disable: Define = (group, context) => {
  group
    .command('disable')
    .description('keep everybody from getting tickets for a service')
    .addArgument(nameArgument('the service'))
    .action((name: string) =>
      withRealm(context, async (realm, { disableAccount, showAccount }) => {
        await showAccount(realm, name, 'service');
        await disableAccount(realm.accounts, name);
        const view = await showAccount(realm, name, 'service');
        context.print(
          view,
          `${view.principal} is disabled: nobody gets a ticket for it, nor it one itself. Its keys stay.`,
        );
      }),
    );
};
