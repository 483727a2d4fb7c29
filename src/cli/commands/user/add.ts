import type { Right } from '../../../app/rights.ts';
import {
  expiresOption,
  type LimitOptions,
  limitsOf,
  nameArgument,
  rightOption,
  whenFromNow,
  withLimitOptions,
} from '../../options.ts';
import { newPassword, type PasswordOptions, refuseExtraWords, withPasswordOptions } from '../../passwords.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

interface Options extends PasswordOptions, LimitOptions {
  readonly right?: Right;
  readonly expires?: string;
  readonly mustChange?: boolean;
}

/** realmward user add NAME */
export const add: Define = (group, context) => {
  const command = group
    .command('add')
    .description('create a user; the password is asked for')
    .addArgument(nameArgument('the new user'))
    .addOption(rightOption())
    .addOption(expiresOption())
    .option('--must-change', 'the password must be changed before the first ticket');
  withLimitOptions(withPasswordOptions(command)).action(async (name: string, options: Options) => {
    refuseExtraWords(command, 1);
    const expires = options.expires === undefined ? undefined : whenFromNow(options.expires);
    await withRealm(context, async (realm, { checkNewUser, createUser, setTicketLimits, showAccount }) => {
      // Before the password is asked for: who types one in vain types it again somewhere else.
      await checkNewUser(realm, name);
      const password = await newPassword(options, name, context);
      const { right, mustChange = false } = options;
      const user = await createUser(realm.accounts, { name, password, right, expires, mustChange });
      const limits = limitsOf(options);
      if (Object.keys(limits).length > 0) await setTicketLimits(realm, user.name, limits);
      const view = await showAccount(realm, user.name, 'user');
      context.print(
        view,
        `Created the user ${view.principal} ${right === undefined ? 'without a right: it can log in, and may do nothing' : `with the right ${right}`}.`,
      );
    });
  });
};
