import { nameArgument } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward service rekey NAME */
export const rekey: Define = (group, context) => {
  group
    .command('rekey')
    .description('give a service new random keys; its keytab must be exported again')
    .addArgument(nameArgument('the service'))
    .action((name: string) =>
      withRealm(context, async (realm, { maxTicketLife, rekeyService, showAccount }) => {
        await rekeyService(realm.accounts, name, maxTicketLife(realm));
        const view = await showAccount(realm, name, 'service');
        context.print(
          view,
          `${view.principal} has new keys, version ${view.kvno}. Add them to its keytab now, beside the old ones: new tickets need them.\n` +
            `realmward keytab export ${view.name} --out FILE`,
        );
      }),
    );
};
