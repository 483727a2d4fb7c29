import { withRealm } from '../../realm.ts';
import { table } from '../../table.ts';
import { showIso } from '../../when.ts';
import type { Define } from '../../verbs.ts';

/** realmward device list */
export const list: Define = (group, context) => {
  group
    .command('list')
    .description('list the devices that have joined')
    .action(() =>
      withRealm(context, async (realm) => {
        const { listDevices } = await import('../../../app/devices.ts');
        const devices = await listDevices(realm);
        context.print(devices, () =>
          devices.length === 0
            ? 'No device has joined. "realmward join" joins one; docs/joining.md says how else.'
            : table(
                ['host', 'state', 'last seen', 'joined', 'joined by', 'joined from', 'model'],
                devices.map((device) => [
                  device.host,
                  device.state,
                  showIso(device.lastSeen) ?? '-',
                  showIso(device.joined) ?? '-',
                  device.joinedBy,
                  device.joinedFrom,
                  device.model ?? '-',
                ]),
              ),
        );
      }),
    );
};
