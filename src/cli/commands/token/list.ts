import { withRealm } from '../../realm.ts';
import { table } from '../../table.ts';
import { showIso } from '../../when.ts';
import type { Define } from '../../verbs.ts';

/** realmward token list */
export const list: Define = (group, context) => {
  group
    .command('list')
    .description('list the join tokens; not the tokens themselves, which nobody keeps')
    .action(() =>
      withRealm(context, async (realm) => {
        const { listJoinTokens } = await import('../../../app/devices.ts');
        const tokens = await listJoinTokens(realm);
        context.print(tokens, () =>
          tokens.length === 0
            ? 'There are no join tokens. "realmward token create" makes one.'
            : table(
                ['id', 'state', 'used', 'created', 'ends'],
                tokens.map(({ id, state, used, uses, created, expires }) => [
                  id,
                  state,
                  `${used} of ${uses}`,
                  showIso(created) ?? '-',
                  showIso(expires) ?? '-',
                ]),
              ),
        );
      }),
    );
};
