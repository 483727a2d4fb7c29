import { nameArgument } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward user disable NAME */
export const disable: Define = (group, context) => {
  group
    .command('disable')
    .description('keep a user from logging in and from getting tickets')
    .addArgument(nameArgument('the user'))
    .action((name: string) =>
      withRealm(context, async (realm, { disableAccount, showAccount }) => {
        await showAccount(realm, name, 'user');
        await disableAccount(realm.accounts, name);
        const view = await showAccount(realm, name, 'user');
        context.print(
          view,
          `${view.principal} is disabled: it gets no tickets any more. Those for services stay valid until they end.`,
        );
      }),
    );
};
