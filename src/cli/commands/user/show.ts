import { describeUser } from '../../describe-user.ts';
import { nameArgument } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward user show NAME */
export const show: Define = (group, context) => {
  group
    .command('show')
    .description('show everything about a user but its keys')
    .addArgument(nameArgument('the user'))
    .action((name: string) =>
      withRealm(context, async (realm, { showAccount }) => {
        const user = await showAccount(realm, name, 'user');
        context.print(user, () => describeUser(user));
      }),
    );
};
