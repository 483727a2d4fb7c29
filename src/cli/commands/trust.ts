import type { Define } from '../verbs.ts';
import { add } from './trust/add.ts';
import { list } from './trust/list.ts';
import { remove } from './trust/remove.ts';
import { rotate } from './trust/rotate.ts';
import { set } from './trust/set.ts';
import { show } from './trust/show.ts';
import { test } from './trust/test.ts';

/** realmward trust … */
export const define: Define = (command, context) => {
  for (const verb of [add, list, show, set, test, rotate, remove]) verb(command, context);
};
