import { withRealm } from '../../realm.ts';
import { table } from '../../table.ts';
import { showIso } from '../../when.ts';
import type { Define } from '../../verbs.ts';

/** realmward service list */
export const list: Define = (group, context) => {
  group
    .command('list')
    .description('list the services')
    .action(() =>
      withRealm(context, async (realm, { listAccounts }) => {
        const services = await listAccounts(realm, 'service');
        context.print(services, () =>
          services.length === 0
            ? 'The realm has no services. "realmward service add NAME" creates one.'
            : table(
                ['name', 'state', 'key version', 'keys made', 'encryption types'],
                services.map((service) => [
                  service.name,
                  service.state,
                  String(service.kvno),
                  showIso(service.passwordChanged) ?? '-',
                  service.etypes.join(', '),
                ]),
              ),
        );
      }),
    );
};
