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
        const { host } = await showDevice(realm, text);
        await enableDevice(realm.store, host);
        const device = await showDevice(realm, host);
        context.print(device, `Enabled ${device.host}.`);
      }),
    );
};
