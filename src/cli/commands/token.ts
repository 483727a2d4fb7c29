import type { Define } from '../verbs.ts';
import { create } from './token/create.ts';
import { list } from './token/list.ts';
import { revoke } from './token/revoke.ts';

/** realmward token … */
export const define: Define = (command, context) => {
  for (const verb of [create, list, revoke]) verb(command, context);
};
