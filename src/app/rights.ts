/** The rights by name, for the command line. */
export { RIGHTS } from '../realm/right.ts';
export type { Right } from '../realm/right.ts';
