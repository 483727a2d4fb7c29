import type { Define } from '../verbs.ts';
import { test } from './login/test.ts';

/** realmward login … */
export const define: Define = (command, context) => test(command, context);
