import { withRealm } from '../../realm.ts';
import { fields } from '../../table.ts';
import { showIso } from '../../when.ts';
import type { Define } from '../../verbs.ts';

/** realmward device show HOST */
export const show: Define = (group, context) => {
  group
    .command('show')
    .description('show everything about a device but its keys')
    .argument('<host>', 'host name of the device')
    .action((host: string) =>
      withRealm(context, async (realm) => {
        const { showDevice } = await import('../../../app/devices.ts');
        const device = await showDevice(realm, host);
        context.print(device, () =>
          fields({
            device: device.host,
            state:
              device.state === 'ok'
                ? 'takes part'
                : 'disabled: "realmward device enable" lets it take part again',
            principals: device.principals.join(', '),
            serial: device.serial ?? undefined,
            model: device.model ?? undefined,
            joined: `${showIso(device.joined)} by ${device.joinedBy} from ${device.joinedFrom}`,
            'last seen': showIso(device.lastSeen) ?? 'never',
            keys: `version ${device.kvno} of ${showIso(device.keysMade)}: ${device.etypes.join(', ')}`,
          }),
        );
      }),
    );
};
