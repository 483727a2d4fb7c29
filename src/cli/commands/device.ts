import type { Define } from '../verbs.ts';
import { disable } from './device/disable.ts';
import { enable } from './device/enable.ts';
import { list } from './device/list.ts';
import { remove } from './device/remove.ts';
import { show } from './device/show.ts';

/** realmward device … */
export const define: Define = (command, context) => {
  for (const verb of [list, show, disable, enable, remove]) verb(command, context);
};
