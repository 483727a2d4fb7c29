import type { Define } from '../verbs.ts';
import { add } from './service/add.ts';
import { disable } from './service/disable.ts';
import { enable } from './service/enable.ts';
import { list } from './service/list.ts';
import { rekey } from './service/rekey.ts';
import { remove } from './service/remove.ts';

/** realmward service … */
export const define: Define = (command, context) => {
  for (const verb of [add, list, disable, enable, rekey, remove]) verb(command, context);
};
