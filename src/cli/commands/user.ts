import type { Define } from '../verbs.ts';
import { add } from './user/add.ts';
import { disable } from './user/disable.ts';
import { enable } from './user/enable.ts';
import { list } from './user/list.ts';
import { password } from './user/password.ts';
import { remove } from './user/remove.ts';
import { set } from './user/set.ts';
import { show } from './user/show.ts';

/** realmward user … */
export const define: Define = (command, context) => {
  for (const verb of [add, list, show, password, set, enable, disable, remove]) verb(command, context);
};
