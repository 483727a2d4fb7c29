import { confirm } from '../../confirm.ts';
import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward device remove HOST */
export const remove: Define = (group, context) => {
  group
    .command('remove')
    .description('remove a device for good: its key, tickets and token are worthless at once')
    .argument('<host>', 'host name of the device')
    .option('--yes', 'do not ask at a terminal whether it is meant')
    .action((text: string, options: { yes?: boolean }) =>
      withRealm(context, async (realm, { removeDevice }) => {
        const { showDevice } = await import('../../../app/devices.ts');
        const { host, principals } = await showDevice(realm, text);
        if (options.yes !== true)
          await confirm(`Remove ${host} with ${principals.join(' and ')} for good?`, context);
        await removeDevice(realm.store, host);
        context.print({ removed: host }, `Removed ${host}. Its key, tickets and token are worthless.`);
      }),
    );
};
