import type { Define } from '../verbs.ts';
import { add } from './service/add.ts';
import { list } from './service/list.ts';
import { rekey } from './service/rekey.ts';
import { remove } from './service/remove.ts';

/** realmward service … */
export const define: Define = (command, context) => {
  for (const verb of [add, list, rekey, remove]) verb(command, context);
};
