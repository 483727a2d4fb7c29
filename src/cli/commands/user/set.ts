import type { Right } from '../../../app/rights.ts';
import { usageError } from '../../context.ts';
import {
  expiresOption,
  type LimitOptions,
  limitsOf,
  nameArgument,
  rightOption,
  whenFromNow,
  withLimitOptions,
} from '../../options.ts';
import { withRealm } from '../../realm.ts';
import { describeUser } from '../../describe-user.ts';
import type { Define } from '../../verbs.ts';

interface Options extends LimitOptions {
  readonly right?: Right | false;
  readonly expires?: string;
  readonly mustChange?: boolean;
}

/** realmward user set NAME */
export const set: Define = (group, context) => {
  const command = group
    .command('set')
    .description('change what a user may do, and until when')
    .addArgument(nameArgument('the user'))
    .addOption(rightOption())
    .option('--no-right', 'take the right away: the user can log in, and may do nothing')
    .addOption(expiresOption())
    .option('--must-change', 'the password must be changed before the next ticket')
    .option('--no-must-change', 'the password need not be changed');
  withLimitOptions(command).action((name: string, options: Options) => {
    const limits = limitsOf(options);
    const { right, expires, mustChange } = options;
    if ([right, expires, mustChange, ...Object.keys(limits)].every((value) => value === undefined)) {
      throw usageError(
        '"user set" needs to know what to set',
        'It takes --right, --no-right, --expires, --must-change, --max-life and --max-renew.',
      );
    }
    const until = expires === undefined ? undefined : whenFromNow(expires);
    return withRealm(
      context,
      async (realm, { requirePasswordChange, setExpiry, setRight, setTicketLimits, showAccount }) => {
        await showAccount(realm, name, 'user');
        if (right !== undefined) await setRight(realm.accounts, name, right === false ? undefined : right);
        if (expires !== undefined) await setExpiry(realm.accounts, name, until);
        if (mustChange !== undefined) await requirePasswordChange(realm.accounts, name, mustChange);
        if (Object.keys(limits).length > 0) await setTicketLimits(realm, name, limits);
        const view = await showAccount(realm, name, 'user');
        context.print(view, () => `${view.principal} now:\n${describeUser(view)}`);
      },
    );
  });
};
