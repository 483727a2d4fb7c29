import { withRealm } from '../../realm.ts';
import type { Define } from '../../verbs.ts';

/** realmward device disable HOST */
export const disable: Define = (group, context) => {
  group
    .command('disable')
    .description('keep a device from taking part, until it is enabled')
    .argument('<host>', 'host name of the device')
    .action((text: string) =>
      withRealm(context, async (realm, { disableDevice }) => {
        const { showDevice } = await import('../../../app/devices.ts');
        const { host } = await showDevice(realm, text);
        await disableDevice(realm.store, host);
        const device = await showDevice(realm, host);
        context.print(device, `Disabled ${device.host}: its key, tickets and token count for nothing.`);
      }),
    );
};
