import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward device enable HOST */
export const enable: Define = (group, context) => {
  group
    .command('enable')
    .description('let a disabled device take part again')
    .argument('<host>', 'host name of the device')
    .action((text: string) =>
      withRealm(context, async (realm, { enableDevice }) => {
        const { showDevice } = await import('../../../app/devices.ts');
        await enableDevice(realm.store, text);
        const device = await showDevice(realm, text);
        context.print(device, `Enabled ${device.host}.`);
      }),
    );
};
