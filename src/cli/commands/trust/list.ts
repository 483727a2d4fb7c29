import { COMMAND } from '../../../app/version.ts';
import { withRealm } from '../../realm.ts';
import { table } from '../../table.ts';
import { showIso } from '../../when.ts';
import type { Define } from '../../verbs.ts';

/** realmward trust list */
export const list: Define = (group, context) => {
  group
    .command('list')
    .description('list the trusts')
    .action(async () => {
      const { listTrusts } = await import('../../../app/trusts.ts');
      await withRealm(context, async (realm) => {
        const trusts = await listTrusts(realm);
        context.print(trusts, () =>
          trusts.length === 0
            ? `The realm trusts nobody. "${COMMAND} trust add REALM" makes a trust.`
            : table(
                ['realm', 'kind', 'direction', 'rights', 'secret set'],
                trusts.map((trust) => [
                  trust.realm,
                  trust.kind,
                  trust.direction,
                  `${trust.mode === 'keep' ? 'kept' : `${trust.rights.length} groups`}${trust.reportOnly ? ', report-only' : ''}`,
                  showIso(trust.secrets[0]?.set ?? null) ?? '-',
                ]),
              ),
        );
      });
    });
};
