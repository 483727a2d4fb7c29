import type { PrincipalView } from '../../../app/principal-view.ts';
import { commaList } from '../../options.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward service add NAME… */
export const add: Define = (group, context) => {
  group
    .command('add')
    .description('create services with random keys, such as host/device1.example')
    .argument('<names...>', 'the new services, with or without the realm')
    .option(
      '--etypes <list>',
      'encryption types, apart by commas, where the service knows only these',
      commaList,
    )
    .action((names: string[], options: { etypes?: string[] }) =>
      withRealm(context, async (realm, { createService, etypesByName, showAccount }) => {
        const etypes = options.etypes && etypesByName(options.etypes);
        const views: PrincipalView[] = [];
        for (const name of names) {
          const service = await createService(realm.accounts, { name, etypes });
          views.push(await showAccount(realm, service.name, 'service'));
        }
        context.print(views, () =>
          views
            .map(
              ({ name, principal }) =>
                `Created the service ${principal}. Its keys: realmward keytab export ${name} --out FILE`,
            )
            .join('\n'),
        );
      }),
    );
};
