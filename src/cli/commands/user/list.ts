import { withRealm } from '../../realm.ts';
import { table } from '../../table.ts';
import { showIso } from '../../when.ts';
import type { Define } from '../../verbs.ts';

/** realmward user list */
export const list: Define = (group, context) => {
  group
    .command('list')
    .description('list the users')
    .action(() =>
      withRealm(context, async (realm, { listAccounts }) => {
        const users = await listAccounts(realm, 'user');
        context.print(users, () =>
          users.length === 0
            ? 'The realm has no users. "realmward user add NAME" creates one.'
            : table(
                ['name', 'right', 'state', 'expires', 'password set', 'last login'],
                users.map((user) => [
                  user.name,
                  user.right ?? '-',
                  user.state,
                  showIso(user.expires) ?? 'never',
                  showIso(user.passwordChanged) ?? '-',
                  showIso(user.lastSuccess) ?? '-',
                ]),
              ),
        );
      }),
    );
};
