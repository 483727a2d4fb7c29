import type { Realm } from '../app/compose/realm.ts';
import type { Context } from './context.ts';

type Administration = typeof import('../app/administer.ts');

/** Opens the realm of the configuration for one piece of work, and closes it whatever happens. */
export async function withRealm(
  context: Context,
  work: (realm: Realm, administration: Administration) => Promise<void>,
): Promise<void> {
  const config = await context.config();
  const administration = await import('../app/administer.ts');
  const realm = await administration.openRealm(config, { environment: context.environment, log: warnings });
  try {
    await work(realm, administration);
  } finally {
    await realm.close();
  }
}

/** A log for commands: what an operator should look at goes to standard error. */
const warnings = {
  debug() {},
  info() {},
  warn(_fields: object, message = '') {
    process.stderr.write(`realmward: warning: ${message}\n`);
  },
  error(_fields: object, message = '') {
    process.stderr.write(`realmward: ${message}\n`);
  },
};
