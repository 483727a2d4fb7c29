import type { Command } from 'commander';
import type { Context } from './context.ts';

/** Adds a verb's arguments, options and action to its command. */
export type Define = (command: Command, context: Context) => void;

/** A verb or a group of verbs; its code is loaded when it is used. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly define: Define }>;
}

/** Every verb, in the order that help shows them in. */
export const VERBS: readonly Verb[] = [
  { name: 'serve', summary: 'run the server', load: () => import('./commands/serve.ts') },
  {
    name: 'init',
    summary: 'make the data folder, or a configuration to begin with',
    load: () => import('./commands/init.ts'),
  },
  { name: 'user', summary: 'add, list, change and remove users', load: () => import('./commands/user.ts') },
  {
    name: 'service',
    summary: 'add, list, rekey and remove services',
    load: () => import('./commands/service.ts'),
  },
  {
    name: 'device',
    summary: 'list, show, disable and remove devices that have joined',
    load: () => import('./commands/device.ts'),
  },
  {
    name: 'token',
    summary: 'create, list and revoke tokens that devices join with',
    load: () => import('./commands/token.ts'),
  },
  { name: 'join', summary: 'join a device to a realm', load: () => import('./commands/join.ts') },
  {
    name: 'trust',
    summary: 'add, list, change, test and remove trusts with other realms',
    load: () => import('./commands/trust.ts'),
  },
  {
    name: 'login',
    summary: 'test a login, at the realm or at any other',
    load: () => import('./commands/login.ts'),
  },
  {
    name: 'rights',
    summary: 'explain what somebody may do, and why',
    load: () => import('./commands/rights.ts'),
  },
  {
    name: 'keytab',
    summary: 'export keys to a keytab, list what is in one',
    load: () => import('./commands/keytab.ts'),
  },
  {
    name: 'import',
    summary: 'create many users from a CSV file',
    load: () => import('./commands/import.ts'),
  },
  {
    name: 'krbtgt',
    summary: 'rotate the key of the ticket-granting service',
    load: () => import('./commands/krbtgt.ts'),
  },
  {
    name: 'master-key',
    summary: 'rotate the key that seals the store',
    load: () => import('./commands/master-key.ts'),
  },
  {
    name: 'config',
    summary: 'check the configuration, print its JSON Schema',
    load: () => import('./commands/config.ts'),
  },
  {
    name: 'events',
    summary: 'list the reasons that the log and clients are told',
    load: () => import('./commands/events.ts'),
  },
  {
    name: 'decode',
    summary: 'print a Kerberos message or any DER as a tree',
    load: () => import('./commands/decode.ts'),
  },
  {
    name: 'ping',
    summary: 'ask the server for a ticket, as a client would',
    load: () => import('./commands/ping.ts'),
  },
];
