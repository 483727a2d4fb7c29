import { nameArgument } from '../../options.ts';
import { newPassword, type PasswordOptions, refuseExtraWords, withPasswordOptions } from '../../passwords.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward user password NAME */
export const password: Define = (group, context) => {
  const command = group
    .command('password')
    .description('give a user a new password; it is asked for')
    .addArgument(nameArgument('the user'))
    .option('--must-change', 'the password must be changed before the next ticket');
  withPasswordOptions(command).action(
    async (name: string, options: PasswordOptions & { mustChange?: boolean }) => {
      refuseExtraWords(command, 1);
      await withRealm(context, async (realm, { setPassword, showAccount }) => {
        // Before the password is asked for: who types one in vain types it again somewhere else.
        const { principal } = await showAccount(realm, name, 'user');
        const text = await newPassword(options, principal, context);
        await setPassword(realm.accounts, name, text, { mustChange: options.mustChange ?? false });
        const view = await showAccount(realm, name, 'user');
        context.print(
          view,
          `${principal} has a new password${view.mustChange ? ', which must be changed before the next ticket' : ''}. Its keys have version ${view.kvno}; keytabs with older ones no longer work.`,
        );
      });
    },
  );
};
