import type { Define } from '../verbs.ts';
import { exportKeys } from './keytab/export.ts';
import { list } from './keytab/list.ts';

/** realmward keytab … */
export const define: Define = (command, context) => {
  for (const verb of [exportKeys, list]) verb(command, context);
};
